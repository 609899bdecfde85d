internal import DBusProtocol
internal import VirtualMedia

/// A Mount call in the plainest form that says what is meant.
struct MountArguments {
    var url: String
    var isReadWrite: Bool
    var kind: MediumKind
    var secret: PassedDescriptor?

    func message(for slot: SlotConfiguration) -> Message {
        let isPlain = kind == slot.kind && (slot.mode == .legacy || (isReadWrite && secret == nil))
        guard isPlain else { return extended(slot) }
        var message = call("Mount", MediaInterfaces.methods(of: slot.mode).name, slot)
        if slot.mode == .legacy {
            message.body = [
                .string(url), .boolean(isReadWrite),
                secret == nil ? .variant(.int32(-1)) : .variant(.unixFD(0)),
            ]
        }
        message.descriptors = secret.map { [$0] } ?? []
        return message
    }

    private func extended(_ slot: SlotConfiguration) -> Message {
        var entries: [Value.Entry] = [
            Value.Entry(.string("ReadWrite"), .variant(.boolean(isReadWrite))),
            Value.Entry(.string("Kind"), .variant(.string(kind.rawValue))),
        ]
        if secret != nil {
            entries.append(Value.Entry(.string("Credentials"), .variant(.unixFD(0))))
        }
        var message = call("MountWith", MediaInterfaces.slot.name, slot)
        message.body = [.string(url), .dictionary(key: "s", value: "v", entries)]
        message.descriptors = secret.map { [$0] } ?? []
        return message
    }

    private func call(_ member: String, _ interface: String, _ slot: SlotConfiguration) -> Message {
        .methodCall(
            destination: MediaInterfaces.busName, path: MediaInterfaces.path(of: slot), interface: interface,
            member: member)
    }
}
