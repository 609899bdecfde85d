import DBusProtocol
import MessageBus
import Testing

struct BusServicesTests {
    private func limited(_ change: (inout BusLimits) -> Void) -> BusHarness {
        var limits = BusLimits()
        change(&limits)
        return BusHarness(limits)
    }

    private func call(to name: String) -> Message {
        .methodCall(destination: name, path: "/", interface: "a.b", member: "C")
    }

    @Test func `a monitor sees everything, owns nothing and may say nothing`() throws {
        let bus = BusHarness()
        let (monitor, caller, service) = (try bus.connect(), try bus.connect(), try bus.connect())
        let become = try bus.ask(
            monitor, "BecomeMonitor", [.array(element: "s", []), .uint32(0)], interface: WellKnown.monitoring)
        #expect(become.kind == .methodReturn)
        #expect(summary(bus.take(monitor)) == ["NameLost \(bus.peers[monitor].name)"])
        try bus.send(caller, call(to: bus.peers[service].name))
        #expect(bus.take(monitor).map(\.member) == ["C"])
        let owner = try bus.ask(caller, "NameHasOwner", [.string(bus.peers[monitor].name)])
        #expect(owner.body == [.boolean(false)])
        try bus.send(monitor, call(to: bus.peers[service].name))
        #expect(bus.peers[monitor].isClosed)
    }

    @Test(arguments: [(0, true), (1_000, false), (nil, false)] as [(UInt32?, Bool)])
    func `only the bus's own user and root may monitor`(userID: UInt32?, isAllowed: Bool) throws {
        let bus = BusHarness()
        let place = try bus.connect(PeerCredentials(userID: userID, processID: nil))
        let reply = try bus.ask(
            place, "BecomeMonitor", [.array(element: "s", []), .uint32(0)], interface: WellKnown.monitoring)
        #expect(reply.errorName == (isAllowed ? nil : ErrorName.accessDenied))
    }

    @Test func `each limit is kept exactly`() throws {
        let rules = limited { $0.matchRulesPerConnection = 2 }
        let names = limited { $0.namesPerConnection = 3 }
        let (one, two) = (try rules.connect(), try names.connect())
        for index in 0..<3 {
            let rule = try rules.ask(one, "AddMatch", [.string("arg0='\(index)'")])
            #expect(rule.errorName == (index < 2 ? nil : ErrorName.limitsExceeded))
            // The unique name counts too.
            let name = try names.ask(two, "RequestName", [.string("a.b\(index)"), .uint32(0)])
            #expect(name.errorName == (index < 2 ? nil : ErrorName.limitsExceeded))
        }
        let replies = limited { $0.repliesPerConnection = 1 }
        let (caller, service) = (try replies.connect(), try replies.connect())
        try replies.send(caller, call(to: replies.peers[service].name))
        try replies.send(caller, call(to: replies.peers[service].name))
        #expect(replies.take(caller).map(\.errorName) == [ErrorName.limitsExceeded])
        #expect(replies.take(service).count == 1)
    }

    @Test func `a call that waits too long is answered by the bus, once`() throws {
        let bus = limited { $0.replyTimeout = .milliseconds(100) }
        let (caller, service) = (try bus.connect(), try bus.connect())
        let serial = try bus.send(caller, call(to: bus.peers[service].name))
        let alarm = try #require(bus.alarms.first)
        #expect(alarm.after == .milliseconds(100))
        try bus.expire(alarm.ticket)
        try bus.expire(alarm.ticket)
        let errors = bus.take(caller)
        #expect(errors.map(\.errorName) == [ErrorName.noReply] && errors.first?.replySerial == serial)
        let received = try #require(bus.take(service).first)
        try bus.send(service, .methodReturn(to: received))
        #expect(bus.take(caller).isEmpty)
    }

    @Test(
        arguments: [
            (BusCore.Verdict.pass, 1, nil), (.drop, 0, nil), (.duplicate, 2, nil),
            (.delay(.seconds(1)), 0, nil), (.error(BusError("a.b.C", "x")), 0, "a.b.C"),
        ] as [(BusCore.Verdict, Int, String?)])
    func `a message meets the fate that the interceptor gives it`(
        verdict: BusCore.Verdict, count: Int, error: String?
    ) throws {
        let bus = BusHarness()
        let (caller, service) = (try bus.connect(), try bus.connect())
        bus.core.interceptor = { envelope, _ in envelope.header.member == "C" ? verdict : .pass }
        try bus.send(caller, call(to: bus.peers[service].name))
        #expect(bus.take(service).count == count)
        #expect(bus.take(caller).first?.errorName == error)
        if case .delay = verdict {
            try bus.expire(try #require(bus.alarms.first?.ticket))
            #expect(bus.take(service).count == 1)
        }
    }

    @Test func `the bus tells credentials, its name and what it offers`() throws {
        let bus = BusHarness()
        let place = try bus.connect(PeerCredentials(userID: 7, processID: 8, groupIDs: [9, 3]))
        let name = Value.string(bus.peers[place].name)
        #expect(try bus.ask(place, "GetConnectionUnixUser", [name]).body == [.uint32(7)])
        #expect(try bus.ask(place, "GetConnectionUnixProcessID", [name]).body == [.uint32(8)])
        #expect(
            try bus.ask(place, "GetConnectionUnixUser", [.string("a.b")]).errorName
                == ErrorName.nameHasNoOwner)
        #expect(try bus.ask(place, "GetId").body == [.string(String(repeating: "b", count: 32))])
        #expect(
            try bus.ask(place, "StartServiceByName", [.string("a.b"), .uint32(0)]).errorName
                == ErrorName.serviceUnknown)
        #expect(try bus.ask(place, "Nothing").errorName == ErrorName.unknownMethod)
        #expect(try bus.ask(place, "GetId", [.byte(1)]).errorName == ErrorName.invalidArguments)
    }
}
