/// What the specification demands of a header's fields, in either direction ("Header Fields",
/// "Reserved names").
enum HeaderRules {
    static func check(_ header: Message) throws(WireViolation) {
        for field in HeaderField.required(by: header.kind) where !isPresent(field, in: header) {
            throw WireViolation("\(header.kind) without \(field)")
        }
        if let path = header.path {
            guard Names.isObjectPath(path) else { throw WireViolation("path \(path) is malformed") }
            guard path != WellKnown.localPath else { throw WireViolation("path \(path) is reserved") }
        }
        if let interface = header.interface {
            guard Names.isInterface(interface) else {
                throw WireViolation("interface \(interface) is malformed")
            }
            guard interface != WellKnown.localInterface else {
                throw WireViolation("interface \(interface) is reserved")
            }
        }
        try check(header.member, "member", Names.isMember)
        try check(header.errorName, "error name", Names.isErrorName)
        try check(header.destination, "destination", Names.isBusName)
        try check(header.sender, "sender", Names.isBusName)
        guard header.replySerial != 0 else { throw WireViolation("reply serial is 0") }
        guard header.descriptors.count <= WireLimits.descriptors else {
            throw WireViolation("\(header.descriptors.count) descriptors are over 253")
        }
    }

    private static func check(_ name: String?, _ what: String, _ isValid: (String) -> Bool)
        throws(WireViolation)
    {
        guard let name, !isValid(name) else { return }
        throw WireViolation("\(what) \(name) is malformed")
    }

    private static func isPresent(_ field: HeaderField, in header: Message) -> Bool {
        switch field {
        case .path: header.path != nil
        case .interface: header.interface != nil
        case .member: header.member != nil
        case .errorName: header.errorName != nil
        case .replySerial: header.replySerial != nil
        case .destination: header.destination != nil
        case .sender: header.sender != nil
        case .signature, .unixDescriptors: true
        }
    }
}
