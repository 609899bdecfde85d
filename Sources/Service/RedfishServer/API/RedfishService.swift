package import HTTPTypes
import VirtualMedia

/// The Redfish service of a BMC in front of a virtual media service: requests in, answers out. It has no
/// socket, clock, thread or chance of its own.
///
///     let service = try await RedfishService(configuration, on: platform)
///     spawn { await service.run() }                  // follows the bus, ends sessions; until cancelled
///     let answer = await service.respond(to: request, body: bytes, peer: peer)
package actor RedfishService {
    private(set) var configuration: RedfishConfiguration
    let platform: RedfishPlatform
    var accounts: AccountTable
    var sessions = SessionTable()
    var throttle = LoginThrottle()
    /// Passwords that were right a moment ago, by user: a digest with a key that only this process knows.
    var rememberedPasswords: [String: (digest: [UInt8], until: Duration)] = [:]
    let digestKey: [UInt8]
    var passwordChecks = 0
    var jobs = JobTable()
    var events = EventHub()
    /// By the name of the slot.
    var trust: [String: SlotTrust] = [:]
    var ejectRules: [String: EjectRules] = [:]
    var holders: [String: MediaHolder] = [:]
    let media: MediaClient
    let loginChanges = Broadcast<LoginChange>()
    let slotChanges: Broadcast<MediaSlotChange>
    /// Account changes are stored one after the other.
    var storing: Promise<Bool>?

    /// Loads the accounts, or makes those of the configuration when there never were any.
    package init(_ configuration: RedfishConfiguration, on platform: RedfishPlatform)
        async throws(StoreFailure)
    {
        self.configuration = configuration
        self.platform = platform
        sessions.timeout = configuration.sessionTimeout
        digestKey = platform.entropy.bytes(RedfishLimits.tokenBytes)
        let slotChanges = Broadcast<MediaSlotChange>()
        self.slotChanges = slotChanges
        media = MediaClient(
            platform, busName: configuration.mediaBusName, rootPath: configuration.mediaRootPath
        ) { old, new in slotChanges.send(MediaSlotChange(old: old, new: new)) }
        let settings = try await platform.settings.load()
        if let stored = try await platform.accounts.load() {
            accounts = AccountTable(stored)
        } else {
            var made: [Account] = []
            for initial in configuration.initialAccounts {
                made.append(
                    Account(
                        userName: initial.userName, role: initial.role,
                        passwordHash: await platform.passwords.hash(Array(initial.password.utf8)),
                        mustChangePassword: initial.mustChangePassword))
            }
            try await platform.accounts.save(made)
            accounts = AccountTable(made)
        }
        if let settings { adopt(try StoredSettings(settings)) }
    }

    /// Follows the virtual media service and ends sessions that are not used; returns when cancelled.
    package func run() async {
        let media = self.media
        let (slotChanges, loginChanges) = (self.slotChanges.subscribe(), self.loginChanges.subscribe())
        let following = [
            platform.spawner.spawn("media client", .shared) { await media.run() },
            platform.spawner.spawn("slot events", .shared) { [self] in
                for await change in slotChanges { await tell(of: change) }
            },
            platform.spawner.spawn("login changes", .shared) { [self] in
                for await change in loginChanges { await end(whatIsBoundTo: change) }
            },
        ]
        while true {
            endExpiredSessions()
            let next = platform.clock.now + Self.sessionCheckInterval
            do throws(CancellationError) { try await platform.clock.sleep(until: next) } catch { break }
        }
        for task in following { task.cancel() }
        for task in following { await task.finished() }
    }

    /// A session ends at most so long after its timeout.
    static let sessionCheckInterval = Duration.seconds(5)

    // MARK: For the shell

    /// Changes what may change while it runs: image sources, numbers of sessions, the short wait, the port. Names and
    /// accounts stay what they were at the start.
    package func reconfigure(_ change: @Sendable (inout RedfishConfiguration) -> Void) {
        change(&configuration)
    }

    /// Answers a request. The body is whole; longer ones than ``RedfishLimits/bodyBytes`` need not be read: give
    /// ``tooLarge(_:)`` instead.
    package func respond(to request: HTTPRequest, body: [UInt8], peer: Peer) async -> Answer {
        var context = RequestContext(request, body: body, peer: peer)
        var answer: Answer
        do throws(Refusal) { answer = try await answered(&context) } catch {
            answer = refusalAnswer(error, to: context)
        }
        if context.method != "GET" && context.method != "HEAD"
            || [401, 403].contains(answer.head.status.code)
        {
            platform.audit(
                AuditEntry(
                    userName: context.login?.userName ?? "", address: peer.address,
                    action: "\(context.method) \(context.target?.path ?? "")",
                    status: answer.head.status.code))
        }
        return answer
    }

    /// What a request with a body beyond the limit is answered with.
    package func tooLarge(_ request: HTTPRequest) -> Answer {
        refusalAnswer(
            Refusal(.payloadTooLarge),
            to: RequestContext(request, body: [], peer: Peer(address: "")))
    }

    /// Who sends a request for something beside Redfish, such as a WebSocket.
    ///
    /// A cookie counts only with its token: in the X-XSRF-TOKEN header, or for a WebSocket, where a browser
    /// cannot set headers, as the subprotocol (to be sent back). Requests of other sites are refused.
    ///
    /// - Parameters:
    ///   - rule: what the caller needs to have; see ``rule(for:path:)``.
    package func authenticate(_ request: HTTPRequest, peer: Peer, rule: PrivilegeRule, isWebSocket: Bool)
        async throws(Refusal) -> Login
    {
        let context = RequestContext(request, body: [], peer: peer)
        guard let login = try await login(of: context, changesState: true, isWebSocket: isWebSocket) else {
            throw Refusal(.noValidSession)
        }
        guard !login.mustChangePassword else { throw Self.changeRequired(login) }
        guard rule.allows(login.role, isOwner: false) else { throw Refusal(.insufficientPrivilege) }
        return login
    }

    /// What serving an image through a WebSocket needs: the same as inserting media under a system.
    package static let proxyRule = PrivilegeRule.anyOf([.configureManager, .configureComponents])

    /// The least privilege of a method on a path; `nil` where there is no such route.
    package static func rule(for method: String, path: String) -> PrivilegeRule? {
        guard let target = try? RequestTarget(path), let found = RouteTable.match(target.segments) else {
            return nil
        }
        return found.route.operations.first { $0.method.rawValue == method }?.rule
    }

    /// The answer for a request that ``authenticate(_:peer:rule:isWebSocket:)`` refused.
    package func answer(_ refusal: Refusal, to request: HTTPRequest, peer: Peer) -> Answer {
        refusalAnswer(refusal, to: RequestContext(request, body: [], peer: peer))
    }

    /// From now on: logins that have ended or changed. What is bound to one has to be closed.
    package func followLoginChanges() -> AsyncStream<LoginChange> { loginChanges.subscribe() }

    /// Whether the session is there still; using it so counts as activity.
    package func keepAlive(sessionID: String) -> Bool {
        sessions.touch(sessionID, at: platform.clock.now)
        return sessions[sessionID] != nil
    }

    /// The slots there are, in the order of their names; `nil` while the virtual media service is not there.
    package func slots() async -> [MediaSlot]? { await media.current() }

    /// From now on: slots that are not what they were.
    package func followSlots() -> AsyncStream<MediaSlotChange> { slotChanges.subscribe() }

    /// Asks for a Proxy slot to be mounted, once somebody serves its socket.
    ///
    /// - Parameters:
    ///   - login: whose image it is,
    ///   - peer: and from where.
    /// - Returns: `nil` once the host has the medium; else why not.
    package func mountProxy(_ slot: MediaSlot, for login: Login, from peer: Peer) async -> MessageEntry? {
        if case .failed(let message, _) = await media.mountProxy(slot) { return message }
        noteHolder(of: slot, login, peer)
        return nil
    }

    package func unmountProxy(_ slot: MediaSlot) async -> MessageEntry? {
        if case .failed(let message, _) = await media.eject(slot) { return message }
        return nil
    }
}

/// One slot is not what it was; `nil` is one that is not there.
package struct MediaSlotChange: Equatable, Sendable {
    package let old: MediaSlot?
    package let new: MediaSlot?
}
