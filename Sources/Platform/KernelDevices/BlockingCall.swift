import Glibc
import LinuxPlatform
import Threads
import VirtualMedia

/// System calls that may wait: on configfs for a host, on a block device for its server.
enum BlockingCall {
    /// Runs `body` where it is when the thread may block, else on a thread of its own.
    ///
    /// - Parameter name: of the thread, and in the error.
    /// - Throws: what `body` does; EAGAIN when the system has no thread left.
    static func run<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable () throws(SystemError) -> Value
    ) async throws(SystemError) -> Value {
        if ThreadExecutor.isBlockingAllowed { return try body() }
        let outcome = await BlockingThread.value(name) {
            Result { () throws(SystemError) in try body() }
        }
        guard let outcome else { throw SystemError(EAGAIN, "\(name): start a thread") }
        return try outcome.get()
    }
}
