internal import VirtualMedia

/// What goes wrong on the way to an answer, whoever carries the request: libcurl or a simulation. Each
/// has its cause and its words here, once.
package enum TransferFault: Error, Equatable, Sendable {
    case hostNotFound
    case connectionRefused
    /// The name leads to addresses of this machine, and this request may not use them.
    case addressNotAllowed
    /// The system gave up on TCP's handshake.
    case noAnswerToConnection
    /// Any other reason for having no TCP connection: the errno in words, where there is one.
    case unreachable(reason: String?)
    /// No time was left to begin with.
    case noTimeLeft
    /// Name look-up, TCP and TLS took too long.
    case connectTimeout
    /// The answer took too long.
    case requestTimeout
    /// No byte for the stall time.
    case stalled
    case untrusted(CertificateFault)
    case unreadableTrust
    /// The handshake failed for another reason than the certificate.
    case tlsFailed(String)
    /// The connection ended before the answer did.
    case connectionEnded
    /// The answer ended, but before the range that was asked for did.
    case incomplete(byteCount: Int, of: Int)
    case notHTTP(String)
    case cancelled
}

/// Which rule of X.509 a server's certificate breaks.
package enum CertificateFault: Equatable, Sendable {
    case wrongName, notYetValid, expired, selfSigned, untrustedRoot, unknownAuthority, revoked
    /// One of OpenSSL's X509_V_ERR numbers.
    case other(Int)
}

extension FetchFailure {
    package static func transfer(
        _ fault: TransferFault, of location: HTTPSLocation, options: HTTPSOptions
    ) -> FetchFailure {
        let server = location.server
        switch fault {
        case .hostNotFound:
            return FetchFailure(
                .hostNotFound, "\(location.host): no such host: check the name, and the name server (DNS)",
                .unavailable)
        case .connectionRefused:
            return FetchFailure(
                .connectionRefused, "\(server): connection refused: check the port, and that the server runs",
                .unavailable)
        case .addressNotAllowed:
            return FetchFailure(
                .addressNotAllowed,
                "\(location.host): leads to an address of this machine itself, which may not be used: "
                    + "give an image elsewhere")
        case .noAnswerToConnection:
            return FetchFailure(
                .timedOut, "\(server): no answer to the connection: check address and firewall", .unavailable)
        case .unreachable(let reason):
            let words = reason.map { " (\($0))" } ?? ""
            return FetchFailure(
                .unreachable, "\(server): cannot be reached\(words): check network and routes", .unavailable)
        case .noTimeLeft: return FetchFailure(.timedOut, "\(server): no time is left")
        case .connectTimeout:
            return FetchFailure(
                .timedOut,
                "\(server): no connection within \(options.connectTimeout): check address, port and firewall",
                .unavailable)
        case .requestTimeout:
            return FetchFailure(
                .timedOut, "\(server): no complete answer within \(options.requestTimeout)", .unavailable)
        case .stalled:
            return FetchFailure(
                .timedOut, "\(server): no byte came for \(options.stallTimeout)", .unavailable)
        case .untrusted(let certificate):
            return FetchFailure(
                .untrustedCertificate,
                "\(server): the server's certificate \(words(certificate, location, options))")
        case .unreadableTrust:
            return FetchFailure(
                .untrustedCertificate,
                "\(server): the trusted certificates cannot be read from \(options.trustWords)"
            )
        case .tlsFailed(let reason):
            return FetchFailure(
                .tlsFailed, "\(server): no TLS connection (at least TLS 1.2 is asked for): \(reason)",
                .unavailable)
        case .connectionEnded:
            return FetchFailure(
                .truncated, "\(location.shown): the connection ended before the answer was complete",
                .connectionLost)
        case .incomplete(let byteCount, let total):
            return FetchFailure(
                .truncated, "\(location.shown): \(byteCount) of \(total) bytes came", .connectionLost)
        case .notHTTP(let reason):
            return FetchFailure(
                .serverError, "\(location.shown): no HTTP that can be understood: \(reason)")
        case .cancelled: return FetchFailure(.cancelled, "\(location.shown): given up on request")
        }
    }

    /// In words that name the remedy.
    private static func words(
        _ fault: CertificateFault, _ location: HTTPSLocation, _ options: HTTPSOptions
    ) -> String {
        let trust = options.trustWords
        return switch fault {
        case .wrongName: "is not for the name \(location.host): use the name it was issued for"
        case .notYetValid: "is not valid yet: check this machine's clock"
        case .expired: "has expired: renew it, and check this machine's clock"
        case .selfSigned: "is self-signed: trust it explicitly, or get one from a trusted authority"
        case .untrustedRoot:
            "comes from an authority that is not trusted (self-signed root): add it to \(trust)"
        case .unknownAuthority: "comes from an unknown authority: add it to \(trust)"
        case .revoked: "was revoked"
        case .other(let number): "is not acceptable (X.509 verification error \(number))"
        }
    }
}

extension HTTPSOptions {
    /// Where the certificates that count come from, for people.
    fileprivate var trustWords: String {
        if authorities != nil { return "the certificates given with the request" }
        return caFile ?? caDirectory ?? "the system's certificates"
    }
}
