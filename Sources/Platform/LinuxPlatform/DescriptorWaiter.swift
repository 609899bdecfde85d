import CLinux
import Glibc
import Synchronization
import VirtualMedia

/// Suspends tasks until descriptors are ready: one epoll set and one thread per direction, shared
/// by the process.
///
/// Only for control traffic. The data plane waits in its own system calls.
final class DescriptorWaiter: Sendable {
    static let readable = DescriptorWaiter(
        name: "wait readable", events: EPOLLIN.rawValue | EPOLLRDHUP.rawValue)
    /// Both directions have ended, or the peer sends no more; what it sent before may still be unread.
    static let hungUp = DescriptorWaiter(name: "wait hang-up", events: EPOLLRDHUP.rawValue)
    static let writable = DescriptorWaiter(name: "wait writable", events: EPOLLOUT.rawValue)

    private let name: String
    private let epoll: CInt
    private let events: UInt32
    private let waiting = Mutex<[CInt: CheckedContinuation<Void, Never>]>([:])

    private init(name: String, events: UInt32) {
        self.name = name
        self.events = events
        epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
        precondition(epoll >= 0, "epoll_create1: \(String(cString: strerror(errno)))")
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        let status = pthread_create(&thread, nil, Self.entry, context)
        precondition(status == 0, "cannot start thread \(name)")
        pthread_detach(thread)
    }

    /// Returns once `descriptor` is ready, hung up or in error. One waiter per descriptor.
    func wait(for descriptor: CInt) async throws(SystemError) {
        var failure: CInt = 0
        await withCheckedContinuation { continuation in
            waiting.withLock {
                precondition($0[descriptor] == nil, "two tasks wait for descriptor \(descriptor)")
                $0[descriptor] = continuation
            }
            var event = epoll_event()
            event.events = events | EPOLLONESHOT.rawValue
            event.data.fd = descriptor
            if epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0 {
                failure = errno
                resume(descriptor)
            }
        }
        if failure != 0 { throw SystemError(failure, "epoll_ctl") }
        epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
    }

    private func resume(_ descriptor: CInt) {
        waiting.withLock { $0.removeValue(forKey: descriptor) }?.resume()
    }

    private static let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
        context in
        let waiter = Unmanaged<DescriptorWaiter>.fromOpaque(context!).takeUnretainedValue()
        clinux_name_thread(waiter.name)
        var ready = [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let count = epoll_wait(waiter.epoll, &ready, 64, -1)
            for index in 0..<max(0, Int(count)) { waiter.resume(ready[index].data.fd) }
        }
    }
}
