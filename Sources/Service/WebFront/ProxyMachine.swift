/// What becomes of one Proxy slot while a client serves its image over a WebSocket: decisions only.
///
/// Two things come and go by themselves, the client's link and the service's channel, and each pair of them is
/// one NBD connection from its handshake on: neither can change its partner. A client that is lost may come back
/// within a grace time; until then the service finds nobody at its socket, and keeps the host waiting.
struct ProxyMachine: Sendable {
    struct Limits: Sendable {
        /// For a lost client to come back.
        var grace = Duration.seconds(30)
        /// For an unmount: somewhat more than the service's own limit for one.
        var unmount = Duration.seconds(50)
    }

    enum Event: Equatable, Sendable {
        /// A client is there that comes back.
        case linkOpened(Int)
        case linkEnded(Int, code: WebSocketCloseCode?)
        /// The service has connected to the slot's socket.
        case channelOpened(Int)
        case channelEnded(Int)
        /// The mount that was asked for has ended; `nil`: the host has the medium.
        case mountEnded(failure: String?)
        case unmountEnded
        /// The slot holds no medium any more, though nobody asked for that here; why, if it was a failure.
        case slotEnded(failure: String?)
        /// Whoever had logged in has logged out, or may do less than before.
        case loginEnded
        case shutDown
        case tick
    }

    enum Effect: Equatable, Sendable {
        case mount
        case unmount
        /// Bytes pass between the two, until one of them ends.
        case join(link: Int, channel: Int)
        case closeLink(Int, WebSocketCloseCode, String)
        case closeChannel(Int)
        /// Nothing happens here any more.
        case end
    }

    private enum Phase: Equatable {
        case serving
        /// The medium is being taken away; a client that is still there is told so afterwards.
        case leaving(WebSocketCloseCode, String)
        case over
    }

    private let limits: Limits
    private var phase = Phase.serving
    private var link: Int?
    private var channel: Int?
    private var isJoined = false
    private var isMounting = false
    /// When a lost client, or an unmount, has been waited for long enough.
    private(set) var deadline: Duration?

    init(_ limits: Limits) { self.limits = limits }

    /// A client may take the slot over: the last one was lost.
    var isWaitingForLink: Bool { link == nil && phase == .serving }

    mutating func begin(link: Int) -> [Effect] {
        self.link = link
        isMounting = true
        return [.mount]
    }

    mutating func handle(_ event: Event, at now: Duration) -> [Effect] {
        switch phase {
        case .serving: serve(event, at: now)
        case .leaving: leave(event, at: now)
        case .over: refuse(event)
        }
    }

    // MARK: While the image is served

    private mutating func serve(_ event: Event, at now: Duration) -> [Effect] {
        switch event {
        case .linkOpened(let number): return opened(link: number)
        case .channelOpened(let number): return opened(channel: number, at: now)
        case .channelEnded(let number):
            if number == channel { channel = nil }
            return []
        case .linkEnded(let number, let code):
            guard number == link else { return [] }
            link = nil
            return code == .normal ? takeAway(.normal, "", at: now) : lost(at: now)
        case .mountEnded(let failure):
            isMounting = false
            guard let failure else { return [] }
            return end(.mountFailed, failure)
        case .slotEnded(let failure):
            // A mount that fails says so itself.
            guard !isMounting else { return [] }
            return end(failure == nil ? .normal : .mediumLost, failure ?? "ejected")
        case .loginEnded: return takeAway(.loginEnded, "the login has ended", at: now)
        case .shutDown: return takeAway(.goingAway, "the front is ending", at: now)
        case .unmountEnded: return []
        case .tick: return isDue(now) ? takeAway(.normal, "", at: now) : []
        }
    }

    private mutating func opened(link number: Int) -> [Effect] {
        // Only one that waits is offered another link; see isWaitingForLink.
        guard link == nil else { return refuse(.linkOpened(number)) }
        link = number
        deadline = nil
        return join()
    }

    private mutating func opened(channel number: Int, at now: Duration) -> [Effect] {
        var effects: [Effect] = []
        if let channel { effects.append(.closeChannel(channel)) }
        channel = number
        guard isJoined, let link else { return effects + join() }
        // The client is in the middle of a conversation with the last channel; it has to begin anew.
        effects.append(.closeLink(link, .serviceRestart, "connect again"))
        self.link = nil
        isJoined = false
        deadline = now + limits.grace
        return effects
    }

    private mutating func join() -> [Effect] {
        guard let link, let channel, !isJoined else { return [] }
        isJoined = true
        return [.join(link: link, channel: channel)]
    }

    /// The client is gone without a word, and may come back.
    private mutating func lost(at now: Duration) -> [Effect] {
        deadline = now + limits.grace
        guard isJoined, let channel else { return [] }
        isJoined = false
        self.channel = nil
        return [.closeChannel(channel)]
    }

    private func isDue(_ now: Duration) -> Bool { deadline.map { $0 <= now } ?? false }

    // MARK: While the medium is taken away

    /// A client that is there serves on meanwhile: what the host wrote is still to be stored.
    private mutating func takeAway(_ code: WebSocketCloseCode, _ reason: String, at now: Duration) -> [Effect]
    {
        phase = .leaving(code, reason)
        deadline = now + limits.unmount
        return [.unmount]
    }

    private mutating func leave(_ event: Event, at now: Duration) -> [Effect] {
        guard case .leaving(let code, let reason) = phase else { return [] }
        switch event {
        case .unmountEnded, .slotEnded: return end(code, reason)
        case .tick: return isDue(now) ? end(code, reason) : []
        case .linkEnded(let number, _):
            if number == link { link = nil }
            guard isJoined, let channel else { return [] }
            self.channel = nil
            return [.closeChannel(channel)]
        case .channelEnded(let number):
            if number == channel { channel = nil }
            return []
        case .linkOpened, .channelOpened: return refuse(event)
        case .mountEnded, .loginEnded, .shutDown: return []
        }
    }

    // MARK: Afterwards

    private mutating func end(_ code: WebSocketCloseCode, _ reason: String) -> [Effect] {
        phase = .over
        deadline = nil
        var effects: [Effect] = []
        if let link { effects.append(.closeLink(link, code, reason)) }
        if let channel { effects.append(.closeChannel(channel)) }
        return effects + [.end]
    }

    private func refuse(_ event: Event) -> [Effect] {
        switch event {
        case .linkOpened(let number): [.closeLink(number, .slotInUse, "the slot is in use")]
        case .channelOpened(let number): [.closeChannel(number)]
        default: []
        }
    }
}

extension WebSocketCloseCode {
    /// Somebody else serves an image to the slot.
    package static let slotInUse = Self(rawValue: 4001)
    /// Log-out, end of the session, or a role that no longer allows it.
    package static let loginEnded = Self(rawValue: 4003)
    /// The medium could not be inserted; the reason says why.
    package static let mountFailed = Self(rawValue: 4004)
    /// The medium was inserted, and the service had to give it up; the reason says why.
    package static let mediumLost = Self(rawValue: 4005)
}
