import HTTPTypes

extension RedfishService {
    private static let service = "\(root)/SessionService"
    private static let collection = "\(root)/SessionService/Sessions"

    var sessionServiceDocument: ResourceDocument {
        ResourceDocument(
            Self.service, type: SchemaTypes.sessionService,
            [
                "Id": "SessionService", "Name": "Session Service", "ServiceEnabled": true,
                "SessionTimeout": JSON(sessions.timeout.components.seconds),
                "Status": Self.enabled, "Sessions": .link(Self.collection),
            ])
    }

    static let enabled: JSON = ["State": "Enabled", "Health": "OK"]

    /// Seconds that the schema allows for the timeout.
    private static let timeouts: ClosedRange<Int64> = 30...86_400

    func changeSessionService(_ context: RequestContext) async throws(Refusal) -> Answer {
        try checkIfMatch(context, sessionServiceDocument)
        var body = try RequestBody(context.body, contentType: context.contentType, for: .properties)
        let timeout = body.integer("SessionTimeout", in: Self.timeouts)
        body.refuse(readOnly: ["Id", "Name", "Status", "Sessions", "ServiceEnabled", "Description"])
        try body.finish()
        guard let timeout else { throw Refusal(.noOperation) }
        try await changeSettings { $0.sessions.timeout = .seconds(timeout) }
        endExpiredSessions()
        return answer(sessionServiceDocument, to: context)
    }

    /// Those that the caller may see: its own, or all.
    func sessionsDocument(for login: Login?) -> ResourceDocument {
        let seesAll = login?.role.privileges.contains(.configureManager) ?? false
        let visible = sessions.all.filter { seesAll || $0.userName == login?.userName }
        return ResourceDocument(
            collection: Self.collection, of: "Session", name: "Session Collection",
            members: visible.map { "\(Self.collection)/\($0.id)" })
    }

    func sessionDocument(_ id: String) throws(Refusal) -> ResourceDocument {
        guard let session = sessions[id] else { throw Refusal(.resourceNotFound, "Session", id) }
        return document(of: session)
    }

    private func document(of session: Session) -> ResourceDocument {
        ResourceDocument(
            "\(Self.collection)/\(session.id)", type: SchemaTypes.session,
            [
                "Id": .string(session.id), "Name": "User Session", "UserName": .string(session.userName),
                "SessionType": "Redfish", "ClientOriginIPAddress": .string(session.clientAddress),
                "CreatedTime": .string(timeStamp(session.createdAt)),
                "Roles": .strings(accounts[session.userName].map { [$0.role.rawValue] } ?? []),
            ])
    }

    func createSession(_ context: RequestContext) async throws(Refusal) -> Answer {
        var body = try RequestBody(context.body, contentType: context.contentType, for: .properties)
        let userName = body.string("UserName")
        let password = body.string("Password", isSecret: true)
        if userName == nil { body.addMissing("UserName") }
        if password == nil { body.addMissing("Password") }
        try body.finish()
        let (session, token, account) = try await openSession(userName ?? "", password ?? "", context.peer)
        var document = document(of: session)
        if account.mustChangePassword {
            let path = "\(Self.root)/AccountService/Accounts/\(account.userName)"
            document.object["@Message.ExtendedInfo"] = .array([
                .object(MessageEntry(.passwordChangeRequired, [path]).json)
            ])
        }
        var answer = answer(document, status: 201, to: context)
        answer.head.headerFields[.location] = document.path
        answer.head.headerFields[.authToken] = token
        return answer
    }

    private func openSession(_ userName: String, _ password: String, _ peer: Peer)
        async throws(Refusal) -> (Session, token: String, Account)
    {
        let account = try await checked(userName, password: Array(password.utf8), from: peer)
        endExpiredSessions()
        guard sessions.count < configuration.maximumSessions,
            sessions.count(of: userName) < configuration.maximumSessionsPerUser
        else { throw Refusal(.sessionLimitExceeded) }
        let (session, token) = sessions.create(
            for: account.userName, from: peer.address, entropy: platform.entropy, now: platform.clock.now,
            wallClock: platform.wallClock.secondsSince1970)
        return (session, token, account)
    }

    func deleteSession(_ context: RequestContext) async throws(Refusal) -> Answer {
        let id = context.parameters["session"]
        try checkIfMatch(context, try sessionDocument(id))
        end(session: id)
        return noContent
    }

    // MARK: Browsers

    /// The same as a session, with cookies: one that scripts cannot read, and the token that our page shows.
    func logIn(_ context: RequestContext) async throws(Refusal) -> Answer {
        try Self.checkOrigin(context)
        var body = try RequestBody(context.body, contentType: context.contentType, for: .properties)
        let userName = body.string("username")
        let password = body.string("password", isSecret: true)
        if userName == nil { body.addMissing("username") }
        if password == nil { body.addMissing("password") }
        try body.finish()
        let (session, token, account) = try await openSession(userName ?? "", password ?? "", context.peer)
        var answer = answer(
            200,
            [
                "UserName": .string(account.userName), "RoleId": .string(account.role.rawValue),
                "Session": .string("\(Self.collection)/\(session.id)"),
                "PasswordChangeRequired": JSON(account.mustChangePassword),
            ])
        let attributes = "; Path=/; Secure; SameSite=Strict"
        answer.head.headerFields.append(
            HTTPField(name: .setCookie, value: "\(Self.sessionCookie)=\(token); HttpOnly\(attributes)"))
        answer.head.headerFields.append(
            HTTPField(
                name: .setCookie, value: "\(Self.crossSiteCookie)=\(session.crossSiteToken)\(attributes)"))
        return answer
    }

    func logOut(_ context: RequestContext) -> Answer {
        if let id = context.knownLogin.sessionID { end(session: id) }
        var answer = noContent
        for name in [Self.sessionCookie, Self.crossSiteCookie] {
            answer.head.headerFields.append(
                HTTPField(name: .setCookie, value: "\(name)=; Path=/; Secure; SameSite=Strict; Max-Age=0"))
        }
        return answer
    }
}
