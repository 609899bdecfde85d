package import DBusProtocol

/// The D-Bus interfaces of a slot: those of the OpenBMC design document, with what shipped clients
/// use besides, and one of our own (docs/dbus-interface.md).
package enum MediaInterfaces {
    package static let busName = "xyz.openbmc_project.VirtualMedia"
    package static let rootPath = "/xyz/openbmc_project/VirtualMedia"
    private static let prefix = "xyz.openbmc_project.VirtualMedia."

    package static let mountPoint = InterfaceDescription(
        prefix + "MountPoint",
        properties: [
            PropertyDescription("EndPointId", "s", change: .constant),
            // The design document's property as bmcweb reads it.
            PropertyDescription("EndpointId", "s", change: .constant),
            PropertyDescription("Mode", "y", change: .constant),
            PropertyDescription("Device", "s", change: .constant),
            PropertyDescription("Socket", "s", change: .constant),
            PropertyDescription("Timeout", "q", change: .constant),
            PropertyDescription("BlockSize", "q", change: .constant),
            // Counts down by itself; a signal each second would help nobody.
            PropertyDescription("RemainingInactivityTimeout", "q", change: .silent),
            PropertyDescription("ImageURL", "s"),
            PropertyDescription("WriteProtected", "b"),
        ])

    package static let process = InterfaceDescription(
        prefix + "Process",
        properties: [PropertyDescription("Active", "b"), PropertyDescription("ExitCode", "i")])

    package static let stats = InterfaceDescription(
        prefix + "Stats",
        properties: [PropertyDescription("ReadIO", "t"), PropertyDescription("WriteIO", "t")])

    package static let proxy = InterfaceDescription(
        prefix + "Proxy",
        methods: [MethodDescription("Mount", output: status), unmount], signals: [completion])

    package static let legacy = InterfaceDescription(
        prefix + "Legacy",
        methods: [
            MethodDescription(
                "Mount",
                input: [
                    Argument("ImageURL", "s"), Argument("ReadWrite", "b"), Argument("FileDescriptor", "v"),
                ],
                output: status),
            MethodDescription("Mount", input: [Argument("ImageURL", "s")], output: status, isListed: false),
            MethodDescription(
                "Mount",
                input: [
                    Argument("ImageURL", "s"), Argument("ReadWrite", "b"), Argument("FileDescriptor", "h"),
                ],
                output: status, isListed: false),
            unmount,
        ], signals: [completion])

    /// What the interfaces above have no word for.
    package static let slot = InterfaceDescription(
        "net.mediarig.VirtualMedia.Slot",
        methods: [
            MethodDescription(
                "MountWith", input: [Argument("ImageURL", "s"), Argument("Options", "a{sv}")],
                output: status)
        ],
        properties: [
            PropertyDescription("State", "s"),
            PropertyDescription("Status", "s"),
            PropertyDescription("HostPresence", "s"),
            PropertyDescription("MediumKind", "s"),
            PropertyDescription("MediumSize", "t"),
            PropertyDescription("Controller", "s"),
            PropertyDescription("LastError", "s"),
            PropertyDescription("LastErrorCause", "s"),
            PropertyDescription("LastErrorCode", "i"),
        ])

    private static let status = [Argument("Status", "b")]
    private static let unmount = MethodDescription("Unmount", output: status)
    package static let completion = SignalDescription("Completion", [Argument("Result", "i")])

    package static func path(of slot: SlotConfiguration) -> String {
        "\(rootPath)/\(slot.mode.name)/\(slot.name)"
    }

    /// The interface with the methods of the slot's mode.
    package static func methods(of mode: SlotMode) -> InterfaceDescription {
        mode == .proxy ? proxy : legacy
    }
}
