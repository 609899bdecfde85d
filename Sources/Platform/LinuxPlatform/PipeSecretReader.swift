import Glibc
package import VirtualMedia

/// Reads secrets from descriptors that a D-Bus caller passed: usually the read end of a pipe.
///
/// The descriptor's flags are shared with the caller, so it is not made non-blocking; the wait is a
/// poll on a thread of its own.
package struct PipeSecretReader: SecretReader {
    package init() {}

    package func read(_ descriptor: CInt, maximumBytes: Int, timeout: Duration)
        async throws(SystemError) -> [UInt8]
    {
        let executor = ThreadExecutor(name: "secret", mayBlock: true)
        let task = Task(executorPreference: executor) {
            () -> Result<[UInt8], SystemError> in
            Self.readBlocking(descriptor, maximumBytes: maximumBytes, timeout: timeout)
        }
        let result = await task.value
        executor.stop()
        return try result.get()
    }

    private static func readBlocking(
        _ descriptor: CInt, maximumBytes: Int, timeout: Duration
    ) -> Result<[UInt8], SystemError> {
        let operation = "read the secret from descriptor \(descriptor)"
        guard fcntl(descriptor, F_GETFD) >= 0 else { return .failure(SystemError(errno, operation)) }
        let deadline = SystemClock().now + timeout
        while true {
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let remaining = max(.zero, deadline - SystemClock().now)
            let milliseconds = CInt(clamping: Int64(remaining / .milliseconds(1)) + 1)
            let ready = Glibc.poll(&poll, 1, milliseconds)
            if ready == 0 { return .failure(SystemError(ETIMEDOUT, operation)) }
            if ready < 0 && errno != EINTR { return .failure(SystemError(errno, operation)) }
            if ready > 0 { break }
        }
        var bytes = [UInt8](repeating: 0, count: maximumBytes)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { return .failure(SystemError(errno, operation)) }
        bytes.removeLast(maximumBytes - count)
        return .success(bytes)
    }
}
