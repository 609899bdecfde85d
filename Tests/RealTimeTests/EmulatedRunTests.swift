import FaultPlan
import RunLog
import Scenarios
import Testing

@testable import RealTime

/// The whole of it in real time. Every run is a few hundred milliseconds of work; what waits is waited for,
/// never slept through.
@Suite(.serialized)
struct EmulatedRunTests {
    /// Both modes, one image of two mebibytes.
    static var topology: Scenario.Topology {
        var topology = Scenario.Topology(
            slots: [.init("Slot_0", mode: .proxy), .init("Slot_1", mode: .legacy)],
            images: [.init("disk.img", 2 << 20)])
        topology.store.roundTrip = .zero
        return topology
    }

    static let life: [Scenario.Step] = [.insert(), .read(), .eject()]

    static func record(_ scenario: Scenario, seed: UInt64 = 1) async throws -> RunRecord {
        var run = RealTimeRun(try scenario.resolve(seed: seed))
        run.timeLimit = .seconds(120)
        return await run.record()
    }

    static func check(_ record: RunRecord, _ verdict: RunVerdict = .passed) {
        #expect(record.verdict == verdict, "\(record.violations)")
        #expect(record.identity.world == "emulated")
    }

    @Test func `in both modes a host reads every byte of a medium, and nothing is left`() async throws {
        let record = try await Self.record(Scenario("life", topology: Self.topology, steps: Self.life))
        Self.check(record)
        #expect(record.provenByteCount >= 4 << 20)
        #expect(record.traceHash == 0)
        #expect(record.events.contains { $0.name == "state Active" && $0.slot == "Slot_1" })
    }

    /// One fault of each part of the world that has its own way of doing them, and how the read ends.
    static let faults: [(Fault, Scenario.Step.DataOutcome)] = [
        (Fault("store.latency", ["latency": "20ms"], select: .init(operations: ["read"])), .good),
        (Fault("store.errno", select: .init(operations: ["read"]), trigger: .nth(2)), .any),
        (Fault("http.status", ["code": 503], trigger: .nth(3)), .good),
        (Fault("http.reset", trigger: .nth(3)), .good),
        (Fault("http.range-ignored", trigger: .nth(2)), .any),
        (Fault("nbd.unknown-flags", trigger: .nth(1)), .good),
        (Fault("nbd.connect-latency", ["latency": "5ms"]), .good),
        (Fault("nbd.slice", ["byteCount": 512], trigger: .range(first: 1, last: 40, step: 1)), .good),
        (Fault("network.slice", ["byteCount": 4096], trigger: .range(first: 1, last: 40, step: 1)), .good),
        (Fault("uevent.duplicate"), .good),
        (Fault("dbus.latency", ["latency": "5ms"]), .good),
        (Fault("usb.halt", trigger: .nth(9)), .any),
        (Fault("configfs.latency", ["latency": "5ms"]), .good),
        (Fault("tls.alert", trigger: .nth(2)), .any),
    ]

    @Test(arguments: faults.indices)
    func `a fault happens where it belongs, and is survived`(index: Int) async throws {
        let (fault, outcome) = Self.faults[index]
        var scenario = Scenario(
            "one-fault", topology: Self.topology,
            steps: [
                .insert(.all, .any), .read(outcome: outcome), .eject(.all, .any), .heal(),
            ], faults: [fault])
        // Which of several connections meets the fault is chance here, and so is what is noticed of it.
        scenario.invariantsOff[.expectations] = "real connections"
        #expect(EmulatedCapabilities.missing(for: scenario) == [])
        let record = try await Self.record(scenario)
        Self.check(record)
        #expect(record.faults.first.map { $0.fired > 0 } ?? false)
    }

    @Test func `a killed service is started again, and takes away what the first one left`() async throws {
        let record = try await Self.record(
            Scenario(
                "killed", topology: Self.topology,
                steps: [
                    .insert(), .process(.kill, .service), .process(.start, .service),
                    .wait(until: .init(state: .ready, isInserted: false, hasLeftovers: false)),
                ] + Self.life))
        Self.check(record)
        #expect(record.events.count { $0.name == "service started" } == 2)
    }

    @Test func `a service that dies in the middle of a read keeps no device open`() async throws {
        var topology = Self.topology
        topology.slots.removeLast()
        var isStalled = Scenario.Condition()
        isStalled.fired = ["stall": 1]
        let record = try await Self.record(
            Scenario(
                "reading", topology: topology,
                steps: [
                    .parallel(
                        [.insert(.all, .any)],
                        [.wait(until: isStalled), .process(.restart, .service)]),
                    .wait(until: .init(state: .ready, isInserted: false, hasLeftovers: false)), .heal(),
                ] + Self.life,
                faults: [
                    Fault(
                        "store.stall", identifier: "stall", select: .init(operations: ["read"]),
                        trigger: .nth(1))
                ]))
        Self.check(record)
        #expect(record.events.count { $0.name == "service started" } == 2)
    }

    @Test func `a host that loses power finds the same medium again`() async throws {
        let record = try await Self.record(
            Scenario(
                "power", topology: Self.topology,
                steps: [
                    .insert(), .host(.powerCycle), .wait(until: .init(isInserted: true)), .read(), .eject(),
                ]))
        Self.check(record)
        #expect(record.events.count { $0.name == "enumerated" } == 4)
    }

    @Test func `a client that dies and comes back, and a store that does, cost no byte`() async throws {
        let record = try await Self.record(
            Scenario(
                "restarts", topology: Self.topology,
                steps: [
                    .insert(), .process(.restart, .server, .named("Slot_0")), .process(.restart, .store),
                    .process(.detach, .server, .named("Slot_1")), .wait(.all, .active), .read(), .eject(),
                ]))
        Self.check(record)
    }

    @Test func `a client that stands still is waited for, and costs no byte`() async throws {
        var topology = Self.topology
        topology.slots.removeLast()
        let record = try await Self.record(
            Scenario(
                "standing", topology: topology,
                steps: [
                    .insert(), .process(.stop, .server),
                    .parallel([.read()], [.wait(.milliseconds(200)), .process(.continue, .server)]), .eject(),
                ]))
        Self.check(record)
        let read = record.events.filter { $0.name == "read" && $0.lane == .host }
        #expect(read.contains { ($0.latencyNanoseconds ?? 0) > 100_000_000 })
    }

    @Test func `an image that is replaced under its medium is never half of the other`() async throws {
        var topology = Self.topology
        topology.slots.removeFirst()
        let record = try await Self.record(
            Scenario(
                "replaced", topology: topology,
                steps: [
                    .insert(), .read(.all, 0..<65_536), .image(.init("disk.img", .replace)),
                    .read(outcome: .any), .eject(.all, .any), .image(.init("disk.img", .restore)),
                    .wait(.all, .ready),
                ] + Self.life))
        Self.check(record)
    }

    @Test func `a run that does not end is ended at its limit, and leaves nothing`() async throws {
        var never = Scenario.Condition()
        never.events = ["never": 1]
        var run = RealTimeRun(
            try Scenario(
                "stuck", topology: Self.topology,
                steps: [.insert(), .wait(until: never, within: .seconds(3600))]
            ).resolve(seed: 1))
        run.timeLimit = .seconds(2)
        let record = await run.record()
        Self.check(record, .notLive)
        #expect(record.violations.last?.name == "out of time")
    }
}
