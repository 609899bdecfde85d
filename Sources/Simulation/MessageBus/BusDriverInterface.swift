import DBusProtocol

/// What the bus itself offers, as data (D-Bus specification, "Message Bus Messages").
enum BusDriverInterface {
    static func tree(machineID: String) -> ObjectTree {
        var tree = ObjectTree(machineID: machineID)
        _ = tree.export(
            at: WellKnown.busPath, [bus, monitoring],
            properties: [
                WellKnown.bus: [
                    // Header fields that nobody knows are not passed on.
                    "Features": .stored(.array(element: "s", [.string("HeaderFiltering")])),
                    "Interfaces": .stored(.array(element: "s", [.string(WellKnown.monitoring)])),
                ]
            ])
        return tree
    }

    static let bus = InterfaceDescription(
        WellKnown.bus, methods: nameMethods + listMethods + peerMethods + otherMethods,
        signals: [
            SignalDescription(
                "NameOwnerChanged", [Argument("name", "s"), Argument("old", "s"), Argument("new", "s")]),
            SignalDescription("NameLost", [Argument("name", "s")]),
            SignalDescription("NameAcquired", [Argument("name", "s")]),
        ],
        properties: [
            PropertyDescription("Features", "as", change: .constant),
            PropertyDescription("Interfaces", "as", change: .constant),
        ])

    static let monitoring = InterfaceDescription(
        WellKnown.monitoring,
        methods: [
            MethodDescription("BecomeMonitor", input: [Argument("rules", "as"), Argument("flags", "u")])
        ])

    private static let nameMethods = [
        MethodDescription("Hello", output: [Argument("name", "s")]),
        MethodDescription(
            "RequestName", input: [Argument("name", "s"), Argument("flags", "u")],
            output: [Argument("result", "u")]),
        MethodDescription("ReleaseName", input: [Argument("name", "s")], output: [Argument("result", "u")]),
        MethodDescription(
            "StartServiceByName", input: [Argument("name", "s"), Argument("flags", "u")],
            output: [Argument("result", "u")]),
        MethodDescription(
            "UpdateActivationEnvironment", input: [Argument("environment", "a{ss}")]),
        MethodDescription("NameHasOwner", input: [Argument("name", "s")], output: [Argument("has", "b")]),
    ]

    private static let listMethods = [
        MethodDescription("ListNames", output: [Argument("names", "as")]),
        MethodDescription("ListActivatableNames", output: [Argument("names", "as")]),
        MethodDescription("AddMatch", input: [Argument("rule", "s")]),
        MethodDescription("RemoveMatch", input: [Argument("rule", "s")]),
        MethodDescription("GetNameOwner", input: [Argument("name", "s")], output: [Argument("owner", "s")]),
        MethodDescription(
            "ListQueuedOwners", input: [Argument("name", "s")], output: [Argument("owners", "as")]),
    ]

    private static let peerMethods = [
        MethodDescription(
            "GetConnectionUnixUser", input: [Argument("name", "s")], output: [Argument("user", "u")]),
        MethodDescription(
            "GetConnectionUnixProcessID", input: [Argument("name", "s")],
            output: [Argument("process", "u")]),
        MethodDescription(
            "GetConnectionCredentials", input: [Argument("name", "s")],
            output: [Argument("credentials", "a{sv}")]),
        MethodDescription(
            "GetConnectionSELinuxSecurityContext", input: [Argument("name", "s")],
            output: [Argument("context", "ay")]),
        MethodDescription(
            "GetAdtAuditSessionData", input: [Argument("name", "s")], output: [Argument("data", "ay")]),
    ]

    private static let otherMethods = [
        MethodDescription("ReloadConfig"),
        MethodDescription("GetId", output: [Argument("id", "s")]),
    ]
}
