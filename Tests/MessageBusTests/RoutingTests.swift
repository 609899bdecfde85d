import DBusProtocol
import MessageBus
import Testing

struct RoutingTests {
    private func signal(_ member: String = "Happened", _ body: [Value] = []) -> Message {
        .signal(path: "/a", interface: "org.example.Face", member: member, body: body)
    }

    private func call(to destination: String, flags: Message.Flags = []) -> Message {
        var call = Message.methodCall(
            destination: destination, path: "/a", interface: "org.example.Face", member: "Do")
        call.flags = flags
        return call
    }

    @Test func `a call goes to its destination alone, with its sender stamped, and back`() throws {
        let bus = BusHarness()
        let (caller, service, other) = (try bus.connect(), try bus.connect(), try bus.connect())
        var forged = call(to: bus.peers[service].name)
        forged.sender = "org.forged.Sender"
        let serial = try bus.send(caller, forged)
        let received = try #require(bus.take(service).first)
        #expect(received.sender == bus.peers[caller].name)
        #expect(received.serial == serial)
        try bus.send(service, .methodReturn(to: received, body: [.string("done")]))
        let reply = try #require(bus.take(caller).first)
        #expect(reply.replySerial == serial && reply.sender == bus.peers[service].name)
        #expect(bus.take(other).isEmpty)
    }

    @Test func `a reply that nobody waits for goes nowhere`() throws {
        let bus = BusHarness()
        let (caller, service) = (try bus.connect(), try bus.connect())
        let serial = try bus.send(caller, call(to: bus.peers[service].name))
        let received = try #require(bus.take(service).first)
        var wrong = received
        wrong.serial = serial + 1
        try bus.send(service, .methodReturn(to: wrong))
        #expect(bus.take(caller).isEmpty)
        try bus.send(service, .methodReturn(to: received))
        try bus.send(service, .methodReturn(to: received))
        #expect(bus.take(caller).count == 1)
    }

    @Test(
        arguments: [
            (0, ErrorName.serviceUnknown), (2, ErrorName.nameHasNoOwner), (1, nil),
        ] as [(UInt8, String?)])
    func `a call to nobody is answered by the bus, if at all`(flags: UInt8, error: String?) throws {
        let bus = BusHarness()
        let caller = try bus.connect()
        try bus.send(caller, call(to: "org.example.Nobody", flags: Message.Flags(rawValue: flags)))
        #expect(bus.take(caller).first?.errorName == error)
    }

    @Test func `callers of a service that goes get NoReply`() throws {
        let bus = BusHarness()
        let (first, second, service) = (try bus.connect(), try bus.connect(), try bus.connect())
        let serials = try [first, second].map { try bus.send($0, call(to: bus.peers[service].name)) }
        try bus.send(first, call(to: bus.peers[service].name, flags: .noReplyExpected))
        try bus.hangUp(service)
        for (place, serial) in zip([first, second], serials) {
            let errors = bus.take(place)
            #expect(errors.map(\.errorName) == [ErrorName.noReply])
            #expect(errors.first?.replySerial == serial)
        }
    }

    @Test(arguments: [
        ("type='signal'", true), ("", true), ("member='Happened'", true), ("member='Other'", false),
        ("interface='org.example.Face',path='/a'", true), ("path_namespace='/'", true),
        ("path_namespace='/b'", false), ("sender='org.example.Sender'", true), ("sender=':1.77'", false),
        ("arg0='x'", true), ("arg0='y'", false), ("arg1='x'", false), ("type='method_call'", false),
        ("destination=':1.1'", false),
    ])
    func `a broadcast reaches those whose rule fits, once`(rule: String, isWanted: Bool) throws {
        let bus = BusHarness()
        let (sender, listener) = (try bus.connect(), try bus.connect())
        _ = try bus.ask(sender, "RequestName", [.string("org.example.Sender"), .uint32(0)])
        for _ in 0..<2 { _ = try bus.ask(listener, "AddMatch", [.string(rule)]) }
        _ = bus.take(listener)
        try bus.send(sender, signal("Happened", [.string("x")]))
        #expect(bus.take(listener).count == (isWanted ? 1 : 0))
        for _ in 0..<2 { _ = try bus.ask(listener, "RemoveMatch", [.string(rule)]) }
        _ = bus.take(listener)
        try bus.send(sender, signal("Happened", [.string("x")]))
        #expect(bus.take(listener).isEmpty)
        #expect(
            try bus.ask(listener, "RemoveMatch", [.string(rule)]).errorName == ErrorName.matchRuleNotFound)
    }

    @Test(arguments: [("type='signal'", 0), ("type='signal',eavesdrop='true'", 1)])
    func `signals to others are heard by those who eavesdrop`(rule: String, count: Int) throws {
        let bus = BusHarness()
        let (sender, receiver, listener) = (try bus.connect(), try bus.connect(), try bus.connect())
        _ = try bus.ask(listener, "AddMatch", [.string(rule)])
        _ = bus.take(listener)
        var unicast = signal()
        unicast.destination = bus.peers[receiver].name
        try bus.send(sender, unicast)
        #expect(bus.take(receiver).count == 1)
        #expect(bus.take(listener).count == count)
    }

    @Test func `each sender's messages keep their order`() throws {
        let bus = BusHarness()
        let (first, second, listener) = (try bus.connect(), try bus.connect(), try bus.connect())
        _ = try bus.ask(listener, "AddMatch", [.string("type='signal',interface='org.example.Face'")])
        for number in 0..<50 as Range<UInt32> {
            try bus.send(first, signal("A", [.uint32(number)]))
            try bus.send(second, signal("B", [.uint32(number)]))
        }
        let received = bus.take(listener)
        for member in ["A", "B"] {
            let numbers = received.filter { $0.member == member }.map(\.body)
            #expect(numbers == (0..<50).map { [.uint32($0)] })
        }
    }

    @Test func `descriptors go only to those who can take them`() throws {
        let bus = BusHarness()
        let (sender, able, unable) = (
            try bus.connect(), try bus.connect(), try bus.connect(descriptors: false)
        )
        for (place, isDelivered) in [(able, true), (unable, false)] {
            var message = call(to: bus.peers[place].name)
            message.body = [.unixFD(0)]
            message.descriptors = [PassedDescriptor(7) { _ in }]
            try bus.send(sender, message)
            #expect(bus.take(place).first?.descriptors == (isDelivered ? message.descriptors : nil))
            #expect(bus.take(sender).first?.errorName == (isDelivered ? nil : ErrorName.notSupported))
        }
    }

    @Test func `Hello comes first and once`() throws {
        let bus = BusHarness()
        let early = bus.connectSilently()
        #expect(try bus.ask(early, "ListNames").errorName == ErrorName.accessDenied)
        #expect(try bus.ask(early, "Hello").kind == .methodReturn)
        #expect(try bus.ask(early, "Hello").errorName == ErrorName.failed)
        let rude = bus.connectSilently()
        try bus.send(rude, signal())
        #expect(bus.peers[rude].isClosed)
    }

    @Test func `whoever breaks the protocol is hung up on, and the others live`() throws {
        let bus = BusHarness()
        let (good, bad) = (try bus.connect(), try bus.connect())
        try bus.feed(bad, [UInt8](repeating: 0xFF, count: 16))
        #expect(bus.peers[bad].isClosed)
        #expect(try bus.ask(good, "NameHasOwner", [.string(bus.peers[bad].name)]).body == [.boolean(false)])
    }
}
