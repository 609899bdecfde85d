import HTTPTypes

/// A request on its way through the service.
struct RequestContext {
    let request: HTTPRequest
    let body: [UInt8]
    let peer: Peer
    var target: RequestTarget?
    var route: Route?
    var parameters = PathParameters()
    var login: Login?

    init(_ request: HTTPRequest, body: [UInt8], peer: Peer) {
        self.request = request
        self.body = body
        self.peer = peer
    }

    var method: String { request.method.rawValue }
    func header(_ name: HTTPField.Name) -> String? { request.headerFields[name] }
    var contentType: String? { header(.contentType) }

    /// The login, for routes that are not open to everybody.
    var knownLogin: Login {
        guard let login else {
            preconditionFailure("a route that is not open has been judged without a login")
        }
        return login
    }

    /// Whether the caller has one of the privileges outright.
    func has(_ privileges: Privilege...) -> Bool {
        guard let login else { return false }
        return privileges.contains { login.role.privileges.contains($0) }
    }
}
