import CLinux
import DescriptorPassing
import Glibc
import Synchronization
import Threads
import VirtualMedia

/// A local socket that listens, with a thread that hands on whoever connects.
final class SocketListener: Sendable {
    private let path: String
    private let listener: CInt
    private let stopSignal: CInt
    private let isOpen = Mutex(true)

    /// - Parameter accepted: takes the descriptor over; called by the listener's thread.
    /// - Throws: what listening was refused with. A socket that nobody listens on is replaced.
    init(at path: String, accepted: @escaping @Sendable (CInt) -> Void) throws(SystemError) {
        self.path = path
        unlink(path)
        do throws(SocketError) { listener = try DescriptorSocket.listen(at: .path(path)) } catch {
            throw SystemError(error.errno, "listen at \(path)")
        }
        stopSignal = eventfd(0, CInt(EFD_CLOEXEC))
        _ = fcntl(listener, F_SETFL, O_NONBLOCK)
        let (listener, stopSignal) = (listener, stopSignal)
        let isStarted = BlockingThread.start("nbd accept") {
            Self.accept(listener, until: stopSignal, accepted)
            Glibc.close(listener)
            Glibc.close(stopSignal)
        }
        guard isStarted else {
            Glibc.close(listener)
            Glibc.close(stopSignal)
            throw SystemError(EAGAIN, "start a thread")
        }
    }

    /// As the death of its process: the path stays, and refuses.
    func die() {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        guard wasOpen else { return }
        // From here on connecting is refused; the thread closes.
        shutdown(listener, CInt(SHUT_RDWR))
        eventfd_write(stopSignal, 1)
    }

    private static func accept(
        _ listener: CInt, until stopSignal: CInt, _ accepted: @Sendable (CInt) -> Void
    ) {
        while true {
            var entries = [
                pollfd(fd: stopSignal, events: Int16(POLLIN), revents: 0),
                pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&entries, 2, -1) > 0 else { continue }
            if entries[0].revents != 0 { return }
            if let number = try? DescriptorSocket.accept(listener) { accepted(number) }
        }
    }
}
