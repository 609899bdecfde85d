import Certificates
import Synchronization

/// TLS contexts that each break one rule, made when they are first wanted.
final class FlawedContexts: Sendable {
    private let authority: CertificateAuthority
    private let known = Mutex<[HandshakeFaults.Flaw: TLSServerContext]>([:])

    init(_ authority: CertificateAuthority) { self.authority = authority }

    func context(for flaw: HandshakeFaults.Flaw) -> TLSServerContext {
        known.withLock { known in
            if let context = known[flaw] { return context }
            do throws(OpenSSLFailure) {
                let fresh = try make(flaw)
                known[flaw] = fresh
                return fresh
            } catch {
                // A good context in its place would be a fault that does nothing.
                preconditionFailure("cannot make a context that is \(flaw.rawValue): \(error)")
            }
        }
    }

    private func make(_ flaw: HandshakeFaults.Flaw) throws(OpenSSLFailure) -> TLSServerContext {
        switch flaw {
        case .expired: try TLSServerContext(authority.issue(.expired), chain: [])
        case .notYetValid: try TLSServerContext(authority.issue(.notYetValid), chain: [])
        case .wrongHost: try TLSServerContext(authority.issue(.wrongHost), chain: [])
        case .selfSigned: try TLSServerContext(authority.issue(.selfSigned), chain: [])
        case .unknownAuthority:
            try TLSServerContext(CertificateAuthority(name: "Nobody's").issue(), chain: [])
        case .weak: try TLSServerContext(authority.issue(.weak), chain: [], isWeak: true)
        case .oldVersion: try TLSServerContext(authority.issue(), chain: [], isObsolete: true)
        case .clientCertificate: try TLSServerContext(authority.issue(), chain: [], asksForCertificate: true)
        }
    }
}
