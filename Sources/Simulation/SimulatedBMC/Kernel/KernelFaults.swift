import FaultPoints

/// Where every part of the kernel asks what goes wrong, and where it leaves what a fault keeps waiting.
final class KernelFaults {
    private let injector: any FaultInjector
    let timers: KernelTimers
    /// Asking costs text; a kernel without faults is not asked at all.
    let isQuiet: Bool
    /// What waits for a hold, by the number under which it is resumed.
    private var parked: [UInt64: () -> Void] = [:]
    private var lastParked: UInt64 = 0
    /// Set by the shell: it calls ``resume(_:)`` with the number, as a step of the kernel, once the hold
    /// is released by whomever.
    var watch: (FaultHold, UInt64) -> Void = { _, _ in }

    init(_ injector: any FaultInjector, timers: KernelTimers) {
        self.injector = injector
        self.timers = timers
        isQuiet = injector is NoFaults
        timers.faults = self
    }

    /// - Returns: what is done to this operation. Traps on what ``SimulatedKernel/carriedOut`` does not
    ///   list.
    func meet(
        _ layer: FaultLayer, _ operation: @autoclosure () -> String, on target: @autoclosure () -> String,
        slot: @autoclosure () -> String? = nil, bytes: Range<UInt64>? = nil
    ) -> MetFaults {
        guard !isQuiet else { return .none }
        let occasion = FaultOccasion(
            layer, operation(), on: target(), slot: slot(), bytes: bytes, at: timers.now)
        let actions = injector.meet(occasion)
        SimulatedKernel.carriedOut.check(actions, on: occasion.operation, of: layer)
        return MetFaults(actions)
    }

    /// Calls `body` once the delay is over and then every hold released; at once without any.
    func afterWaiting(_ faults: MetFaults, _ body: @escaping () -> Void) {
        let holds = faults.holds[...]
        guard faults.delay > .zero else { return afterRelease(of: holds, body) }
        timers.schedule(at: timers.now + faults.delay) { [self] in afterRelease(of: holds, body) }
    }

    func resume(_ number: UInt64) { parked.removeValue(forKey: number)?() }

    /// Lets go whatever waits for a hold: the power is gone.
    func resumeAll() {
        for number in parked.keys.sorted() { resume(number) }
    }

    private func afterRelease(of holds: ArraySlice<FaultHold>, _ body: @escaping () -> Void) {
        guard let hold = holds.first else { return body() }
        lastParked += 1
        parked[lastParked] = { [self] in afterRelease(of: holds.dropFirst(), body) }
        watch(hold, lastParked)
    }
}

/// What met one operation, sorted: waiting comes first, then the deed and what changes it, then the
/// answer.
struct MetFaults {
    var delay = Duration.zero
    var holds: [FaultHold] = []
    /// Fails with it; nothing is done.
    var failure: CInt?
    /// It is done, and said to have failed.
    var laterFailure: CInt?
    /// Nothing is done, and it is said to have succeeded.
    var pretends = false
    var isDropped = false
    var copies = 0
    /// How many later ones pass first.
    var lag = 0
    var missingBytes = 0
    var tornSectors: UInt64?
    var corruptions: [FaultAction.Corruption] = []
    var sense: (key: UInt8, code: UInt8, qualifier: UInt8)?
    private var lies: [(field: String, value: Int64)] = []
    private var specials: [(name: String, value: Int64)] = []
    private(set) var isEmpty = true

    static let none = MetFaults()

    private init() {}

    init(_ actions: [FaultAction]) {
        isEmpty = actions.isEmpty
        for action in actions { add(action) }
    }

    /// Whether it is kept waiting at all.
    var waits: Bool { delay > .zero || !holds.isEmpty }

    func lie(_ field: String) -> Int64? { lies.last { $0.field == field }?.value }
    func special(_ name: String) -> Int64? { specials.last { $0.name == name }?.value }

    /// The parameter of a special action, in milliseconds.
    func time(_ name: String) -> Duration? { special(name).map { .milliseconds(max(0, $0)) } }

    private mutating func add(_ action: FaultAction) {
        switch action {
        case .delay(let time): delay += time
        case .hold(let hold): holds.append(hold)
        case .fail(let errno): failure = errno
        case .failAfterwards(let errno): laterFailure = errno
        case .pretend: pretends = true
        case .short(let byteCount): missingBytes = byteCount
        case .torn(let sectors): tornSectors = sectors
        case .corrupt(let corruption): corruptions.append(corruption)
        case .drop: isDropped = true
        case .duplicate: copies += 1
        case .reorder(let count): lag = max(lag, count)
        case .sense(let key, let code, let qualifier): sense = (key, code, qualifier)
        case .lie(let field, let value): lies.append((field, value))
        case .special(let name, let value): specials.append((name, value))
        case .close, .reset, .bandwidth, .slice, .status:
            preconditionFailure("the kernel does not carry out \(action)")
        }
    }
}

extension FaultAction.Corruption {
    /// What it makes of some bytes; what lies outside of them stays.
    func applied(to bytes: [UInt8]) -> [UInt8] {
        var changed = bytes
        switch self {
        case .bitFlip(let bit):
            if bit >= 0, bit / 8 < changed.count { changed[bit / 8] ^= 1 << UInt8(bit % 8) }
        case .zero(let start):
            for index in max(0, start)..<max(0, start, min(start + 512, changed.count)) { changed[index] = 0 }
        case .swap(let one, let other):
            let (low, high) = (min(one, other) * 512, max(one, other) * 512)
            guard low >= 0, high > low, high + 512 <= changed.count else { return changed }
            let first = Array(changed[low..<low + 512])
            changed.replaceSubrange(low..<low + 512, with: changed[high..<high + 512])
            changed.replaceSubrange(high..<high + 512, with: first)
        case .shift(let byteCount):
            guard !changed.isEmpty else { return changed }
            let count = ((byteCount % changed.count) + changed.count) % changed.count
            changed = Array(changed[count...] + changed[..<count])
        case .stale: preconditionFailure("nothing here remembers what was there before")
        }
        return changed
    }
}
