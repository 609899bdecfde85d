import FaultPoints
import Synchronization

@testable import FaultPlan

/// An engine and what it told its world.
final class EngineFixture: Sendable {
    private struct Heard {
        var firings: [FaultFiring] = []
        var strikes: [Strike] = []
        var files: Set<String> = []
    }
    let engine: FaultEngine
    private let box: Box

    private final class Box: Sendable {
        let heard = Mutex(Heard())
    }

    init(_ faults: Fault..., seed: UInt64 = 1, catalogue: FaultCatalogue = .standard) throws {
        let box = Box()
        self.box = box
        engine = try FaultEngine(
            FaultPlan(faults), seed: seed, catalogue: catalogue,
            surroundings: FaultEngine.Surroundings(
                fileExists: { path in box.heard.withLock { $0.files.contains(path) } },
                report: { firing in box.heard.withLock { $0.firings.append(firing) } },
                onStrike: { strike in box.heard.withLock { $0.strikes.append(strike) } }))
    }

    var firings: [FaultFiring] { box.heard.withLock { $0.firings } }
    /// "begin f1 2s".
    var strikes: [String] {
        box.heard.withLock { heard in
            heard.strikes.map { "\($0.phase) \($0.identifier) \(DurationText.write($0.time))" }
        }
    }

    func setFile(_ path: String, exists: Bool) {
        box.heard.withLock { heard in
            if exists { heard.files.insert(path) } else { heard.files.remove(path) }
        }
    }

    /// A read of 4 KiB from the store, at whole milliseconds.
    @discardableResult func read(
        _ number: Int = 0, of target: String = "a.iso", slot: String? = "Slot_0", atMilliseconds time: Int
    ) -> [FaultAction] {
        let start = UInt64(number) * 4096
        return engine.meet(
            FaultOccasion(
                .store, "read", on: target, slot: slot, connection: 0, direction: .down,
                bytes: start..<start + 4096, at: .milliseconds(time)))
    }

    /// Which of the reads at 1, 2, 3 … ms fired.
    func fired(of count: Int) -> [Int] { (1...count).filter { !read($0, atMilliseconds: $0).isEmpty } }
}

extension Fault {
    /// Fails reads.
    static func failing(
        _ identifier: String = "", on trigger: Trigger, for duration: Duration? = nil,
        select: Selector = Selector(), budget: Budget = .unlimited
    ) -> Fault {
        Fault(
            "store.errno", identifier: identifier, select: select, trigger: trigger, duration: duration,
            budget: budget)
    }
}

/// For a world that refers back to its engine.
final class EngineBox: Sendable {
    private let content = Mutex<FaultEngine?>(nil)
    var engine: FaultEngine? { content.withLock { $0 } }
    func set(_ engine: FaultEngine?) { content.withLock { $0 = engine } }
}
