import Synchronization

/// What a task came to, for whoever started it.
final class Outcome<Value: Sendable>: Sendable {
    private let held = Mutex<Value?>(nil)
    var value: Value? { held.withLock { $0 } }
    func set(_ value: Value?) { held.withLock { $0 = value } }
}
