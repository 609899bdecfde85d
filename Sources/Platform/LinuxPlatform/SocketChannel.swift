import CLinux
import Glibc
import Synchronization
package import VirtualMedia
package import WireFormat

/// A connected stream socket.
///
/// On a thread that may block (``ThreadExecutor``) it waits in the system call; anywhere else it
/// suspends its task.
package final class SocketChannel: ByteChannel {
    private let descriptor: CInt
    private let wasClosed = Atomic(false)

    /// Takes ownership of a connected stream socket.
    package init(owning descriptor: CInt) { self.descriptor = descriptor }

    deinit { Glibc.close(descriptor) }

    package func read(into buffer: UnsafeMutableRawBufferPointer) async throws(SystemError) -> Int {
        let mayBlock = ThreadExecutor.isBlockingAllowed
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, mayBlock ? 0 : CInt(MSG_DONTWAIT))
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: try await DescriptorWaiter.readable.wait(for: descriptor)
            case ECONNRESET: return 0
            default: throw SystemError(errno, "receive")
            }
        }
    }

    package func write(_ bytes: Bytes) async throws(SystemError) {
        let flags = CInt(MSG_NOSIGNAL) | (ThreadExecutor.isBlockingAllowed ? 0 : CInt(MSG_DONTWAIT))
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, flags) }
            if count >= 0 {
                rest.removeFirst(count)
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: try await DescriptorWaiter.writable.wait(for: descriptor)
            default: throw SystemError(errno, "send")
            }
        }
    }

    /// Lends the descriptor, to hand the connection to the kernel; it stays the channel's.
    package func withDescriptor<Result, Failure: Error>(
        _ body: (CInt) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(descriptor)
    }

    /// Returns once the connection is dead, whoever reads from it. For one task at a time.
    package func hungUp() async throws(SystemError) {
        try await DescriptorWaiter.hungUp.wait(for: descriptor)
    }

    package var isClosed: Bool { wasClosed.load(ordering: .relaxed) }

    /// The peer sees the end of the stream; it can still send.
    package func finishWriting() { shutdown(descriptor, CInt(SHUT_WR)) }

    package func close() {
        // Not close(2): a thread may be inside recv, and the number must not be reused under it.
        guard !wasClosed.exchange(true, ordering: .relaxed) else { return }
        shutdown(descriptor, CInt(SHUT_RDWR))
    }
}
