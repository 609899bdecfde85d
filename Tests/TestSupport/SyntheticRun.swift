package import RunLog

/// A made-up run that looks like a real one: slots that mount, hosts that boot and read through all lanes,
/// faults that fire, and where asked a violation at its end.
package struct SyntheticRun {
    package var seed: UInt64 = 1
    package var scenario = "boot-under-stalls"
    package var slots = 4
    /// About so many events; there will be a few less.
    package var eventCount = 20_000
    package var isFailing = true
    /// A fault fires after so many reads.
    package var firesEvery = 97
    package var imageByteCount: UInt64 = 256 << 20

    package static let faultKinds = ["http.status", "store.latency", "nbd.reset", "usb.stall"]

    private static let path: [(lane: Lane, share: Double)] = [
        (.host, 1), (.usb, 0.96), (.nbd, 0.8), (.server, 0.72), (.network, 0.6), (.store, 0.35),
    ]

    package init() {}

    package func record() -> RunRecord {
        var maker = Maker(seed: seed, slots: slots)
        for slot in 0..<slots { maker.mount(slot, at: Int64(slot) * 180_000_000) }
        var turn = 0
        while maker.events.count < eventCount {
            maker.read(slot: turn % slots, imageByteCount: imageByteCount, path: Self.path)
            if turn % firesEvery == firesEvery - 1 {
                maker.fire(Int.random(in: 0...3, using: &maker.random), slot: turn % slots)
            }
            turn += 1
        }
        return finish(maker)
    }

    private func finish(_ made: Maker) -> RunRecord {
        var maker = made
        var identity = RunIdentity(scenario: scenario, seed: seed, world: "sim")
        identity.commit = "d9d0a5c1f00dfeedd9d0a5c1f00dfeedd9d0a5c1"
        identity.kernel = "6.6 (simulated)"
        identity.imageSHA256 = ["installer.iso": String(repeating: "8f3a", count: 16)]
        identity.plan = [
            "f1 http.status 503 on GET, every 97th, 3 times",
            "f2 store.latency 40 ms ± 10 ms on reads of 0..64 MiB",
            "f3 nbd.reset after 1 MiB, probability 0.01", "f4 usb.stall on READ(10), in state Active",
            "f5 uevent.drop of change on nbd3",
        ]
        identity.schedule = "pct:3"
        identity.replayCommand = "mediarig run \(scenario) --seed \(seed) --world sim"
        var record = RunRecord(identity)
        let end = (maker.clocks.max() ?? 0) + 5_000_000
        if isFailing {
            record.verdict = .wrong
            let detail = "host read block 41,216 of Slot_1 as zeroes; the image holds 4d 5a 90 00 there"
            record.violations = [
                Violation("I1 wrong data", slot: "Slot_1", at: .nanoseconds(end), detail),
                Violation(
                    "I3 late answer", slot: "Slot_2", at: .nanoseconds(end + 1),
                    "READ(10) took 31.2 s, its limit is 30 s"),
            ]
            maker.add(.invariant, 1, "I1 wrong data", at: end, detail: detail, hasSucceeded: false)
        }
        record.events = maker.events.sorted { ($0.nanoseconds, $0.number) < ($1.nanoseconds, $1.number) }
        for index in record.events.indices { record.events[index].number = index }
        record.faults = maker.tallies
        record.virtualNanoseconds = end + 2
        record.stepCount = record.events.count * 7
        record.wallNanoseconds = Int64(record.events.count) * 1500
        record.traceHash = 0x1234_5678_9ABC_DEF0 ^ seed
        record.provenByteCount = maker.provenByteCount
        record.choices = (0..<1000).map { UInt32($0 * 7 % 13) }
        return record
    }
}

private struct Maker {
    var random: SeededGenerator
    var events: [RunEvent] = []
    var clocks: [Int64]
    var states: [String]
    var tallies: [FaultTally]
    var provenByteCount: UInt64 = 0
    private var positions: [UInt64]

    init(seed: UInt64, slots: Int) {
        random = SeededGenerator(seed: seed)
        clocks = Array(repeating: 0, count: slots)
        states = Array(repeating: "Ready", count: slots)
        positions = Array(repeating: 0, count: slots)
        tallies = SyntheticRun.faultKinds.enumerated().map { FaultTally(identifier: "f\($0 + 1)", kind: $1) }
        tallies.append(FaultTally(identifier: "f5", kind: "uevent.drop"))
    }

    mutating func add(
        _ lane: Lane, _ slot: Int?, _ name: String, at nanoseconds: Int64, detail: String? = nil,
        range: Range<UInt64>? = nil, latency: Int64? = nil, hasSucceeded: Bool = true
    ) {
        events.append(
            RunEvent(
                number: events.count, at: .nanoseconds(nanoseconds), lane, slot: slot.map { "Slot_\($0)" },
                name,
                detail: detail, range: range, latency: latency.map { .nanoseconds($0) },
                hasSucceeded: hasSucceeded))
    }

    mutating func enter(_ state: String, _ slot: Int) {
        states[slot] = state
        add(.slot, slot, "state \(state)", at: clocks[slot])
    }

    mutating func mount(_ slot: Int, at time: Int64) {
        clocks[slot] = time
        add(.slot, slot, "state Ready", at: time)
        clocks[slot] += 20_000_000
        add(.dbus, slot, "Mount", at: clocks[slot], detail: "https://images.example/installer.iso")
        enter("Activating", slot)
        for (lane, name, nanoseconds) in [
            (.process, "start", 4), (.nbd, "connect", 12), (.uevent, "change", 6), (.configfs, "write", 3),
            (.usb, "reset", 48), (.host, "enumerate", 90),
        ] as [(Lane, String, Int64)] {
            let latency = nanoseconds * 1_000_000 + Int64.random(in: 0...2_000_000, using: &random)
            clocks[slot] += latency
            add(lane, slot, name, at: clocks[slot], latency: latency)
        }
        enter("Active", slot)
        add(.dbus, slot, "Completion", at: clocks[slot], detail: "0")
    }

    mutating func read(slot: Int, imageByteCount: UInt64, path: [(lane: Lane, share: Double)]) {
        let isRandom = Int.random(in: 0..<5, using: &random) == 0
        let byteCount: UInt64 = isRandom ? 4096 : 131_072
        let blocks = imageByteCount / byteCount
        let start =
            isRandom
            ? UInt64.random(in: 0..<blocks, using: &random) * byteCount : positions[slot] % imageByteCount
        if !isRandom { positions[slot] = start + byteCount }
        let range = start..<min(imageByteCount, start + byteCount)
        let isCached = Int.random(in: 0..<3, using: &random) == 0
        // A heavy tail: most take a millisecond, few a second.
        let exponent = Double.random(in: 0...1, using: &random)
        let whole = Int64(
            400_000 + 900_000_000 * exponent * exponent * exponent * exponent * exponent * exponent)
        let isFailed = Int.random(in: 0..<400, using: &random) == 0
        for (lane, share) in path.reversed() where !isCached || lane == .host || lane == .usb {
            let latency = Int64(Double(whole) * share)
            add(
                lane, slot, lane == .usb ? "READ(10)" : "read", at: clocks[slot] + latency, range: range,
                latency: latency, hasSucceeded: !isFailed)
        }
        clocks[slot] += whole
        if !isFailed { provenByteCount += UInt64(range.count) }
    }

    mutating func fire(_ fault: Int, slot: Int) {
        tallies[fault].matched += 3
        tallies[fault].fired += 1
        tallies[fault].firedByState[states[slot], default: 0] += 1
        if tallies[fault].firstFiredNanoseconds == nil { tallies[fault].firstFiredNanoseconds = clocks[slot] }
        add(.fault, slot, "fault \(tallies[fault].kind)", at: clocks[slot], detail: "f\(fault + 1)")
        guard fault == 2 else { return }
        clocks[slot] += 80_000_000
        enter("Deactivating", slot)
        clocks[slot] += 200_000_000
        enter("Ready", slot)
        mount(slot, at: clocks[slot] + 100_000_000)
    }
}
