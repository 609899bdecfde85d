import HTTPTypes

extension RedfishService {
    /// From the request line to the answer, each check in its place.
    func answered(_ context: inout RequestContext) async throws(Refusal) -> Answer {
        let target = try RequestTarget(context.request.path ?? "")
        context.target = target
        guard context.body.count <= RedfishLimits.bodyBytes else { throw Refusal(.payloadTooLarge) }
        if let version = context.header(.odataVersion), version.filter({ $0 != " " }) != "4.0" {
            throw Refusal(.headerInvalid, "OData-Version", status: 412)
        }
        guard let (route, parameters) = RouteTable.match(target.segments) else {
            // Whoever is not logged in learns nothing about what there is.
            guard try await login(of: context, changesState: false, isWebSocket: false) != nil else {
                throw Refusal(.noValidSession)
            }
            throw Refusal(.invalidURI, target.path)
        }
        context.route = route
        context.parameters = parameters
        let operation = route.operations.first { $0.method.rawValue == Self.routed(context.method) }
        if operation?.rule != .open {
            context.login = try await login(
                of: context, changesState: !["GET", "HEAD"].contains(context.method), isWebSocket: false)
            guard context.login != nil else { throw Refusal(.noValidSession) }
        }
        guard let operation else {
            throw Refusal(
                .operationNotAllowed, status: Self.knownMethods.contains(context.method) ? 405 : 501)
        }
        try authorize(operation, context)
        if !["GET", "HEAD"].contains(context.method), !target.query.isEmpty {
            throw Refusal(.queryNotSupportedOnOperation)
        }
        try Self.checkAccept(context.header(.accept))
        return try await dispatch(operation.method, route.endpoint, &context)
    }

    private static let knownMethods = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "TRACE"]

    private static func routed(_ method: String) -> String { method == "HEAD" ? "GET" : method }

    private func authorize(_ operation: Route.Operation, _ context: RequestContext) throws(Refusal) {
        guard operation.rule != .open else { return }
        let login = context.knownLogin
        let isOwner = isOwner(of: context)
        if login.mustChangePassword {
            guard isOwner, context.route?.endpoint == .account || context.route?.endpoint == .session else {
                throw Self.changeRequired(login)
            }
        }
        guard operation.rule.allows(login.role, isOwner: isOwner) else {
            throw Refusal(.insufficientPrivilege)
        }
    }

    /// Whether what the path names is the caller's own.
    private func isOwner(of context: RequestContext) -> Bool {
        let login = context.knownLogin
        return switch context.route?.endpoint {
        case .account: context.parameters["account"] == login.userName
        case .session: sessions[context.parameters["session"]]?.userName == login.userName
        case .subscription: events[context.parameters["subscription"]]?.userName == login.userName
        case .task, .taskMonitor: jobs[context.parameters["task"]]?.userName == login.userName
        default: false
        }
    }

    static func changeRequired(_ login: Login) -> Refusal {
        Refusal(.passwordChangeRequired, "/redfish/v1/AccountService/Accounts/\(login.userName)")
    }

    /// JSON is what there is to accept; "*/*" and "application/*" take it too.
    private static func checkAccept(_ accept: String?) throws(Refusal) {
        guard let accept, !accept.isEmpty, accept != "*/*" else { return }
        for range in accept.lowercased().split(separator: ",") {
            let parts = range.split(separator: ";").map { $0.filter { $0 != " " } }
            guard let kind = parts.first, !parts.contains("q=0") else { continue }
            if [
                "*/*", "application/*", "application/json", "application/xml", "text/event-stream",
                "text/html",
                "application/yaml",
            ].contains(kind) {
                return
            }
        }
        throw Refusal(.headerInvalid, "Accept", status: 406)
    }

    // MARK: Answers

    static func head(_ status: Int) -> HTTPResponse {
        var head = commonHead
        head.status = .init(code: status)
        return head
    }

    /// What every answer says.
    private static let commonHead: HTTPResponse = {
        var head = HTTPResponse(status: .ok)
        head.headerFields[.odataVersion] = "4.0"
        head.headerFields[.cacheControl] = "no-cache, no-store"
        head.headerFields[.xContentTypeOptions] = "nosniff"
        head.headerFields[.frameOptions] = "DENY"
        head.headerFields[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'"
        head.headerFields[.referrerPolicy] = "no-referrer"
        return head
    }()

    private static let jsonHead: HTTPResponse = {
        var head = commonHead
        head.headerFields[.contentType] = "application/json; charset=utf-8"
        return head
    }()

    func answer(_ status: Int, _ json: JSON) -> Answer { answer(status, text: json.text) }

    private func answer(_ status: Int, text: [UInt8]) -> Answer {
        var head = Self.jsonHead
        head.status = .init(code: status)
        return Answer(head, .bytes(text))
    }

    var noContent: Answer { Answer(Self.head(204), .none) }

    func refusalAnswer(_ refusal: Refusal, to context: RequestContext) -> Answer {
        var answer = answer(refusal.status, refusal.json)
        if refusal.status == 405, let route = context.route {
            answer.head.headerFields[.allow] = route.allowed
        }
        // A browser would ask for a password in a window of its own, where a page can do better.
        if refusal.status == 401, context.header(Self.requestedWith) == nil {
            answer.head.headerFields[.wwwAuthenticate] = "Basic realm=\"Redfish\", charset=\"UTF-8\""
        }
        if let seconds = refusal.retryAfterSeconds {
            answer.head.headerFields[.retryAfter] = "\(seconds)"
        }
        return answer
    }

    private static let requestedWith = HTTPField.Name("X-Requested-With")!

    /// The representation of a resource, with its headers.
    func answer(_ document: ResourceDocument, status: Int = 200, to context: RequestContext) -> Answer {
        var answer = answer(status, text: document.text)
        if let tag = document.entityTag { answer.head.headerFields[.eTag] = tag }
        if let schema = document.schema {
            answer.head.headerFields[.link] = "</redfish/v1/JsonSchemas/\(schema)>; rel=describedby"
        }
        if let route = context.route, status == 200 { answer.head.headerFields[.allow] = route.allowed }
        return answer
    }

    // MARK: Conditions

    /// - Throws: 412 when If-Match names another version.
    func checkIfMatch(_ context: RequestContext, _ document: ResourceDocument) throws(Refusal) {
        guard let wanted = context.header(.ifMatch), let tag = document.entityTag else { return }
        guard Self.matches(wanted, tag) else { throw Refusal(.preconditionFailed) }
    }

    /// Whether If-None-Match names this version.
    func isNotModified(_ context: RequestContext, _ document: ResourceDocument) -> Bool {
        guard let wanted = context.header(.ifNoneMatch), let tag = document.entityTag else { return false }
        return Self.matches(wanted, tag)
    }

    private static func matches(_ list: String, _ tag: String) -> Bool {
        list.split(separator: ",").contains { one in
            let one = one.filter { $0 != " " }
            return one == "*" || opaque(one) == opaque(tag)
        }
    }

    private static func opaque(_ tag: String) -> Substring {
        tag.hasPrefix("W/") ? tag.dropFirst(2) : tag[...]
    }
}
