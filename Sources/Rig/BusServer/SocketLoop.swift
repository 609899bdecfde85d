import CLinux
import DBusProtocol
import DescriptorPassing
import Glibc
import MessageBus
import Synchronization

/// The thread behind a ``SocketServer``: one epoll set with the listener, a wake-up and every peer.
final class SocketLoop: @unchecked Sendable {
    // Unchecked: all that changes is either behind `shared` or touched by the loop's thread alone.

    /// Bytes read from one peer before the others get their turn.
    static let readBytes = 1 << 16
    /// Pause in accepting when descriptors have run out.
    static let acceptPause = Duration.milliseconds(100)

    struct Shared {
        /// Peers with something new to send, or to be closed.
        var dirty: [SocketPeer] = []
        var isAwake = false
        /// Soonest first.
        var timers: [(deadline: ContinuousClock.Instant, action: @Sendable () -> Void)] = []
        /// Of each connection's messages, the bytes that wait in the queues of other peers.
        var underWay: [ConnectionID: Int] = [:]
        var mustStop = false
    }

    let guid: String
    let bus: MessageBus
    let options: SocketServer.Options
    private let listener: CInt
    private let epoll: CInt
    private let wakeUp: CInt
    private let shared = Mutex(Shared())
    private var thread = pthread_t()
    private var peers: [CInt: SocketPeer] = [:]
    private var byConnection: [ConnectionID: SocketPeer] = [:]
    private var isAccepting = true

    init(bus: MessageBus, listener: CInt, options: SocketServer.Options) throws(SocketError) {
        self.bus = bus
        self.guid = bus.guid
        self.options = options
        self.listener = listener
        epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
        wakeUp = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
        guard epoll >= 0, wakeUp >= 0 else {
            let code = errno
            for descriptor in [listener, epoll, wakeUp] where descriptor >= 0 { close(descriptor) }
            throw SocketError(code, "epoll")
        }
        fcntlNonBlocking(listener)
        watch(listener, CInt(EPOLL_CTL_ADD), reading: true, writing: false)
        watch(wakeUp, CInt(EPOLL_CTL_ADD), reading: true, writing: false)
    }

    func start() {
        let box = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<SocketLoop>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        precondition(result == 0, "pthread_create: \(result)")
    }

    /// - Returns: `false` when it had been stopped before.
    func stop() -> Bool {
        let isFirst = shared.withLock { shared in
            defer { shared.mustStop = true }
            return !shared.mustStop
        }
        guard isFirst else { return false }
        wake()
        if pthread_equal(pthread_self(), thread) == 0 { pthread_join(thread, nil) }
        return true
    }

    func schedule(after duration: Duration, _ action: @escaping @Sendable () -> Void) {
        let deadline = ContinuousClock.now + duration
        shared.withLock { shared in
            let place = shared.timers.lastIndex { $0.deadline <= deadline }.map { $0 + 1 } ?? 0
            shared.timers.insert((deadline, action), at: place)
        }
        wake()
    }

    func startDelivery(_ byteCount: Int, of sender: ConnectionID) {
        shared.withLock { $0.underWay[sender, default: 0] += byteCount }
    }

    /// On the loop's thread: whoever was not read from may be again.
    func endDelivery(_ byteCount: Int, of sender: ConnectionID) {
        let limit = bus.limits.incomingBytes
        let isBelowAgain = shared.withLock { shared in
            let before = shared.underWay[sender] ?? 0
            let after = before - byteCount
            shared.underWay[sender] = after > 0 ? after : nil
            return before > limit && after <= limit
        }
        if isBelowAgain, let peer = byConnection[sender] { touch(peer) }
    }

    func isOverLimit(_ connection: ConnectionID) -> Bool {
        shared.withLock { $0.underWay[connection] ?? 0 } > bus.limits.incomingBytes
    }

    /// The peer has something to send or is to be closed. From any thread.
    func touch(_ peer: SocketPeer) {
        let mustWake = shared.withLock { shared in
            shared.dirty.append(peer)
            defer { shared.isAwake = true }
            return !shared.isAwake
        }
        if mustWake { wake() }
    }

    private func wake() {
        var one: UInt64 = 1
        _ = write(wakeUp, &one, 8)
    }

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while !shared.withLock({ $0.mustStop }) {
            let count = epoll_wait(epoll, &events, CInt(events.count), timeout())
            for event in events.prefix(Int(max(0, count))) { handle(event) }
            runTimers()
            flushDirty()
        }
        for peer in peers.values.sorted(by: { $0.descriptor < $1.descriptor }) { drop(peer) }
        flushDirty()
        for descriptor in [listener, epoll, wakeUp] { close(descriptor) }
    }

    private func handle(_ event: epoll_event) {
        let descriptor = event.data.fd
        if descriptor == listener { return acceptAll() }
        if descriptor == wakeUp {
            var count: UInt64 = 0
            _ = read(wakeUp, &count, 8)
            return
        }
        guard let peer = peers[descriptor] else { return }
        let isReadable = event.events & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        if isReadable && peer.isReading || event.events & EPOLLERR.rawValue != 0 {
            guard peer.readOnce() else { return drop(peer) }
            if let id = peer.connection { byConnection[id] = peer }
        } else if event.events & EPOLLHUP.rawValue != 0 {
            // Not read from while others lag behind, and gone: nothing it said can matter any more.
            return drop(peer)
        }
        flush(peer)
    }

    private func acceptAll() {
        while isAccepting {
            do throws(SocketError) {
                guard let descriptor = try DescriptorSocket.accept(listener) else { return }
                let peer = SocketPeer(descriptor: descriptor, loop: self)
                peers[descriptor] = peer
                watch(descriptor, CInt(EPOLL_CTL_ADD), reading: true, writing: false)
                schedule(after: bus.limits.authenticationTimeout) { [weak peer] in peer?.expire() }
                limitNewcomers()
            } catch {
                // Out of descriptors: the listener stays readable, so look away for a moment.
                setAccepting(false)
                schedule(after: Self.acceptPause) { [weak self] in self?.setAccepting(true) }
            }
        }
    }

    /// Timers and this run on the loop's thread.
    private func setAccepting(_ isOn: Bool) {
        isAccepting = isOn
        watch(listener, CInt(EPOLL_CTL_MOD), reading: isOn, writing: false)
    }

    private func limitNewcomers() {
        let newcomers = peers.values.filter { $0.connection == nil }.count
        if newcomers >= bus.limits.incompleteConnections { setAccepting(false) }
    }

    private func runTimers() {
        let now = ContinuousClock.now
        let due = shared.withLock { shared in
            let due = Array(shared.timers.prefix { $0.deadline <= now })
            shared.timers.removeFirst(due.count)
            return due
        }
        for timer in due { timer.action() }
    }

    /// Milliseconds until the next timer, rounded up; -1 for ever.
    private func timeout() -> CInt {
        shared.withLock { shared in
            if !shared.dirty.isEmpty { return 0 }
            guard let next = shared.timers.first?.deadline else { return -1 }
            let (seconds, attoseconds) = (next - ContinuousClock.now).components
            guard seconds >= 0 && attoseconds >= 0 else { return 0 }
            let milliseconds = seconds.multipliedReportingOverflow(by: 1_000)
            guard !milliseconds.overflow else { return .max }
            return CInt(clamping: milliseconds.partialValue + attoseconds / 1_000_000_000_000_000 + 1)
        }
    }

    private func flushDirty() {
        while true {
            let dirty = shared.withLock { shared in
                defer { shared.dirty = [] }
                if shared.dirty.isEmpty { shared.isAwake = false }
                return shared.dirty
            }
            guard !dirty.isEmpty else { return }
            for peer in dirty where peers[peer.descriptor] === peer { flush(peer) }
        }
    }

    private func flush(_ peer: SocketPeer) {
        guard peers[peer.descriptor] === peer else { return }
        guard peer.writeQueued() else { return drop(peer) }
        updateInterest(peer)
    }

    private func updateInterest(_ peer: SocketPeer) {
        let interest = peer.wantedInterest()
        guard interest != peer.interest else { return }
        peer.interest = interest
        watch(peer.descriptor, CInt(EPOLL_CTL_MOD), reading: interest.reading, writing: interest.writing)
    }

    private func drop(_ peer: SocketPeer) {
        peers[peer.descriptor] = nil
        if let id = peer.connection { byConnection[id] = nil }
        peer.tearDown()
        if !isAccepting && !shared.withLock({ $0.mustStop }) { setAccepting(true) }
    }

    private func watch(_ descriptor: CInt, _ operation: CInt, reading: Bool, writing: Bool) {
        var event = epoll_event()
        event.events = (reading ? EPOLLIN.rawValue : 0) | (writing ? EPOLLOUT.rawValue : 0)
        event.data.fd = descriptor
        epoll_ctl(epoll, operation, descriptor, &event)
    }
}

private func fcntlNonBlocking(_ descriptor: CInt) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
}
