import NBDProtocol

/// The request queue of one attached device: spreads requests over its links, and decides what
/// becomes of them when links die (drivers/block/nbd.c, `nbd_handle_cmd`, `nbd_xmit_timeout`).
final class NBDQueue {
    struct Limits {
        /// `nil` waits for ever.
        var requestTimeout: Duration?
        var deadConnectionTimeout: Duration
        var queueDepth: Int
    }

    /// blk-mq's own timeout, which moves requests to another link even when no timeout was asked for.
    static let defaultTimeout = Duration.seconds(30)

    private(set) var links: [NBDLink] = []
    private(set) var readBytes: UInt64 = 0
    private(set) var writtenBytes: UInt64 = 0
    /// A link died that was not told to.
    var linkDied: (NBDLink) -> Void = { _ in }
    private let limits: Limits
    private let timers: KernelTimers
    private var pending = PendingQueue<BlockRequest>()
    private var nextLink = 0
    private var isShutDown = false
    private var isDispatching = false
    private var timer: (id: KernelTimers.TimerID, deadline: Duration)?

    init(limits: Limits, timers: KernelTimers) {
        self.limits = limits
        self.timers = timers
    }

    var liveLinkCount: Int { links.filter { !$0.isDead }.count }
    var hasDeadLink: Bool { links.contains(where: \.isDead) }

    func add(_ link: NBDLink) { links.append(link) }

    /// Puts a live link where a dead one was, and sends what waited for it.
    ///
    /// - Returns: false when every link lives.
    func replaceDeadLink(with link: NBDLink) -> Bool {
        guard let index = links.firstIndex(where: \.isDead) else { return false }
        // What is still on the dead link waits for its own timeout, which finds the new one.
        for slot in links[index].takeAllSlots() {
            let deadline = slot.deadline ?? timers.now + Self.defaultTimeout
            orphans.append(NBDLink.Slot(request: slot.request, cookie: slot.cookie, deadline: deadline))
            armTimer(at: deadline)
        }
        links[index] = link
        dispatch()
        return true
    }

    func submit(_ request: BlockRequest) {
        guard !isShutDown else { return request.completion(.failure(.io)) }
        pending.append(request)
        dispatch()
    }

    // MARK: Replies

    func replied(link number: Int, cookie: UInt64, error: UInt32, _ payload: [UInt8]) {
        guard let link = links.first(where: { $0.number == number }), !link.isDead else { return }
        guard let request = link.take(cookie: cookie) else { return died(link: number) }
        if error == 0 {
            if request.command == .read { readBytes += UInt64(request.byteCount) }
            if request.command == .write { writtenBytes += UInt64(request.byteCount) }
        }
        // Whatever the number was, the block layer knows only EIO.
        request.completion(error == 0 ? .success(payload) : .failure(.io))
        dispatch()
    }

    /// The connection ended or lost its framing. Requests on it stay there until they time out:
    /// the driver cannot know whether their replies are on the way.
    func died(link number: Int) {
        guard let link = links.first(where: { $0.number == number }), link.die() else { return }
        if !isShutDown { linkDied(link) }
        dispatch()
    }

    /// Ends every link and fails everything.
    ///
    /// - Parameter inOrder: takes leave of the servers; else they find the line dead.
    func shutDown(inOrder: Bool = true) {
        isShutDown = true
        if let timer { timers.cancel(timer.id) }
        timer = nil
        for link in links { if inOrder { link.disconnect() } else { _ = link.die() } }
        var failed = links.flatMap { $0.takeAll() }
        failed += orphans.map(\.request)
        orphans = []
        failed += pending.takeAll()
        for request in failed { request.completion(.failure(.io)) }
    }

    // MARK: Sending

    private func dispatch() {
        // A failing request may submit another from its completion; the loop picks that up.
        guard !isDispatching else { return }
        isDispatching = true
        defer { isDispatching = false }
        while let request = pending.first {
            if let link = linkWithRoom() {
                _ = pending.popFirst()
                request.waitingUntil = nil
                let deadline = requestTimeout.map { timers.now + $0 }
                link.send(request, deadline: deadline)
                if let deadline { armTimer(at: deadline) }
            } else if liveLinkCount > 0 {
                return
            } else if isShutDown || waitIsOver(request) {
                _ = pending.popFirst()
                request.completion(.failure(.io))
            } else {
                return
            }
        }
    }

    private func linkWithRoom() -> NBDLink? {
        for step in links.indices {
            let link = links[(nextLink + step) % links.count]
            guard link.hasRoom else { continue }
            nextLink = (nextLink + step + 1) % links.count
            return link
        }
        return nil
    }

    /// With no link left, every request waits for a new one, each for the same time.
    private func waitIsOver(_ request: BlockRequest) -> Bool {
        let limit = timers.now + limits.deadConnectionTimeout
        pending.forEach { if $0.waitingUntil == nil { $0.waitingUntil = limit } }
        guard let until = request.waitingUntil, until > timers.now else { return true }
        armTimer(at: until)
        return false
    }

    // MARK: Timeouts

    /// Requests whose link was replaced under them, until their own deadline.
    private var orphans: [NBDLink.Slot] = []

    private var requestTimeout: Duration? {
        limits.requestTimeout ?? (links.count > 1 ? Self.defaultTimeout : nil)
    }

    private func armTimer(at deadline: Duration) {
        if let timer {
            guard deadline < timer.deadline else { return }
            timers.cancel(timer.id)
        }
        timer = (
            timers.schedule(at: deadline, named: "nbd timeout") { [weak self] in self?.timerFired() },
            deadline
        )
    }

    private func timerFired() {
        timer = nil
        let now = timers.now
        var expired: [BlockRequest] = []
        for link in links {
            let late = link.takeExpired(at: now)
            guard !late.isEmpty else { continue }
            expired += late
            // A link that let one request time out is dead for all.
            if link.die() { linkDied(link) }
        }
        expired += orphans.filter { $0.isDue(at: now) }.map(\.request)
        orphans.removeAll { $0.isDue(at: now) }
        for request in expired { pending.append(request) }
        dispatch()
        let deadlines = links.compactMap(\.earliestDeadline) + orphans.compactMap(\.deadline)
        if let next = deadlines.min() { armTimer(at: next) }
    }
}
