import CLinux
import Glibc

/// A thread for work that waits in system calls.
enum BlockingThread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void
        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    static func start(_ name: String, _ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(name: name, run: run))
        let status = pthread_create(&thread, nil, entry, body.toOpaque())
        precondition(status == 0, "cannot start thread \(name)")
        pthread_detach(thread)
    }

    /// Runs `body` on a thread of its own and suspends until it is done.
    static func value<Value: Sendable>(_ name: String, _ body: @escaping @Sendable () -> Value) async -> Value
    {
        await withCheckedContinuation { continuation in
            start(name) { continuation.resume(returning: body()) }
        }
    }

    private static let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
        argument in
        let body = Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
        clinux_name_thread(body.name)
        body.run()
        return nil
    }
}
