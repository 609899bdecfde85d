import DBusProtocol
import Synchronization

/// Messages on their way to one connection, in the order given.
final class Outbox: Sendable {
    private let connection: any BusConnection
    private let stream: AsyncStream<Message>
    private let continuation: AsyncStream<Message>.Continuation
    private let backlog = Mutex<(count: Int, waiter: CheckedContinuation<Void, Never>?)>((0, nil))
    private let refused = Mutex<[Message]>([])

    init(_ connection: any BusConnection) {
        self.connection = connection
        (stream, continuation) = AsyncStream.makeStream()
    }

    /// Does not wait; `nil`, the reply that nobody wants, is dropped.
    func send(_ message: Message?) {
        guard let message else { return }
        backlog.withLock { $0.count += 1 }
        if case .terminated = continuation.yield(message) { backlog.withLock { $0.count -= 1 } }
    }

    /// What the connection would not take any more, in the order given.
    var unsent: [Message] { refused.withLock { $0 } }

    /// Sends until ``finish()``; what a dead connection refuses is kept in ``unsent``.
    func run() async {
        for await message in stream {
            do throws(BusError) { try await connection.send(message) } catch {
                refused.withLock { $0.append(message) }
            }
            backlog.withLock { backlog in
                backlog.count -= 1
                defer { backlog.waiter = nil }
                return backlog.waiter
            }?.resume()
        }
    }

    func finish() { continuation.finish() }

    /// Waits until fewer than `limit` messages are on their way. One waiter.
    func hasRoom(limit: Int) async {
        while true {
            guard backlog.withLock({ $0.count >= limit }) else { return }
            await withCheckedContinuation { continuation in
                let mustWait = backlog.withLock { backlog in
                    guard backlog.count >= limit else { return false }
                    backlog.waiter = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        }
    }
}
