import VirtualMedia

/// The parameters of InsertMedia, or of the PATCH that some clients use for it, checked.
struct InsertMediaBody {
    var request: InsertionRequest

    private enum TransferMethod: String { case stream = "Stream" }
    private enum MediaType: String { case cd = "CD", dvd = "DVD", stick = "USBStick" }

    /// - Throws: all that is wrong with it. No message repeats user name or password.
    init(_ body: inout RequestBody, _ policy: ImageSourcePolicy, for role: Role) throws(Refusal) {
        let image = body.string("Image")
        let inserted = body.boolean("Inserted") ?? true
        let isWriteProtected = body.boolean("WriteProtected") ?? true
        let userName = body.string("UserName", isSecret: true, isNullable: true)
        let password = body.string("Password", isSecret: true, isNullable: true)
        let named = body.string("TransferProtocolType", isNullable: true)
        _ = body.choice("TransferMethod", of: TransferMethod.self, isNullable: true)
        let kind = Self.kind(&body)
        if !inserted { body.add(body.notInList("Inserted", "false")) }
        if image == nil { body.addMissing("Image") }
        Self.checkSecret(userName, password, &body)
        let url = image.flatMap { Self.url($0, protocolType: named, policy, &body) }
        try body.finish()
        guard let url else { throw Refusal(.internalError) }
        guard policy.allows(host: url.host, for: role) else { throw Refusal(.sourceNotAllowed, url.host) }
        var secret: [UInt8]?
        // Two empty strings are no credentials.
        if let userName, !(userName.isEmpty && (password ?? "").isEmpty) {
            secret = Array(userName.utf8) + [0] + Array((password ?? "").utf8) + [0]
        } else if let password, !password.isEmpty {
            secret = [0] + Array(password.utf8) + [0]
        }
        request = InsertionRequest(
            imageURL: url.text, isReadWrite: !isWriteProtected, kind: kind, secret: secret)
    }

    private static func kind(_ body: inout RequestBody) -> MediumKind? {
        guard let names = body.strings("MediaTypes", limit: 8) else { return nil }
        var kinds: [MediumKind] = []
        for name in names {
            guard let type = MediaType(rawValue: name) else {
                body.add(body.notInList("MediaTypes", name))
                return nil
            }
            kinds.append(type == .stick ? .disk : .cdrom)
        }
        guard let first = kinds.first, kinds.allSatisfy({ $0 == first }) else {
            body.addValueProblem("MediaTypes")
            return nil
        }
        return first
    }

    private static func checkSecret(_ userName: String?, _ password: String?, _ body: inout RequestBody) {
        for (key, text) in [("UserName", userName), ("Password", password)] {
            if let text, text.utf8.contains(0) { body.addValueProblem(key) }
        }
        let byteCount = (userName?.utf8.count ?? 0) + (password?.utf8.count ?? 0) + 2
        if byteCount > RedfishLimits.secretBytes {
            body.addValueProblem(
                (password?.utf8.count ?? 0) > (userName?.utf8.count ?? 0) ? "Password" : "UserName")
        }
    }

    /// The URL with its scheme, which clients may give as TransferProtocolType instead.
    private static func url(
        _ image: String, protocolType: String?, _ policy: ImageSourcePolicy, _ body: inout RequestBody
    ) -> (text: String, host: String)? {
        guard !image.isEmpty, image.utf8.count <= RedfishLimits.imageBytes,
            !image.utf8.contains(where: { $0 < 0x21 || $0 == 0x7F || $0 == UInt8(ascii: "\\") })
        else {
            body.addFormatProblem("Image", withoutUser(image))
            return nil
        }
        if let protocolType, !policy.protocols.contains(protocolType) {
            body.add(body.notInList("TransferProtocolType", protocolType))
            return nil
        }
        var text = image
        if image.firstRange(of: "://") == nil, let protocolType,
            let scheme = policy.schemes.sorted(by: { $0.key < $1.key }).first(where: {
                $0.value == protocolType
            })
        {
            text = "\(scheme.key)://\(image.drop { $0 == "/" })"
        }
        guard let separator = text.firstRange(of: "://") else {
            body.addFormatProblem("Image", withoutUser(image))
            return nil
        }
        let scheme = text[..<separator.lowerBound].lowercased()
        guard let supported = policy.schemes[scheme] else {
            body.add(body.notInList("Image", "\(scheme)://"))
            return nil
        }
        if let protocolType, protocolType != supported {
            body.add(
                MessageEntry(
                    .actionParameterValueConflict, ["TransferProtocolType", protocolType],
                    about: "TransferProtocolType"))
            return nil
        }
        let authority = text[separator.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        // A user name in the URL would show wherever the URL does.
        guard let host = URLAuthority(authority)?.host else {
            body.addFormatProblem("Image", withoutUser(image))
            return nil
        }
        return (text, host)
    }

    /// What a message may repeat of an address.
    private static func withoutUser(_ image: String) -> String {
        guard let at = image.lastIndex(of: "@") else { return RedfishService.withoutSecrets(image) }
        return "…@" + RedfishService.withoutSecrets(String(image[image.index(after: at)...]))
    }
}

/// Host and port of a URL, without a user name.
struct URLAuthority: Equatable {
    /// As it was written; an IPv6 address in its brackets.
    let host: String

    init?(_ text: Substring) {
        guard !text.contains("@"), !text.contains("%") else { return nil }
        let end: Substring.Index
        if text.first == "[" {
            guard let bracket = text.firstIndex(of: "]") else { return nil }
            end = text.index(after: bracket)
        } else {
            end = text.firstIndex(of: ":") ?? text.endIndex
        }
        guard end > text.startIndex, Self.isPort(text[end...]) else { return nil }
        host = String(text[..<end])
    }

    private static func isPort(_ text: Substring) -> Bool {
        guard !text.isEmpty else { return true }
        guard text.first == ":", let port = UInt16(text.dropFirst()) else { return false }
        return port > 0
    }
}
