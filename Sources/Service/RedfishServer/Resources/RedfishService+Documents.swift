import HTTPTypes

/// Message registries and schemas: what the words of the service mean.
extension RedfishService {
    private static let registriesPath = "\(root)/Registries"
    private static let schemasPath = "\(root)/JsonSchemas"

    private static let registryVersions = [
        (id: "Base", version: MessageDefinition.baseRegistryVersion),
        (id: "ResourceEvent", version: MessageDefinition.resourceEventVersion),
        (id: "TaskEvent", version: MessageDefinition.taskEventVersion),
        (id: "MediaRig", version: MessageDefinition.mediaRegistryVersion),
    ]

    var registriesDocument: ResourceDocument {
        ResourceDocument(
            collection: Self.registriesPath, of: "MessageRegistryFile", name: "Message Registries",
            members: Self.registryVersions.map { "\(Self.registriesPath)/\($0.id)" })
    }

    func registryDocument(_ id: String) throws(Refusal) -> ResourceDocument {
        guard let registry = Self.registryVersions.first(where: { $0.id == id }) else {
            throw Refusal(.resourceNotFound, "MessageRegistryFile", id)
        }
        let isOwn = id == "MediaRig"
        let file = "\(id).\(registry.version).json"
        let location: JSON =
            isOwn
            ? ["Language": "en", "Uri": .string("\(Self.registriesPath)/\(id)/\(file)")]
            : [
                "Language": "en",
                "PublicationUri": .string("https://redfish.dmtf.org/registries/\(file)"),
            ]
        let prefix = "\(id).\(registry.version.split(separator: ".").prefix(2).joined(separator: "."))"
        return ResourceDocument(
            "\(Self.registriesPath)/\(id)", type: SchemaTypes.registryFile,
            [
                "Id": .string(id), "Name": .string("\(id) Message Registry File"), "Languages": ["en"],
                "Registry": .string(prefix), "Location": .array([location]),
            ])
    }

    /// Our own registry, whole.
    func registryText(_ id: String, _ document: String) throws(Refusal) -> ResourceDocument {
        let version = MessageDefinition.mediaRegistryVersion
        guard id == "MediaRig", document == "MediaRig.\(version).json" else {
            throw Refusal(.invalidURI, "\(Self.registriesPath)/\(id)/\(document)")
        }
        var messages: JSONObject = [:]
        for definition in MessageDefinition.allMedia {
            var object: JSONObject = [
                "Description": .string(definition.text), "Message": .string(definition.text),
                "MessageSeverity": .string(definition.severity.rawValue),
                "NumberOfArgs": JSON(definition.argumentCount),
                "Resolution": .string(definition.resolution),
            ]
            if definition.argumentCount > 0 {
                object["ParamTypes"] = .strings(.init(repeating: "string", count: definition.argumentCount))
            }
            messages[definition.key] = .object(object)
        }
        return ResourceDocument(
            plain: "\(Self.registriesPath)/\(id)/\(document)",
            [
                "@odata.type": .string("#\(SchemaTypes.registry)"), "Id": .string("MediaRig.\(version)"),
                "Name": "MediaRig Message Registry", "Language": "en",
                "Description": "Why media could not be inserted or ejected.", "RegistryPrefix": "MediaRig",
                "RegistryVersion": .string(version), "OwningEntity": "MediaRig",
                "Messages": .object(messages),
            ])
    }

    var jsonSchemasDocument: ResourceDocument {
        ResourceDocument(
            collection: Self.schemasPath, of: "JsonSchemaFile", name: "JSON Schema Files",
            members: SchemaTypes.files.map { "\(Self.schemasPath)/\($0.name)" })
    }

    func jsonSchemaDocument(_ name: String) throws(Refusal) -> ResourceDocument {
        guard let schema = SchemaTypes.files.first(where: { $0.name == name }) else {
            throw Refusal(.resourceNotFound, "JsonSchemaFile", name)
        }
        return ResourceDocument(
            "\(Self.schemasPath)/\(name)", type: SchemaTypes.schemaFile,
            [
                "Id": .string(name), "Name": .string("\(name) Schema File"),
                "Schema": .string("#\(schema.versionedNamespace ?? name).\(name)"), "Languages": ["en"],
                "Location": [
                    [
                        "Language": "en",
                        "PublicationUri": .string("http://redfish.dmtf.org/schemas/v1/\(schema.fileName)"),
                    ]
                ],
            ])
    }

    /// The CSDL of our own types.
    func schemaAnswer(_ name: String, _ document: String) throws(Refusal) -> Answer {
        guard document == "\(name)_v1.xml", let text = OwnSchemas.text(of: name) else {
            throw Refusal(.invalidURI, "\(Self.schemasPath)/\(name)/\(document)")
        }
        var head = Self.head(200)
        head.headerFields[.contentType] = "application/xml; charset=utf-8"
        head.headerFields[.allow] = "GET, HEAD"
        return Answer(head, .bytes(Array(text.utf8)))
    }
}
