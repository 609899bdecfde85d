import DBusProtocol
import VirtualMedia

/// What a slot is asked to insert.
struct InsertionRequest: Sendable {
    var imageURL: String
    var isReadWrite: Bool
    var kind: MediumKind?
    /// `user NUL password NUL`, as the service wants it in the pipe.
    var secret: [UInt8]?
    /// PEM: who may vouch for the server; `nil` for those that the BMC trusts.
    var authorities: String?
    /// Whether the server may have one of the BMC's own addresses, whatever its name is.
    var allowsLocalAddresses = true
}

/// How a request to the virtual media service ended.
enum MediaOutcome: Equatable, Sendable {
    case done
    /// - Parameter detail: what the service says of it besides; never a secret.
    case failed(MessageEntry, detail: String)

    init(code: Int32, detail: String) {
        self = code == 0 ? .done : .failed(MessageDefinition.failure(code), detail: detail)
    }
}

extension InsertionRequest {
    /// The call that a service understands: ours is given everything, another one what the design document has.
    func call(to slot: MediaSlot, of busName: String, secret descriptor: PassedDescriptor?) -> Message {
        let credentials = Value.unixFD(0)
        var message: Message
        if slot.details != nil {
            var options: [Value.Entry] = [.init(.string("ReadWrite"), .variant(.boolean(isReadWrite)))]
            if let kind { options.append(.init(.string("Kind"), .variant(.string(kind.rawValue)))) }
            if descriptor != nil { options.append(.init(.string("Credentials"), .variant(credentials))) }
            if let authorities {
                options.append(.init(.string("Authorities"), .variant(.string(authorities))))
            }
            if !allowsLocalAddresses {
                options.append(.init(.string("LocalAddresses"), .variant(.boolean(false))))
            }
            message = .methodCall(
                destination: busName, path: slot.path, interface: MediaNames.slot, member: "MountWith",
                body: [.string(imageURL), .dictionary(key: "s", value: "v", options)])
        } else {
            message = .methodCall(
                destination: busName, path: slot.path, interface: slot.methods, member: "Mount",
                body: [
                    .string(imageURL), .boolean(isReadWrite),
                    .variant(descriptor == nil ? .int32(-1) : credentials),
                ])
        }
        if let descriptor { message.descriptors = [descriptor] }
        return message
    }
}
