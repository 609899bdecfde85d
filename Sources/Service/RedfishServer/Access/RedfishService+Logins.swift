import HTTPTypes

extension RedfishService {
    static let sessionCookie = "SESSION"
    static let crossSiteCookie = "XSRF-TOKEN"

    /// Who sends a request.
    ///
    /// - Parameter changesState: Whether a cookie needs the proof that our own page sent it.
    /// - Returns: `nil` if it says nothing about that.
    /// - Throws: 401 for what is wrong, 403 for a request that another site made.
    func login(of context: RequestContext, changesState: Bool, isWebSocket: Bool) async throws(Refusal)
        -> Login?
    {
        if let token = context.header(.authToken) { return try login(token: token) }
        if let authorization = context.header(.authorization) {
            // A browser that was once told the password adds it to what any site makes it send.
            if changesState || isWebSocket { try Self.checkOrigin(context) }
            return try await login(authorization: authorization, context)
        }
        guard let token = cookie(Self.sessionCookie, of: context) else { return nil }
        let login = try login(token: token)
        if changesState || isWebSocket { try checkSameSite(context, login, isWebSocket: isWebSocket) }
        return login
    }

    private func login(token: String) throws(Refusal) -> Login {
        guard let session = sessions.use(token: token, at: platform.clock.now),
            let account = accounts[session.userName], account.isEnabled
        else { throw Refusal(.noValidSession) }
        return Login(
            userName: account.userName, role: account.role, proof: .session(id: session.id),
            mustChangePassword: account.mustChangePassword)
    }

    private func login(authorization: String, _ context: RequestContext) async throws(Refusal) -> Login {
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic",
            let bytes = Base64.decode(parts[1].filter { $0 != " " }),
            let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let userName = String(validating: bytes[..<colon], as: UTF8.self)
        else { throw Refusal(.accessUnauthorized) }
        let account = try await checked(
            userName, password: Array(bytes[(colon + 1)...]), from: context.peer)
        return Login(
            userName: account.userName, role: account.role, proof: .password,
            mustChangePassword: account.mustChangePassword)
    }

    /// The account, once user name and password have been found right.
    ///
    /// - Throws: 401, the same whatever is wrong; 429 for an address that has tried too often; 503 when too many are
    ///   being checked.
    func checked(_ userName: String, password: [UInt8], from peer: Peer) async throws(Refusal) -> Account {
        let now = platform.clock.now
        if let wait = throttle.wait(of: peer.address, at: now) {
            let seconds = Int(wait.components.seconds) + 1
            var refusal = Refusal(.serviceTemporarilyUnavailable, "\(seconds)", status: 429)
            refusal.retryAfterSeconds = seconds
            throw refusal
        }
        let digest = platform.passwords.digest(digestKey + Array(userName.utf8) + [0] + password)
        if let remembered = rememberedPasswords[userName], now < remembered.until,
            constantTimeEqual(remembered.digest, digest), let account = accounts[userName],
            account.isEnabled, !accounts.isLocked(userName, at: now)
        {
            return account
        }
        guard passwordChecks < RedfishLimits.passwordChecks else {
            var refusal = Refusal(.serviceTemporarilyUnavailable, "1")
            refusal.retryAfterSeconds = 1
            throw refusal
        }
        passwordChecks += 1
        // A name that is not there takes as long as one that is: its password is tried against another's.
        let known = accounts[userName]
        let hash = known?.passwordHash ?? accounts.accounts.first?.passwordHash ?? ""
        let isTooLong = password.count > RedfishLimits.secretBytes
        let matches = await platform.passwords.matches(isTooLong ? [] : password, hash)
        passwordChecks -= 1
        // The account may have changed while the KDF worked.
        guard matches, !isTooLong, known != nil, let account = accounts[userName],
            account.passwordHash == hash,
            account.isEnabled, !accounts.isLocked(userName, at: platform.clock.now)
        else {
            accounts.noteWrongPassword(userName, at: platform.clock.now)
            throttle.noteFailure(from: peer.address, at: platform.clock.now)
            throw Refusal(.accessUnauthorized)
        }
        accounts.noteRightPassword(userName)
        remember(userName, digest)
        return account
    }

    private func remember(_ userName: String, _ digest: [UInt8]) {
        let now = platform.clock.now
        if rememberedPasswords.count >= RedfishLimits.rememberedPasswords {
            rememberedPasswords = rememberedPasswords.filter { $0.value.until > now }
        }
        guard rememberedPasswords.count < RedfishLimits.rememberedPasswords else { return }
        rememberedPasswords[userName] = (digest, now + RedfishLimits.rememberedPasswordAge)
    }

    // MARK: Browsers

    /// A browser adds its cookie to whatever any site makes it send; so the page has to show that it knows what
    /// other sites cannot read.
    private func checkSameSite(_ context: RequestContext, _ login: Login, isWebSocket: Bool) throws(Refusal) {
        let shown =
            isWebSocket
            ? context.header(.webSocketProtocol)?.split(separator: ",").map { $0.filter { $0 != " " } } ?? []
            : context.header(.crossSiteToken).map { [$0] } ?? []
        guard let id = login.sessionID, let session = sessions[id],
            shown.contains(where: { constantTimeEqual(Array($0.utf8), Array(session.crossSiteToken.utf8)) })
        else { throw Refusal(.accessForbidden) }
        try Self.checkOrigin(context)
    }

    /// Whoever sends an Origin is a browser, which says whose page makes it send this.
    static func checkOrigin(_ context: RequestContext) throws(Refusal) {
        guard let origin = context.header(.origin) else { return }
        guard let authority = context.request.authority,
            Self.withoutDefaultPort(origin) == Self.withoutDefaultPort("https://\(authority)")
        else { throw Refusal(.accessForbidden) }
    }

    private static func withoutDefaultPort(_ origin: String) -> String {
        let origin = origin.lowercased()
        return origin.hasSuffix(":443") ? String(origin.dropLast(4)) : origin
    }

    private func cookie(_ name: String, of context: RequestContext) -> String? {
        for field in context.request.headerFields[values: .cookie] {
            for pair in field.split(separator: ";") {
                let sides = pair.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
                if sides.count == 2, sides[0] == name { return sides[1] }
            }
        }
        return nil
    }

    // MARK: Ends

    func endExpiredSessions() {
        for id in sessions.expired(at: platform.clock.now) { end(session: id) }
    }

    func end(session id: String) {
        guard sessions[id] != nil else { return }
        sessions.remove(id)
        loginChanges.send(.sessionEnded(id: id))
    }

    /// - Parameter kept: The session that made the change, and may go on.
    func endSessions(of userName: String, except kept: String? = nil) {
        for session in sessions.all where session.userName == userName && session.id != kept {
            end(session: session.id)
        }
    }
}

/// RFC 4648, with or without padding.
enum Base64 {
    static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer: UInt32 = 0
        var bits = 0
        let digits = text.utf8.prefix { $0 != UInt8(ascii: "=") }
        guard text.utf8.count - digits.count <= 2,
            text.utf8[digits.endIndex...].allSatisfy({ $0 == UInt8(ascii: "=") })
        else { return nil }
        for character in digits {
            let value: UInt8
            switch character {
            case 0x41...0x5A: value = character - 0x41
            case 0x61...0x7A: value = character - 0x61 + 26
            case 0x30...0x39: value = character - 0x30 + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            default: return nil
            }
            buffer = buffer << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        return bytes
    }
}
