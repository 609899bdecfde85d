/// What an account may do (Redfish specification, "Privilege model").
package enum Privilege: String, Sendable, CaseIterable {
    case login = "Login"
    case configureManager = "ConfigureManager"
    case configureUsers = "ConfigureUsers"
    case configureComponents = "ConfigureComponents"
    /// Only where the resource is the caller's own: its account, its sessions.
    case configureSelf = "ConfigureSelf"
}

/// The three standard roles.
package enum Role: String, Sendable, CaseIterable {
    case administrator = "Administrator"
    case `operator` = "Operator"
    case readOnly = "ReadOnly"

    package var privileges: [Privilege] {
        switch self {
        case .administrator: Privilege.allCases
        case .operator: [.login, .configureComponents, .configureSelf]
        case .readOnly: [.login, .configureSelf]
        }
    }
}

/// Who a request comes from, once that is proved.
package struct Login: Equatable, Sendable {
    package enum Proof: Equatable, Sendable {
        /// A session's token, in a header or a cookie.
        case session(id: String)
        case password
    }

    package let userName: String
    package let role: Role
    package let proof: Proof
    /// Until it is changed, nothing else is allowed.
    package let mustChangePassword: Bool

    package var sessionID: String? { if case .session(let id) = proof { id } else { nil } }
}

/// A login that is no longer what it was: what is bound to it has to end.
package enum LoginChange: Equatable, Sendable {
    case sessionEnded(id: String)
    /// The account was removed or disabled, or has another role or password. Sessions of it that ended for it
    /// are reported as well; this is for those who proved themselves with the password.
    case accountChanged(userName: String)
}
