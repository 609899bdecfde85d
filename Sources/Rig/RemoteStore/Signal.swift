import Threads

/// One value from one thread to another.
final class Signal<Value: Sendable>: Sendable {
    private let value = Monitor<Value?>(nil)
    func send(_ new: Value) { value.change { $0 = new } }
    func receive() -> Value { value.wait { $0 } }
}
