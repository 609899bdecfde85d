import FaultPlan
import RunLog
import Scenarios
import SimulatedTime
import Testing
import VirtualMedia

@testable import Runs

/// Whole lives of slots, in virtual time.
struct SimulatedRunTests {
    static func scenario(_ mode: SlotMode, isReadWrite: Bool = false) -> Scenario {
        var slot = Scenario.Slot("Slot_0", mode: mode, image: "small")
        slot.isReadWrite = isReadWrite
        var scenario = Scenario(
            "life",
            topology: Scenario.Topology(slots: [slot], images: [Scenario.Image("small", 256 << 10)]))
        scenario.workload = [Scenario.Workload(isReadWrite ? .write : .random, 64 << 10)]
        return scenario
    }

    static func record(
        _ scenario: Scenario, seed: UInt64 = 1, schedule: Schedule? = nil
    ) throws -> RunRecord {
        var run = SimulatedRun(try scenario.resolve(seed: seed))
        run.schedule = schedule
        return run.record()
    }

    @Test(arguments: SlotMode.allCases, [false, true])
    func `a medium goes in, is read and written, and out, in every mode`(mode: SlotMode, isReadWrite: Bool)
        throws
    {
        let record = try Self.record(Self.scenario(mode, isReadWrite: isReadWrite))
        #expect(record.verdict == .passed, "\(record.violations)")
        #expect(record.provenByteCount >= 256 << 10)
        #expect(record.events.contains { $0.name == "state Active" })
    }

    @Test(arguments: ["fifo", "random", "pct:3"])
    func `the same seed is the same run, step by step`(schedule: String) throws {
        let scenario = Self.scenario(.proxy, isReadWrite: true)
        let schedule = Schedule(schedule)
        let first = try Self.record(scenario, seed: 7, schedule: schedule)
        var second = try Self.record(scenario, seed: 7, schedule: schedule)
        second.wallNanoseconds = first.wallNanoseconds
        #expect(first == second)
        #expect(try Self.record(scenario, seed: 8, schedule: schedule).traceHash != first.traceHash)
    }

    @Test func `a run names the SHA-256 of each image that was in memory, and of no larger one`() throws {
        var scenario = Self.scenario(.legacy)
        scenario.topology.images = [
            Scenario.Image("small", 1 << 20, content: .zeros),
            Scenario.Image("large", 1 << 40, content: .sparse),
        ]
        // As sha256sum gives it for 1 MiB of zeroes.
        #expect(
            try Self.record(scenario).identity.imageSHA256 == [
                "small": "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58"
            ])
    }

    @Test func `the choices of a run give the same run again`() throws {
        let scenario = Self.scenario(.legacy)
        let first = try Self.record(scenario, seed: 3, schedule: .random)
        let again = try Self.record(scenario, seed: 3, schedule: .replay(first.choices))
        #expect(again.events == first.events)
    }

    @Test func `corrupted data is found, and a fault that never fires makes a run vacuous`() throws {
        var scenario = Self.scenario(.proxy)
        scenario.faults = [Fault("device.bit-flip", select: Selector(operations: ["read"]), trigger: .nth(3))]
        let record = try Self.record(scenario)
        #expect(record.verdict == .wrong)
        #expect(record.violations.first?.name == "data", "\(record.violations)")
        scenario.faults = [Fault("nbd.connections-lost", trigger: .atTime(.seconds(3600)))]
        #expect(try Self.record(scenario).verdict == .vacuous)
    }

    @Test func `a service that is killed while its medium is read leaves nothing behind`() throws {
        var scenario = Self.scenario(.legacy)
        scenario.steps = [
            .insert(), .process(.restart, .service), .wait(.seconds(5)), .insert(), .read(), .eject(),
            .expect(Scenario.Condition(hasLeftovers: false)),
        ]
        let record = try Self.record(scenario)
        #expect(record.verdict == .passed, "\(record.violations)")
        #expect(record.events.contains { $0.name == "service died" })
    }

    @Test func `a mark of a step sets off a fault that waits for it, and so does an event of the log`() throws
    {
        for event in ["mark half-way", "state Deactivating", "Unmount"] {
            var scenario = Self.scenario(.proxy)
            scenario.steps = [.insert(), .read(), .mark("half-way"), .wait(.seconds(1)), .eject()]
            scenario.faults = [
                Fault("process.detach", ["process": "server"], trigger: .onEvent(event, count: 1))
            ]
            let record = try Self.record(scenario)
            #expect(record.verdict == .passed, "\(event): \(record.violations)")
            #expect(record.faults.map(\.fired) == [1], "\(event)")
            let before = record.events.prefix { !$0.name.hasPrefix("fault ") }
            #expect(before.last?.name == event)
        }
    }

    @Test func `a mount whose answer goes with the bus is there all the same once the bus is back`()
        throws
    {
        for mode in SlotMode.allCases {
            var scenario = Self.scenario(mode)
            scenario.workload = []
            scenario.steps = [
                .insert(.all, .any), .wait(.all, .active),
                .read(), .eject(),
            ]
            scenario.faults = [
                Fault(
                    "dbus.disconnect", select: Selector(operations: ["return"], slot: "Slot_*"),
                    trigger: .nth(1))
            ]
            let record = try Self.record(scenario)
            #expect(record.verdict == .passed, "\(mode): \(record.violations)")
            #expect(record.faults.map(\.fired) == [1])
        }
    }

    @Test func `of two who insert at once each is told what became of its own`() throws {
        for seed: UInt64 in 1...8 {
            var scenario = Self.scenario(.legacy)
            scenario.topology.images.append(Scenario.Image("other", 128 << 10, seed: 2))
            scenario.workload = []
            scenario.schedule = .random
            scenario.steps = [
                .parallel(
                    [.insert(.all, .completed(.done), .refused(nil))],
                    [.insert(.all, image: "other", .completed(.done), .refused(nil))]),
                .read(), .eject(),
            ]
            let record = try Self.record(scenario, seed: seed)
            #expect(record.verdict == .passed, "seed \(seed): \(record.violations)")
            let ends = record.events.filter { $0.name == "insert" }.compactMap(\.detail)
            #expect(ends.count { $0.contains("refused") } == 1, "seed \(seed): \(ends)")
        }
    }

    @Test func `an image that changes before it is mounted is what the host must read`() throws {
        var scenario = Self.scenario(.legacy)
        scenario.workload = []
        scenario.faults = [
            Fault(
                "store.replace",
                trigger: .onState(
                    entity: nil, state: "Activating", edge: .enter, count: 1))
        ]
        scenario.steps = [.insert(.all, .any), .read(outcome: .any), .eject(.all, .any)]
        for seed: UInt64 in 1...4 {
            let record = try Self.record(scenario, seed: seed, schedule: .random)
            #expect(record.verdict == .passed, "seed \(seed): \(record.violations)")
        }
    }

    /// Found by seed 55468 of the standard mix: the medium of the dead service had gone without a word, and what
    /// the host read was held against it.
    @Test func `a medium whose answer was lost is told from the one that went with its service`() throws {
        var proven: UInt64 = 0
        for seed: UInt64 in 1...8 {
            var scenario = Self.scenario(.legacy)
            scenario.topology.images.append(Scenario.Image("other", 128 << 10, seed: 2))
            scenario.workload = []
            scenario.steps = [
                .insert(.all, .any), .wait(.milliseconds(100)), .insert(.all, image: "other", .any),
                // Before the service is on the bus again and says what it has.
                .wait(.milliseconds(200)), .read(outcome: .any), .eject(.all, .any),
            ]
            scenario.faults = [
                Fault(
                    "process.restart", ["process": "service"],
                    trigger: .onState(entity: nil, state: "Activating", edge: .enter, count: 1)),
                Fault(
                    "dbus.caller-gone", select: Selector(operations: ["call"], slot: "Slot_*"),
                    trigger: .nth(2)),
            ]
            let record = try Self.record(scenario, seed: seed, schedule: .random)
            #expect(record.verdict == .passed, "seed \(seed): \(record.violations)")
            #expect(record.faults.map(\.fired) == [1, 1], "seed \(seed)")
            proven += record.provenByteCount
        }
        #expect(proven > 0)
    }

    @Test func `every layer of the path has its lane in the log, and a run is the same without`() throws {
        var run = SimulatedRun(try Self.scenario(.legacy, isReadWrite: true).resolve(seed: 1))
        let record = run.record()
        let lanes = Set(record.events.map(\.lane))
        for lane: Lane in [.store, .network, .server, .nbd, .uevent, .configfs, .usb, .host, .dbus, .slot] {
            #expect(lanes.contains(lane), "\(lane)")
        }
        #expect(record.events.map(\.number) == Array(record.events.indices))
        run.maximumEvents = 0
        let bare = run.record()
        #expect(
            bare.events.isEmpty && bare.traceHash == record.traceHash && bare.stepCount == record.stepCount)
    }
}
