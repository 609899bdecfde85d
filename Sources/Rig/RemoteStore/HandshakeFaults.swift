package import FaultPoints

/// What goes wrong with one TLS handshake: the actions of layer `tls` that met it.
package struct HandshakeFaults: Equatable, Sendable {
    /// What the server shows or demands of the client that the client will not have.
    package enum Flaw: String, CaseIterable, Sendable {
        case expired, weak
        case notYetValid = "not-yet-valid"
        case wrongHost = "wrong-host"
        case unknownAuthority = "unknown-ca"
        case selfSigned = "self-signed"
        case oldVersion = "old-version"
        case clientCertificate = "client-cert"
    }

    package enum End: Equatable, Sendable {
        /// A fatal alert of this number (RFC 8446 §6).
        case alert(UInt8)
        /// After so many bytes of the server's first flight.
        case closes(afterBytes: Int)
        case resets(afterBytes: Int)
    }

    package var delay = Duration.zero
    package var holds: [FaultHold] = []
    package var flaw: Flaw?
    package var end: End?

    package init() {}

    package static let carriedOut = FaultTable(
        .tls, ["handshake"], ["delay", "hold", "alert", "close", "reset"] + Flaw.allCases.map(\.rawValue))

    /// Traps on an action that ``carriedOut`` does not list.
    package init(_ actions: [FaultAction]) {
        Self.carriedOut.check(actions, on: "handshake", of: .tls)
        for action in actions {
            switch action {
            case .delay(let time): delay += time
            case .hold(let hold): holds.append(hold)
            case .close(let count): end = .closes(afterBytes: count)
            case .reset(let count): end = .resets(afterBytes: count)
            case .special("alert", let number): end = .alert(UInt8(clamping: number))
            case .special(let name, _): flaw = Flaw(rawValue: name)
            default: preconditionFailure("the image server does not carry out \(action)")
            }
        }
    }
}
