import FaultPlan
import FaultPoints
import Scenarios
import Testing

@testable import RealTime

struct EmulatedCapabilitiesTests {
    static func missing(_ fault: Fault, _ topology: Scenario.Topology = EmulatedRunTests.topology) -> [String]
    {
        EmulatedCapabilities.missing(for: Scenario("s", topology: topology, faults: [fault]))
    }

    /// A fault that nothing in this world meets, and a word of the reason.
    static let lacking: [(Fault, String)] = [
        (Fault("clock.late-timer", ["latency": "1s"]), "sim"),
        (Fault("clock.step", ["by": 5]), "sim"),
        (Fault("network.nxdomain"), "layer network"),
        (Fault("resource.small-buffer"), "sim"),
        (Fault("store.errno", select: .init(operations: ["rename"])), "layer store"),
        (Fault("no.such-fault"), "unknown"),
    ]

    @Test(arguments: lacking.indices)
    func `a scenario with a fault that nothing meets is refused with the reason`(index: Int) throws {
        let (fault, word) = Self.lacking[index]
        let missing = Self.missing(fault)
        #expect(missing.count == 1)
        #expect(missing.first?.contains(word) ?? false, "\(missing)")
        #expect(missing.first?.contains(fault.kind) ?? false, "\(missing)")
    }

    @Test func `a store's files are met by the modes that have them`() {
        var proxy = EmulatedRunTests.topology
        proxy.slots.removeLast()
        var legacy = EmulatedRunTests.topology
        legacy.slots.removeFirst()
        let opening = Fault("store.errno", select: .init(operations: ["open"]))
        let flushing = Fault("store.errno", select: .init(operations: ["flush"]))
        #expect(!Self.missing(opening, proxy).isEmpty)
        #expect(Self.missing(opening, legacy).isEmpty)
        #expect(Self.missing(flushing, proxy).isEmpty)
        #expect(!Self.missing(flushing, legacy).isEmpty)
    }

    /// What makes stand-ins of the NBD servers, and what leaves them real.
    static let standIns: [(Fault, Bool)] = [
        (Fault("nbd.silent"), true), (Fault("network.reset"), true),
        (Fault("process.stop", ["process": "server"]), true),
        (Fault("process.stop", ["process": "bus"]), false),
        (Fault("nbd.connections-lost"), false), (Fault("http.reset"), false), (Fault("store.errno"), false),
    ]

    @Test(arguments: standIns.indices)
    func `NBD servers are real unless faults have to come between`(index: Int) {
        let (fault, isFaulty) = Self.standIns[index]
        let scenario = Scenario("s", topology: EmulatedRunTests.topology, faults: [fault])
        #expect(EmulatedCapabilities.missing(for: scenario) == [])
        #expect(EmulatedCapabilities.needsFaultyServers(scenario) == isFaulty)
        var still = Scenario("s", topology: EmulatedRunTests.topology)
        still.steps = [.repeat(2, .parallel([.process(.stop, .server, .named("Slot_0"))]))]
        #expect(EmulatedCapabilities.missing(for: still) == [])
        #expect(EmulatedCapabilities.needsFaultyServers(still))
    }

    @Test func `where a scenario does not belong, and what there is no room for, is said`() {
        var scenario = Scenario("s", topology: EmulatedRunTests.topology)
        scenario.worlds = [.sim]
        scenario.topology.images[0].byteCount = 3 << 40
        scenario.topology.store.bytesPerSecond = 1000
        scenario.steps = [.repeat(.init(2, [.parallel(.init([[.process(.init(.stop, .server))]]))]))]
        let missing = EmulatedCapabilities.missing(for: scenario)
        #expect(missing.count == 4)
        for word in ["sim only", "disk.img", "bandwidth", "part of the service"] {
            #expect(missing.contains { $0.contains(word) }, "\(word) in \(missing)")
        }
    }

    /// What a part of the world is handed and has not in its table, it traps on: so each fault that is declared
    /// must do nothing but what the part that meets it does.
    @Test(
        arguments: FaultCatalogue.standard.kinds.filter { $0.manner == .met && $0.worlds.contains(.emulated) }
            .map(\.name))
    func `a declared fault is carried out by every part that meets it`(name: String) throws {
        let kind = try #require(FaultCatalogue.standard[name])
        for table in EmulatedCapabilities.tables {
            let known = Set(table.entries.filter { $0.layer == kind.metIn }.map(\.operation))
            for operation in known.intersection(kind.operations).sorted() {
                for parameters in Self.samples(kind) {
                    let engine = try FaultEngine(FaultPlan([Fault(name, parameters)]), seed: 1)
                    let actions = engine.meet(
                        FaultOccasion(
                            kind.metIn, operation, on: "x", slot: "Slot_0", connection: 0, direction: .down,
                            bytes: 4096..<8192, at: .seconds(1)))
                    for action in actions {
                        #expect(
                            table.carriesOut(action, on: operation, of: kind.metIn),
                            "\(action.word) on \(operation) of \(kind.metIn)")
                    }
                }
            }
        }
    }

    /// Parameters that will do: each choice once.
    static func samples(_ kind: FaultKind) -> [[String: ParameterValue]] {
        var samples: [[String: ParameterValue]] = [[:]]
        for rule in kind.parameters where rule.standard == nil && !rule.isOptional {
            let values: [ParameterValue] =
                switch rule.form {
                case .choice(let words): words.map { .text($0) }
                case .flag: [true, false]
                case .integer(let range): [.integer(min(max(range.lowerBound, 600), range.upperBound))]
                case .number(let range): [.number(range.upperBound)]
                case .text: ["text"]
                case .duration(let range): [.duration(max(range.lowerBound, .seconds(1)))]
                case .latency: ["1ms"]
                case .errno: ["EIO"]
                case .sense: ["unrecovered-read"]
                case .integers(let range): [[.integer(range.lowerBound)]]
                case .texts: [["text"]]
                }
            samples = samples.flatMap { sample in
                values.map { value in sample.merging([rule.name: value]) { $1 } }
            }
        }
        return samples
    }

    @Test func `every fault that strikes is carried out, or is missing by name`() {
        for kind in FaultCatalogue.standard.kinds where kind.manner != .met {
            let isCarriedOut =
                EmulatedWorld.strikes.contains(kind.name)
                || EmulatedCapabilities.hostStrikes.contains(kind.name)
            if isCarriedOut { #expect(kind.worlds.contains(.emulated), "\(kind.name)") }
        }
        for name in EmulatedWorld.strikes + EmulatedCapabilities.hostStrikes {
            #expect(FaultCatalogue.standard[name]?.manner != .met, "\(name)")
        }
    }
}
