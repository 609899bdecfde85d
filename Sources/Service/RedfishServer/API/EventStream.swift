/// Server-sent events for one client: the shell pulls one piece after the other, so a client that does not
/// read uses no more than the queue.
package final class EventStream: Sendable {
    private let pull: @Sendable () async -> [UInt8]?
    private let close: @Sendable () -> Void

    init(pull: @escaping @Sendable () async -> [UInt8]?, close: @escaping @Sendable () -> Void) {
        self.pull = pull
        self.close = close
    }

    /// Waits for the next piece; `nil` when the stream is over. One caller.
    package func next() async -> [UInt8]? { await pull() }

    /// The client is gone.
    package func cancel() { close() }
}
