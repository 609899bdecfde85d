import DBusProtocol

/// A Mount call, taken apart: `Mount()`, `Mount(s)`, `Mount(sbv)`, `Mount(sbh)`, `MountWith(sa{sv})`.
struct MountCall {
    var imageURL = ""
    var isReadWrite: Bool
    var kind: MediumKind
    /// Where the caller has put user and password.
    var secret: PassedDescriptor?
    /// PEM: who may vouch for the server.
    var authorities: String?
    var allowsLocalAddresses = true
    /// Of all certificates together; a message could hold much more.
    static let maximumAuthorityBytes = 64 << 10

    init(_ invocation: Invocation, slot: SlotConfiguration) throws(BusError) {
        // What a client serves on the socket is as writable as it says itself.
        isReadWrite = slot.mode == .proxy
        kind = slot.kind
        let descriptors = invocation.call.descriptors
        for (index, argument) in invocation.arguments.enumerated() {
            switch argument {
            case .string(let text) where index == 0: imageURL = text
            case .boolean(let flag): isReadWrite = flag
            case .unixFD(let number): secret = try Self.descriptor(number, in: descriptors)
            case .variant(.unixFD(let number)): secret = try Self.descriptor(number, in: descriptors)
            // The value of a caller without credentials means nothing.
            case .variant(.int32): break
            case .dictionary(_, _, let entries): try take(entries, descriptors)
            default: throw Self.invalid("the third argument is a descriptor or an integer")
            }
        }
        if slot.mode == .legacy, let objection = ImageURLCheck.objection(to: imageURL) {
            throw Self.invalid(objection)
        }
        if slot.mode == .proxy, !imageURL.isEmpty {
            throw Self.invalid("a Proxy slot takes no image URL; its client serves the image")
        }
    }

    private mutating func take(_ options: [Value.Entry], _ descriptors: [PassedDescriptor]) throws(BusError) {
        for option in options {
            guard case .string(let key) = option.key, case .variant(let value) = option.value else {
                continue
            }
            switch (key, value) {
            case ("ReadWrite", .boolean(let flag)): isReadWrite = flag
            case ("Kind", .string(let name)):
                guard let kind = MediumKind(rawValue: name) else {
                    throw Self.invalid("Kind is disk or cdrom, not '\(name.prefix(32))'")
                }
                self.kind = kind
            case ("Credentials", .unixFD(let number)):
                secret = try Self.descriptor(number, in: descriptors)
            case ("Authorities", .string(let text)):
                guard (1...Self.maximumAuthorityBytes).contains(text.utf8.count) else {
                    throw Self.invalid("Authorities has 1 to \(Self.maximumAuthorityBytes) bytes of PEM")
                }
                authorities = text
            case ("LocalAddresses", .boolean(let flag)): allowsLocalAddresses = flag
            default:
                throw Self.invalid(
                    "option '\(key.prefix(32))' of type \(value.typeCode); "
                        + "known are ReadWrite b, Kind s, Credentials h, Authorities s, LocalAddresses b")
            }
        }
    }

    private static func descriptor(_ index: UInt32, in descriptors: [PassedDescriptor]) throws(BusError)
        -> PassedDescriptor
    {
        guard Int(index) < descriptors.count else {
            throw invalid("the message has no descriptor \(index)")
        }
        return descriptors[Int(index)]
    }

    static func invalid(_ text: String) -> BusError { BusError(ErrorName.invalidArguments, text) }
}

extension BusError {
    /// As sd-bus names the errno, so that clients of other services understand it.
    init(_ refusal: SlotMachine.Refusal) {
        switch refusal {
        case .notPermitted(let text): self.init(ErrorName.accessDenied, text)
        case .busy(let text): self.init("System.Error.EBUSY", text)
        }
    }

    init(_ failure: SecretFailure) {
        switch failure {
        case .malformed:
            self = MountCall.invalid("malformed credentials; the pipe holds user NUL password NUL")
        case .timedOut:
            self.init(ErrorName.timeout, "no credentials arrived in the pipe within \(SecretText.timeout)")
        case .unreadable(let errno):
            self = MountCall.invalid("the descriptor with the credentials cannot be read (errno \(errno))")
        }
    }
}
