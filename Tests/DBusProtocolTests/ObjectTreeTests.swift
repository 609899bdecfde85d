import TestSupport
import Testing

@testable import DBusProtocol

struct ObjectTreeTests {
    static let mount = InterfaceDescription(
        "org.example.Mount",
        methods: [
            MethodDescription("Mount", input: [Argument("url", "s")], output: [Argument("ok", "b")]),
            MethodDescription(
                "Mount",
                input: [Argument("url", "s"), Argument("readOnly", "b"), Argument("secret", "v")],
                output: [Argument("ok", "b")], isListed: false),
        ],
        signals: [SignalDescription("Completion", [Argument("code", "i")])],
        properties: [
            PropertyDescription("Device", "s", change: .constant),
            PropertyDescription("Timeout", "q", access: .readWrite),
            PropertyDescription("Secret", "s", access: .write, change: .silent),
            PropertyDescription("Cache", "u", change: .invalidates),
        ])

    static func tree() -> ObjectTree {
        var tree = ObjectTree(machineID: String(repeating: "a", count: 32))
        tree.addObjectManager(at: "/org/example")
        _ = tree.export(
            at: "/org/example/Slot_0", [mount],
            properties: [
                "org.example.Mount": [
                    "Device": .stored(.string("nbd0")), "Timeout": .stored(.uint16(30)),
                    "Secret": .stored(.string("")), "Cache": .computed { .uint32(4) },
                ]
            ])
        return tree
    }

    static func call(
        _ path: String, _ interface: String?, _ member: String, _ body: [Value] = []
    ) -> Message {
        var call = Message.methodCall(
            destination: ":1.2", path: path, interface: interface, member: member, body: body)
        call.serial = 5
        call.sender = ":1.9"
        return call
    }

    private func answer(_ outcome: ObjectTree.Outcome) -> Message? {
        if case .send(let message) = outcome { message } else { nil }
    }

    @Test(
        arguments: [
            ([.string("u")], "s"), ([.string("u"), .boolean(true), .variant(.int32(-1))], "sbv"),
        ] as [([Value], String)], ["org.example.Mount", nil])
    func `the incoming signature picks the overload`(
        overload: ([Value], String), interface: String?
    ) throws {
        let call = Self.call("/org/example/Slot_0", interface, "Mount", overload.0)
        guard case .invoke(let invocation) = Self.tree().handle(call) else {
            Issue.record("not invoked")
            return
        }
        #expect(invocation.method.inputSignature == overload.1)
        #expect(invocation.arguments == overload.0)
        let reply = try #require(invocation.reply([.boolean(true)]))
        #expect(reply.replySerial == 5 && reply.destination == ":1.9" && reply.kind == .methodReturn)
    }

    @Test(
        arguments: [
            ("/nowhere", "org.example.Mount", "Mount", [.string("u")], "UnknownObject"),
            ("/org/example/Slot_0", "org.example.None", "Mount", [.string("u")], "UnknownInterface"),
            ("/org/example/Slot_0", "org.example.Mount", "Nothing", [], "UnknownMethod"),
            ("/org/example/Slot_0", "org.example.Mount", "Mount", [.int32(1)], "InvalidArgs"),
            ("/org/example/Slot_0", WellKnown.properties, "Get", [.string("a")], "InvalidArgs"),
            ("/org/example/Slot_0", WellKnown.properties, "Got", [], "UnknownMethod"),
            (
                "/org/example/Slot_0", WellKnown.properties, "Get",
                [.string("org.example.Mount"), .string("No")], "UnknownProperty"
            ),
            (
                "/org/example/Slot_0", WellKnown.properties, "Get",
                [.string("org.none.Mount"), .string("Device")], "UnknownInterface"
            ),
            (
                "/org/example/Slot_0", WellKnown.properties, "Get",
                [.string("org.example.Mount"), .string("Secret")], "AccessDenied"
            ),
            (
                "/org/example/Slot_0", WellKnown.properties, "Set",
                [.string("org.example.Mount"), .string("Device"), .variant(.string("x"))], "PropertyReadOnly"
            ),
            (
                "/org/example/Slot_0", WellKnown.properties, "Set",
                [.string("org.example.Mount"), .string("Timeout"), .variant(.int32(1))], "InvalidArgs"
            ),
            (
                "/org/example/Slot_0", WellKnown.properties, "GetAll", [.string("org.no.One")],
                "UnknownInterface"
            ),
            ("/org", WellKnown.objectManager, "GetManagedObjects", [], "UnknownInterface"),
            ("/org/example", WellKnown.introspectable, "Introspect", [.byte(1)], "InvalidArgs"),
            ("/", WellKnown.peer, "Pong", [], "UnknownMethod"),
        ] as [(String, String, String, [Value], String)])
    func `each wrong call gets its own error`(
        path: String, interface: String, member: String, body: [Value], error: String
    ) throws {
        let reply = try #require(answer(Self.tree().handle(Self.call(path, interface, member, body))))
        #expect(reply.kind == .error)
        #expect(reply.errorName == "org.freedesktop.DBus.Error." + error)
        #expect(reply.replySerial == 5)
    }

    @Test func `nobody is answered who does not want it`() {
        var call = Self.call("/nowhere", nil, "Mount")
        call.flags = .noReplyExpected
        #expect(Self.tree().handle(call) == .nothing)
        call.path = "/org/example/Slot_0"
        call.interface = WellKnown.introspectable
        call.member = "Introspect"
        #expect(Self.tree().handle(call) == .nothing)
    }

    @Test func `GetManagedObjects lists what is readable, below the manager only`() throws {
        var tree = Self.tree()
        let outside = tree.export(at: "/org/examples", [Self.peerless])
        #expect(outside.isEmpty)
        let reply = try #require(
            answer(tree.handle(Self.call("/org/example", WellKnown.objectManager, "GetManagedObjects"))))
        let properties = Value.dictionary(
            key: "s", value: "v",
            [
                .init(.string("Device"), .variant(.string("nbd0"))),
                .init(.string("Timeout"), .variant(.uint16(30))),
                .init(.string("Cache"), .variant(.uint32(4))),
            ])
        #expect(
            reply.body == [
                .dictionary(
                    key: "o", value: "a{sa{sv}}",
                    [
                        .init(
                            .objectPath("/org/example/Slot_0"),
                            .dictionary(
                                key: "s", value: "a{sv}", [.init(.string("org.example.Mount"), properties)]))
                    ])
            ])
    }

    static let peerless = InterfaceDescription("org.example.Empty")

    @Test func `objects that come and go are announced by the manager above`() throws {
        var tree = Self.tree()
        let signals = tree.export(at: "/org/example/Slot_1", [Self.peerless])
        let added = try #require(signals.first)
        #expect(added.path == "/org/example" && added.member == "InterfacesAdded")
        #expect(added.signature == "oa{sa{sv}}")
        let removals = tree.remove("/org/example/Slot_1")
        let removed = try #require(removals.first)
        #expect(removed.member == "InterfacesRemoved")
        #expect(
            removed.body == [
                .objectPath("/org/example/Slot_1"), .array(element: "s", [.string("org.example.Empty")]),
            ])
        let again = tree.remove("/org/example/Slot_1")
        #expect(again.isEmpty)
    }

    @Test func `PropertiesChanged follows a real change only`() throws {
        var tree = Self.tree()
        let path = "/org/example/Slot_0"
        let interface = "org.example.Mount"
        let unchanged = tree.setProperty(at: path, interface, "Timeout", .uint16(30))
        #expect(unchanged == nil)
        let signal = tree.setProperty(at: path, interface, "Timeout", .uint16(31))
        let changed = try #require(signal)
        #expect(
            changed.body == [
                .string(interface),
                .dictionary(key: "s", value: "v", [.init(.string("Timeout"), .variant(.uint16(31)))]),
                .array(element: "s", []),
            ])
        let silent = tree.setProperty(at: path, interface, "Secret", .string("x"))
        #expect(silent == nil)
        let invalidated = try #require(tree.announceChange(at: path, interface, "Cache"))
        #expect(invalidated.body[2] == .array(element: "s", [.string("Cache")]))
        #expect(tree.property(at: path, interface, "Timeout") == .uint16(31))
    }

    @Test func `a write is checked, then left to the program`() throws {
        var tree = Self.tree()
        let call = Self.call(
            "/org/example/Slot_0", WellKnown.properties, "Set",
            [.string("org.example.Mount"), .string("Timeout"), .variant(.uint16(5))])
        guard case .write(let write) = tree.handle(call) else {
            Issue.record("not a write")
            return
        }
        #expect(tree.property(at: write.path, write.interface, "Timeout") == .uint16(30))
        let messages = tree.accept(write)
        #expect(messages.map(\.kind) == [.methodReturn, .signal])
        #expect(tree.property(at: write.path, write.interface, "Timeout") == .uint16(5))
    }

    @Test(arguments: ["/", "/org", "/org/example", "/org/example/Slot_0"])
    func `every path down to an object can be introspected`(path: String) throws {
        let call = Self.call(path, WellKnown.introspectable, "Introspect")
        let text = try #require(answer(Self.tree().handle(call))?.body.first?.text)
        #expect(text.contains("<interface name=\"org.freedesktop.DBus.Introspectable\">"))
        #expect(text.contains("<interface name=\"org.example.Mount\">") == path.hasSuffix("Slot_0"))
        #expect(text.contains(WellKnown.objectManager) == (path == "/org/example"))
        let child = ["/": "org", "/org": "example", "/org/example": "Slot_0"][path]
        if let child { #expect(text.contains("<node name=\"\(child)\"/>")) }
        #expect(text.components(of: "<method name=\"Mount\">") == (path.hasSuffix("Slot_0") ? 1 : 0))
    }

    @Test func `Peer answers at any path`() throws {
        let ping = try #require(answer(Self.tree().handle(Self.call("/x", WellKnown.peer, "Ping"))))
        #expect(ping.kind == .methodReturn && ping.body.isEmpty)
        let identity = answer(Self.tree().handle(Self.call("/", WellKnown.peer, "GetMachineId")))
        #expect(identity?.body == [.string(String(repeating: "a", count: 32))])
    }
}

extension String {
    /// How often `part` occurs.
    func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let found = rest.firstRange(of: part) {
            count += 1
            rest = rest[found.upperBound...]
        }
        return count
    }
}
