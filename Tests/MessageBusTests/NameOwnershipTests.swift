import DBusProtocol
import MessageBus
import Testing

struct NameOwnershipTests {
    static let name = "org.example.Name"
    private static let allow: UInt32 = 1
    private static let replace: UInt32 = 2
    private static let noQueue: UInt32 = 4

    private func request(_ bus: BusHarness, _ place: Int, _ flags: UInt32) throws -> Value? {
        try bus.ask(place, "RequestName", [.string(Self.name), .uint32(flags)]).body.first
    }

    private func owners(_ bus: BusHarness) throws -> [String] {
        guard case .array(_, let names)? = try bus.ask(0, "ListQueuedOwners", [.string(Self.name)]).body.first
        else { return [] }
        return names.compactMap(\.text)
    }

    @Test func `a unique name is given once and never again`() throws {
        let bus = BusHarness()
        var names: [String] = []
        for _ in 0..<5 {
            let place = try bus.connect()
            names.append(bus.peers[place].name)
            try bus.hangUp(place)
        }
        #expect(Set(names).count == 5)
        #expect(names.allSatisfy { Names.isUnique($0) })
    }

    @Test(arguments: 0...7 as ClosedRange<UInt32>, 0...7 as ClosedRange<UInt32>)
    func `a second request is answered by both sides' flags`(owner: UInt32, second: UInt32) throws {
        let bus = BusHarness()
        let first = try bus.connect()
        let other = try bus.connect()
        #expect(try request(bus, first, owner) == .uint32(1))
        let canReplace = owner & Self.allow != 0 && second & Self.replace != 0
        let expected: UInt32 = canReplace ? 1 : second & Self.noQueue != 0 ? 3 : 2
        #expect(try request(bus, other, second) == .uint32(expected))
        let names = [bus.peers[first].name, bus.peers[other].name]
        switch expected {
        case 1: #expect(try owners(bus) == (owner & Self.noQueue != 0 ? [names[1]] : names.reversed()))
        case 2: #expect(try owners(bus) == names)
        default: #expect(try owners(bus) == [names[0]])
        }
        if !canReplace { #expect(try request(bus, first, owner) == .uint32(4)) }
    }

    @Test func `everybody is told in dbus-daemon's order`() throws {
        let bus = BusHarness()
        let watcher = try bus.connect()
        _ = try bus.ask(watcher, "AddMatch", [.string("member='NameOwnerChanged',arg0='\(Self.name)'")])
        let first = try bus.connect()
        let second = try bus.connect()
        let (one, two) = (bus.peers[first].name, bus.peers[second].name)
        _ = bus.take(watcher)
        _ = try request(bus, first, Self.allow)
        #expect(summary(bus.take(first)) == ["NameAcquired \(Self.name)"])
        _ = try request(bus, second, Self.replace)
        #expect(summary(bus.take(first)) == ["NameLost \(Self.name)"])
        #expect(summary(bus.take(second)) == ["NameAcquired \(Self.name)"])
        _ = try bus.ask(second, "ReleaseName", [.string(Self.name)])
        #expect(summary(bus.take(second)) == ["NameLost \(Self.name)"])
        #expect(summary(bus.take(first)) == ["NameAcquired \(Self.name)"])
        try bus.hangUp(first)
        #expect(
            summary(bus.take(watcher)) == [
                "NameOwnerChanged \(Self.name) - \(one)", "NameOwnerChanged \(Self.name) \(one) \(two)",
                "NameOwnerChanged \(Self.name) \(two) \(one)", "NameOwnerChanged \(Self.name) \(one) -",
            ])
    }

    @Test func `the name comes before its signal, and the reply after`() throws {
        let bus = BusHarness()
        let place = bus.connectSilently()
        try bus.send(
            place,
            .methodCall(
                destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus, member: "Hello"
            ))
        try bus.send(
            place,
            .methodCall(
                destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus,
                member: "RequestName", body: [.string(Self.name), .uint32(0)]))
        #expect(
            summary(bus.take(place)) == [
                "reply :1.0", "NameAcquired :1.0", "NameAcquired \(Self.name)", "reply ?",
            ])
    }

    @Test func `the queue moves up when its head goes, and forgets who left it`() throws {
        let bus = BusHarness()
        let places = try (0..<4).map { _ in try bus.connect() }
        for place in places { _ = try request(bus, place, 0) }
        try bus.hangUp(places[2])
        #expect(try bus.ask(places[1], "ReleaseName", [.string(Self.name)]).body == [.uint32(1)])
        #expect(try bus.ask(places[1], "ReleaseName", [.string(Self.name)]).body == [.uint32(3)])
        #expect(try owners(bus) == [bus.peers[places[0]].name, bus.peers[places[3]].name])
        _ = try bus.ask(places[0], "ReleaseName", [.string(Self.name)])
        let owner = try bus.ask(places[0], "GetNameOwner", [.string(Self.name)])
        #expect(owner.body == [.string(bus.peers[places[3]].name)])
    }

    @Test(arguments: ["", "org", ":1.0", ":1.99", "org.freedesktop.DBus", "a..b", "1a.b", "a.b/c"])
    func `a name that cannot be owned is refused`(name: String) throws {
        let bus = BusHarness()
        let place = try bus.connect()
        for (member, body) in [
            ("RequestName", [Value.string(name), .uint32(0)]), ("ReleaseName", [.string(name)]),
        ] {
            #expect(try bus.ask(place, member, body).errorName == ErrorName.invalidArguments)
        }
    }

    @Test func `releasing a name that nobody has says so`() throws {
        let bus = BusHarness()
        let place = try bus.connect()
        #expect(try bus.ask(place, "ReleaseName", [.string("a.b")]).body == [.uint32(2)])
    }
}
