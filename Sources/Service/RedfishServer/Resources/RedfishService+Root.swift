import HTTPTypes

extension RedfishService {
    static let root = "/redfish/v1"

    var serviceRootDocument: ResourceDocument {
        ResourceDocument(
            "\(Self.root)/", type: SchemaTypes.serviceRoot,
            [
                "Id": "RootService", "Name": "Root Service", "RedfishVersion": "1.22.0",
                "UUID": .string(configuration.uuid), "Product": "MediaRig", "Vendor": "MediaRig",
                "Systems": .link("\(Self.root)/Systems"), "Managers": .link("\(Self.root)/Managers"),
                "Tasks": .link("\(Self.root)/TaskService"),
                "SessionService": .link("\(Self.root)/SessionService"),
                "AccountService": .link("\(Self.root)/AccountService"),
                "CertificateService": .link("\(Self.root)/CertificateService"),
                "EventService": .link("\(Self.root)/EventService"),
                "Registries": .link("\(Self.root)/Registries"),
                "JsonSchemas": .link("\(Self.root)/JsonSchemas"),
                "ProtocolFeaturesSupported": [
                    "ExpandQuery": [
                        "ExpandAll": true, "Levels": true, "Links": true, "NoLinks": true,
                        "MaxLevels": JSON(ResourceQuery.maximumLevels),
                    ],
                    "SelectQuery": true, "OnlyMemberQuery": true, "TopSkipQuery": true,
                    "FilterQuery": false, "ExcerptQuery": false,
                    "DeepOperations": ["DeepPATCH": false, "DeepPOST": false],
                ],
                "Links": ["Sessions": .link("\(Self.root)/SessionService/Sessions")],
            ])
    }

    /// The OData service document (OData JSON format, "Service document").
    var odataDocument: ResourceDocument {
        let names: [(String, String)] = [
            ("Service", "/"), ("Systems", "/Systems"), ("Managers", "/Managers"), ("Tasks", "/TaskService"),
            ("AccountService", "/AccountService"), ("SessionService", "/SessionService"),
            ("EventService", "/EventService"),
            ("Registries", "/Registries"), ("JsonSchemas", "/JsonSchemas"),
            ("Sessions", "/SessionService/Sessions"),
        ]
        return ResourceDocument(
            plain: "\(Self.root)/odata",
            [
                "@odata.context": "/redfish/v1/$metadata",
                "value": .array(
                    names.map { name, path in
                        [
                            "name": .string(name), "kind": "Singleton",
                            "url": .string(Self.root + path),
                        ]
                    }),
            ])
    }

    /// The OData metadata document: which schemas the service uses.
    func metadataAnswer() -> Answer {
        var text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">

            """
        for schema in SchemaTypes.all {
            text += "  <edmx:Reference Uri=\"\(schema.metadataURI)\">\n"
            text += "    <edmx:Include Namespace=\"\(schema.name)\"/>\n"
            if let namespace = schema.versionedNamespace {
                text += "    <edmx:Include Namespace=\"\(namespace)\"/>\n"
            }
            text += "  </edmx:Reference>\n"
        }
        let container = SchemaTypes.serviceRoot.split(separator: ".").dropLast().joined(separator: ".")
        text += """
              <edmx:DataServices>
                <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">
                  <EntityContainer Name="Service" Extends="\(container).ServiceContainer"/>
                </Schema>
              </edmx:DataServices>
            </edmx:Edmx>

            """
        var head = Self.head(200)
        head.headerFields[.contentType] = "application/xml; charset=utf-8"
        head.headerFields[.allow] = "GET, HEAD"
        return Answer(head, .bytes(Array(text.utf8)))
    }

    /// The paths and methods of the service for tools that read OpenAPI 3.0.
    func openAPIAnswer() -> Answer {
        var text = """
            openapi: 3.0.1
            info:
              title: MediaRig
              version: "\(configuration.firmwareVersion)"
            paths:

            """
        for route in RouteTable.routes {
            text += "  \(route.pattern):\n"
            let parameters = route.segments.compactMap { segment in
                if case .parameter(let name) = segment { name } else { nil }
            }
            if !parameters.isEmpty { text += "    parameters:\n" }
            for name in parameters {
                text += "      - {name: \(name), in: path, required: true, schema: {type: string}}\n"
            }
            for operation in route.operations {
                text += """
                        \(operation.method.rawValue.lowercased()):
                          responses:
                            default: {description: "See the Redfish specification."}

                    """
            }
        }
        var head = Self.head(200)
        head.headerFields[.contentType] = "application/yaml; charset=utf-8"
        head.headerFields[.allow] = "GET, HEAD"
        return Answer(head, .bytes(Array(text.utf8)))
    }

    /// "2026-11-21T19:20:03+00:00"
    func timeStamp(_ secondsSince1970: Int64) -> String { CalendarTime.text(secondsSince1970) }
}

/// Days and seconds of the Gregorian calendar, UTC.
enum CalendarTime {
    static func text(_ secondsSince1970: Int64) -> String {
        let (days, seconds) = secondsSince1970.quotientAndRemainder(dividingBy: 86_400)
        // Counted from 0000-03-01, so that the leap day is the last of its year.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
            + "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))+00:00"
    }

    private static func padded(_ number: Int64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
