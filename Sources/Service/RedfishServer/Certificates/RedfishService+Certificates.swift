import HTTPTypes

/// The certificates that a slot trusts, and the service that lists them.
extension RedfishService {
    private static let service = "\(root)/CertificateService"
    static let replaceCertificateAction = "CertificateService.ReplaceCertificate"

    var certificateServiceDocument: ResourceDocument {
        ResourceDocument(
            Self.service, type: SchemaTypes.certificateService,
            [
                "Id": "CertificateService", "Name": "Certificate Service",
                "CertificateLocations": .link("\(Self.service)/CertificateLocations"),
                "Actions": [
                    "#\(Self.replaceCertificateAction)": [
                        "target": .string("\(Self.service)/Actions/\(Self.replaceCertificateAction)")
                    ]
                ],
            ])
    }

    func certificateLocationsDocument() async -> ResourceDocument {
        var paths: [String] = []
        for slot in await media.current() ?? [] {
            let base = "\(systemPath)/VirtualMedia/\(slot.name)/Certificates"
            paths += (trust[slot.name]?.certificates ?? []).map { "\(base)/\($0.id)" }
        }
        return ResourceDocument(
            "\(Self.service)/CertificateLocations", type: SchemaTypes.certificateLocations,
            [
                "Id": "CertificateLocations", "Name": "Certificate Locations",
                "Links": [
                    "Certificates": .links(paths), "Certificates@odata.count": JSON(paths.count),
                ],
            ])
    }

    /// Slots whose service can be told whom to trust.
    private func trustingSlot(_ parameters: PathParameters) async throws(Refusal) -> MediaSlot {
        let slot = try await slot(parameters)
        guard slot.canTrust else {
            throw Refusal(.resourceNotFound, "CertificateCollection", "Certificates")
        }
        return slot
    }

    func certificatesDocument(_ parameters: PathParameters) async throws(Refusal) -> ResourceDocument {
        let slot = try await trustingSlot(parameters)
        let path = "\(Self.base(of: parameters))/VirtualMedia/\(slot.name)/Certificates"
        return ResourceDocument(
            collection: path, of: "Certificate", name: "Certificates of the image servers",
            members: (trust[slot.name]?.certificates ?? []).map { "\(path)/\($0.id)" })
    }

    func certificateDocument(_ parameters: PathParameters) async throws(Refusal) -> ResourceDocument {
        let slot = try await trustingSlot(parameters)
        let id = parameters["certificate"]
        guard let certificate = trust[slot.name]?.certificates.first(where: { $0.id == id }) else {
            throw Refusal(.resourceNotFound, "Certificate", id)
        }
        return ResourceDocument(
            "\(Self.base(of: parameters))/VirtualMedia/\(slot.name)/Certificates/\(id)",
            type: SchemaTypes.certificate,
            [
                "Id": .string(id), "Name": "Certificate of an image server or its authority",
                "CertificateString": .string(certificate.pem), "CertificateType": "PEM",
            ])
    }

    private enum CertificateType: String { case pem = "PEM" }

    private static func pem(_ body: inout RequestBody) -> String? {
        let text = body.string("CertificateString")
        let type = body.choice("CertificateType", of: CertificateType.self)
        if text == nil { body.addMissing("CertificateString") }
        if type == nil { body.addMissing("CertificateType") }
        guard let text else { return nil }
        let pem = PEMCertificate.normalised(text)
        if pem == nil { body.addValueProblem("CertificateString") }
        return pem
    }

    func addCertificate(_ context: RequestContext) async throws(Refusal) -> Answer {
        let slot = try await trustingSlot(context.parameters)
        var body = try RequestBody(context.body, contentType: context.contentType, for: .properties)
        let pem = Self.pem(&body)
        try body.finish()
        guard let pem else { throw Refusal(.internalError) }
        var slotTrust = trust[slot.name] ?? SlotTrust()
        guard slotTrust.certificates.count < RedfishLimits.certificatesPerSlot else {
            throw Refusal(.createLimitReached)
        }
        guard !slotTrust.certificates.contains(where: { $0.pem == pem }) else {
            throw Refusal(.resourceAlreadyExists, "Certificate", "CertificateString", "…")
        }
        var parameters = context.parameters
        parameters.values.append(("certificate", slotTrust.add(pem)))
        let settled = slotTrust
        try await changeSettings { $0.trust[slot.name] = settled }
        let document = try await certificateDocument(parameters)
        var answer = answer(document, status: 201, to: context)
        answer.head.headerFields[.location] = document.path
        return answer
    }

    func removeCertificate(_ context: RequestContext) async throws(Refusal) -> Answer {
        try checkIfMatch(context, try await certificateDocument(context.parameters))
        let (slot, id) = (context.parameters["slot"], context.parameters["certificate"])
        try await changeSettings { $0.trust[slot]?.remove(id) }
        return noContent
    }

    func replaceCertificate(_ context: RequestContext) async throws(Refusal) -> Answer {
        let action = RequestBody.Purpose.action(Self.replaceCertificateAction)
        var body = try RequestBody(context.body, contentType: context.contentType, for: action)
        let pem = Self.pem(&body)
        let path = body.link("CertificateUri")
        if path == nil { body.addMissing("CertificateUri") }
        try body.finish()
        guard let pem, let path else { throw Refusal(.internalError) }
        guard let (route, parameters) = RouteTable.match(try RequestTarget(path).segments),
            route.endpoint == .certificate
        else { throw Refusal(.resourceNotFound, "Certificate", path) }
        _ = try await certificateDocument(parameters)
        let (slot, id) = (parameters["slot"], parameters["certificate"])
        try await changeSettings { $0.trust[slot]?.replace(id, with: pem) }
        return noContent
    }
}
