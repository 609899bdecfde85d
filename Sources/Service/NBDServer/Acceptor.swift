import CLinux
import Glibc
import Synchronization

/// Takes connections off a listening socket, on a thread of its own.
final class Acceptor: Sendable {
    private let listener: Listener
    private let accepted: @Sendable (CInt) -> Void
    private let stopSignal: CInt
    private let thread = Mutex<pthread_t?>(nil)
    /// Pause after running out of descriptors or memory, which only time can cure.
    private static let exhaustedMilliseconds: CInt = 100

    init(_ listener: Listener, _ accepted: @escaping @Sendable (CInt) -> Void) {
        self.listener = listener
        self.accepted = accepted
        stopSignal = eventfd(0, CInt(EFD_CLOEXEC))
    }

    deinit { Glibc.close(stopSignal) }

    func start() -> Bool {
        guard stopSignal >= 0 else { return false }
        // A client that gives up between poll and accept must not leave us waiting in accept.
        _ = fcntl(listener.number, F_SETFL, O_NONBLOCK)
        let started = ConnectionThread.start("nbd accept") { [self] in run() }
        thread.withLock { $0 = started }
        return started != nil
    }

    /// Closes the listening socket and removes its file; returns when the thread has ended.
    func stop() {
        eventfd_write(stopSignal, 1)
        if let thread = thread.withLock({ $0.take() }) { pthread_join(thread, nil) }
        listener.close()
    }

    private func run() {
        while true {
            var entries = [
                pollfd(fd: stopSignal, events: Int16(POLLIN), revents: 0),
                pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&entries, 2, -1) > 0 else { continue }
            if entries[0].revents != 0 { return }
            let number = accept(listener.number, nil, nil)
            if number >= 0 {
                accepted(number)
            } else if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) {
                poll(&entries, 1, Self.exhaustedMilliseconds)
            }
        }
    }
}
