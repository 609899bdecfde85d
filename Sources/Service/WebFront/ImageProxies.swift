import HTTPTypes
package import RedfishServer
package import VirtualMedia
import WireFormat

/// Proxy slots: a client serves an image over a WebSocket, as an NBD server; the virtual media service is its
/// client, at the slot's local socket. Bytes pass here unread, in both directions, as fast as they are taken.
package actor ImageProxies {
    package struct Limits: Sendable {
        /// For a client that was lost to come back, before its medium is taken from the host.
        package var grace = Duration.seconds(30)
        /// What is read from the service at a time, and sent as one message.
        package var readBytes = 256 << 10

        package init() {}
    }

    /// One slot that is served, or waits for its client. Touched by the actor alone.
    private final class Session {
        let slot: MediaSlot
        let login: Login
        let peer: Peer
        var machine: ProxyMachine
        var listener: (any LocalListener)?
        var links: [Int: Link] = [:]
        var channels: [Int: any ByteChannel] = [:]
        var count = 0
        var timer: (deadline: Duration, task: any SpawnedTask)?

        init(_ slot: MediaSlot, _ login: Login, _ peer: Peer, _ machine: ProxyMachine) {
            self.slot = slot
            self.login = login
            self.peer = peer
            self.machine = machine
        }

        func number() -> Int {
            count += 1
            return count
        }
    }

    private struct Link {
        let link: any WebSocketLink
        let partner: Partner
    }

    private let redfish: RedfishService
    private let listeners: any LocalListeners
    private let clock: any MediaClock
    private let spawner: any Spawner
    private let limits: Limits
    /// By the slot's path on the bus.
    private var sessions: [String: Session] = [:]
    private var isEnding = false
    /// Waits for the last session to end.
    private var lastEnd: CheckedContinuation<Void, Never>?

    package init(
        _ redfish: RedfishService, listeners: any LocalListeners, clock: any MediaClock, spawner: any Spawner,
        limits: Limits = Limits()
    ) {
        self.redfish = redfish
        self.listeners = listeners
        self.clock = clock
        self.spawner = spawner
        self.limits = limits
    }

    /// Between two signs of life for the logins behind open WebSockets.
    static let keepAliveInterval = Duration.seconds(30)

    /// Ends what is bound to a login that ends, and to a slot that lets go. When cancelled it takes every medium from
    /// its host, while the clients still serve, and returns once the last one is down.
    package func run() async {
        let (logins, slots) = (await redfish.followLoginChanges(), await redfish.followSlots())
        let tasks = [
            spawner.spawn("proxy logins", .shared) { [self] in
                for await change in logins { await loginChanged(change) }
            },
            spawner.spawn("proxy slots", .shared) { [self] in
                for await change in slots { await slotChanged(change) }
            },
        ]
        while (try? await clock.sleep(until: clock.now + Self.keepAliveInterval)) != nil { await keepAlive() }
        isEnding = true
        for session in inOrder { apply(session, .shutDown) }
        // Each ends by itself within the limit of its unmount.
        if !sessions.isEmpty { await withCheckedContinuation { lastEnd = $0 } }
        for task in tasks { task.cancel() }
    }

    private var inOrder: [Session] { sessions.sorted { $0.key < $1.key }.map(\.value) }

    // MARK: Requests

    /// "/nbd/0" and the like, and "/vm/0/0" for the first slot of all.
    package static func isProxyPath(_ path: String) -> Bool {
        path.hasPrefix("/nbd/") || path == "/vm/0/0" || path == "/vm/0/0/"
    }

    /// Decides on a request for a WebSocket on a slot's endpoint.
    package func open(_ request: WebRequest) async -> WebSocketDecision {
        let peer = Peer(address: request.peer)
        let login: Login
        do throws(Refusal) {
            login = try await redfish.authenticate(
                request.head, peer: peer, rule: RedfishService.proxyRule, isWebSocket: true)
        } catch { return .refused(WebAnswer(await redfish.answer(error, to: request.head, peer: peer))) }
        guard !isEnding, let slots = await redfish.slots() else {
            return .refused(WebAnswer(HTTPResponse(status: .serviceUnavailable)))
        }
        guard let slot = Self.slot(at: request.head.path ?? "", among: slots) else {
            return .refused(WebAnswer(HTTPResponse(status: .notFound)))
        }
        let offered = request.head.headerFields[.webSocketProtocol]?.split(separator: ",").first
        let subprotocol = offered.map { String($0.trimmingPrefix { $0 == " " }) }
        return .accepted(
            WebSocketService(subprotocol: subprotocol) { [self] link in
                await serve(link, slot, login, peer)
            })
    }

    private static func slot(at path: String, among slots: [MediaSlot]) -> MediaSlot? {
        let path = String(path.prefix { $0 != "?" })
        let trimmed = path.hasSuffix("/") ? String(path.dropLast()) : path
        let proxies = slots.filter { $0.mode == .proxy }
        return trimmed == "/vm/0/0" ? proxies.first : proxies.first { $0.endpoint == trimmed }
    }

    private func serve(_ link: any WebSocketLink, _ slot: MediaSlot, _ login: Login, _ peer: Peer) async {
        guard !isEnding else { return await link.close(.goingAway, "the front is ending") }
        let session: Session
        if let waiting = sessions[slot.path] {
            guard waiting.machine.isWaitingForLink, waiting.login.userName == login.userName else {
                return await link.close(.slotInUse, "the slot is in use")
            }
            session = waiting
        } else {
            var machineLimits = ProxyMachine.Limits()
            machineLimits.grace = limits.grace
            session = Session(slot, login, peer, ProxyMachine(machineLimits))
            sessions[slot.path] = session
            do throws(SystemError) { session.listener = try await listeners.listen(at: slot.socket) } catch {
                sessions[slot.path] = nil
                return await link.close(.internalError, "the slot's socket: \(error)")
            }
            accept(for: session)
        }
        let number = session.number()
        let partner = Partner()
        session.links[number] = Link(link: link, partner: partner)
        if session.count == 1 {
            carryOut(session, session.machine.begin(link: number))
        } else {
            apply(session, .linkOpened(number))
        }
        await pass(from: link, to: partner)
        session.links[number] = nil
        apply(session, .linkEnded(number, code: link.closing))
    }

    // MARK: Bytes

    private func accept(for session: Session) {
        guard let listener = session.listener else { return }
        let path = session.slot.path
        spawner.spawn("\(session.slot.name) accept", .shared) { [self] in
            while let channel = await listener.accept() { await opened(channel, path) }
        }
    }

    private func opened(_ channel: any ByteChannel, _ path: String) {
        guard let session = sessions[path] else { return channel.close() }
        let number = session.number()
        session.channels[number] = channel
        apply(session, .channelOpened(number))
    }

    /// From the client to the service.
    private nonisolated func pass(from link: any WebSocketLink, to partner: Partner) async {
        while true {
            let pieces = await link.receive()
            if pieces.isEmpty { return }
            // Once the service has hung up, the rest is for nobody: what it had asked for it asks for anew.
            guard let channel = await partner.value() else { continue }
            for piece in pieces {
                do throws(SystemError) { try await channel.write(piece) } catch { break }
            }
        }
    }

    /// From the service to the client.
    private func join(_ session: Session, _ link: Link, _ channel: any ByteChannel, number: Int) {
        link.partner.settle(channel)
        let (path, readBytes) = (session.slot.path, limits.readBytes)
        spawner.spawn("\(session.slot.name) to client", .shared) { [self] in
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: readBytes, alignment: 16)
            defer { memory.deallocate() }
            while true {
                let count: Int
                do throws(SystemError) { count = try await channel.read(into: memory) } catch { break }
                guard count > 0 else { break }
                do throws(WebSocketEnded) { try await link.link.send(Array(memory[..<count])) } catch {
                    break
                }
            }
            channel.close()
            await channelEnded(number, path)
        }
    }

    private func channelEnded(_ number: Int, _ path: String) {
        guard let session = sessions[path] else { return }
        session.channels[number] = nil
        apply(session, .channelEnded(number))
    }

    // MARK: What happens elsewhere

    private func loginChanged(_ change: LoginChange) {
        for session in inOrder {
            let isConcerned =
                switch change {
                case .sessionEnded(let id): session.login.sessionID == id
                case .accountChanged(let userName):
                    session.login.userName == userName && session.login.sessionID == nil
                }
            if isConcerned { apply(session, .loginEnded) }
        }
    }

    private func slotChanged(_ change: MediaSlotChange) {
        guard let old = change.old, let session = sessions[old.path], Self.isOccupied(old) else { return }
        guard let new = change.new else { return apply(session, .slotEnded(failure: "the service is gone")) }
        guard !Self.isOccupied(new) else { return }
        let hasFailed = (new.details?.lastErrorCode ?? 0) != 0
        apply(session, .slotEnded(failure: hasFailed ? new.details?.lastError : nil))
    }

    /// Another service than ours has no word for a medium that is on its way in or out.
    private static func isOccupied(_ slot: MediaSlot) -> Bool {
        slot.details.map { $0.state != "Ready" } ?? slot.isActive
    }

    /// Whoever serves an image uses the login, if with nothing else.
    private func keepAlive() async {
        for session in inOrder where !session.machine.isWaitingForLink {
            if let id = session.login.sessionID { _ = await redfish.keepAlive(sessionID: id) }
        }
    }

    // MARK: Decisions

    private func apply(_ session: Session, _ event: ProxyMachine.Event) {
        carryOut(session, session.machine.handle(event, at: clock.now))
    }

    private func carryOut(_ session: Session, _ effects: [ProxyMachine.Effect]) {
        for effect in effects {
            switch effect {
            case .mount: mount(session)
            case .unmount: unmount(session)
            case .join(let link, let channel):
                guard let one = session.links[link], let other = session.channels[channel] else { break }
                join(session, one, other, number: channel)
            case .closeLink(let number, let code, let reason):
                guard let closing = session.links[number] else { break }
                closing.partner.settle(nil)
                spawner.spawn("\(session.slot.name) close", .shared) {
                    await closing.link.close(code, reason)
                }
            case .closeChannel(let number): session.channels.removeValue(forKey: number)?.close()
            case .end:
                session.listener?.close()
                if sessions[session.slot.path] === session { sessions[session.slot.path] = nil }
                if sessions.isEmpty {
                    lastEnd?.resume()
                    lastEnd = nil
                }
            }
        }
        setTimer(session)
    }

    private func mount(_ session: Session) {
        let (slot, path, login, peer) = (session.slot, session.slot.path, session.login, session.peer)
        spawner.spawn("\(slot.name) mount", .shared) { [self, redfish] in
            let failure = await redfish.mountProxy(slot, for: login, from: peer)
            await told(path, .mountEnded(failure: failure?.text))
        }
    }

    private func unmount(_ session: Session) {
        let (slot, path) = (session.slot, session.slot.path)
        spawner.spawn("\(slot.name) unmount", .shared) { [self, redfish] in
            _ = await redfish.unmountProxy(slot)
            await told(path, .unmountEnded)
        }
    }

    private func told(_ path: String, _ event: ProxyMachine.Event) {
        if let session = sessions[path] { apply(session, event) }
    }

    private func setTimer(_ session: Session) {
        guard session.timer?.deadline != session.machine.deadline else { return }
        session.timer?.task.cancel()
        session.timer = nil
        guard let deadline = session.machine.deadline else { return }
        let (path, clock) = (session.slot.path, self.clock)
        let task = spawner.spawn("\(session.slot.name) proxy timer", .shared) { [self] in
            do throws(CancellationError) { try await clock.sleep(until: deadline) } catch { return }
            await told(path, .tick)
        }
        session.timer = (deadline, task)
    }
}

extension WebAnswer {
    /// As the Redfish service gives it.
    init(_ answer: Answer) {
        switch answer.body {
        case .none: self.init(answer.head)
        case .bytes(let bytes): self.init(answer.head, body: .bytes(bytes))
        case .events(let stream): self.init(answer.head, body: .pieces(EventPieces(stream: stream)))
        }
    }
}

private struct EventPieces: WebPieces {
    let stream: EventStream

    func next() async -> [UInt8]? {
        await withTaskCancellationHandler {
            await stream.next()
        } onCancel: {
            stream.cancel()
        }
    }
}
