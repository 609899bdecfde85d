internal import NIOCore

/// A time by which something is given up, which moves with every request and is hardly ever reached.
///
/// Moving it costs no timer: one goes off at most so often as the shortest time there is, and looks.
final class MovingDeadline {
    private let loop: any EventLoop
    private let patience: TimeAmount
    private let expired: @Sendable () -> Void
    private var due: NIODeadline?
    private var look: Scheduled<Void>?

    /// - Parameters:
    ///   - patience: no more than any time that it is ever moved to.
    ///   - expired: called once, on the loop.
    init(on loop: any EventLoop, patience: Duration, _ expired: @escaping @Sendable () -> Void) {
        self.loop = loop
        self.patience = TimeAmount(patience)
        self.expired = expired
    }

    /// So long from now on.
    func move(to time: Duration) {
        let now = NIODeadline.now()
        due = now + TimeAmount(time)
        if look == nil { schedule(now) }
    }

    /// Until it is moved again there is no hurry.
    func stop() { due = nil }

    /// For good.
    func cancel() {
        due = nil
        look?.cancel()
    }

    private func schedule(_ now: NIODeadline) {
        guard let due else { return }
        let me = NIOLoopBound(self, eventLoop: loop)
        look = loop.scheduleTask(deadline: min(due, now + patience)) { me.value.lookNow() }
    }

    private func lookNow() {
        look = nil
        guard let due else { return }
        let now = NIODeadline.now()
        if now < due { schedule(now) } else { expired() }
    }
}
