internal import COpenSSL
internal import Certificates

/// Server-side TLS with one certificate.
final class TLSServerContext: @unchecked Sendable {
    private let context: OpaquePointer

    /// - Parameters:
    ///   - chain: Sent after the certificate: the root, where a client is to see all of it.
    ///   - isObsolete: Offers nothing newer than TLS 1.1, so that every client is sent an alert.
    ///   - asksForCertificate: Lets in only clients that show one it trusts: none.
    init(
        _ certificate: Certificate, chain: [Certificate], isObsolete: Bool = false,
        asksForCertificate: Bool = false, isWeak: Bool = false
    ) throws(OpenSSLFailure) {
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            throw OpenSSLFailure(during: "TLS set-up")
        }
        self.context = context
        // Else OpenSSL shows no key that is too short, and has nothing to offer in old versions
        // (SSL_CTX_set_security_level(3)).
        if isWeak || isObsolete { SSL_CTX_set_security_level(context, 0) }
        if asksForCertificate {
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
        // TLS 1.0 to 1.1, or from 1.2 on.
        let versions: (CInt, CInt) = isObsolete ? (TLS1_VERSION, TLS1_1_VERSION) : (TLS1_2_VERSION, 0)
        guard copenssl_set_min_version(context, versions.0) == 1,
            copenssl_set_max_version(context, versions.1) == 1,
            SSL_CTX_use_certificate(context, certificate.x509) == 1,
            SSL_CTX_use_PrivateKey(context, certificate.key) == 1, SSL_CTX_check_private_key(context) == 1,
            chain.allSatisfy({ copenssl_add_chain_certificate(context, $0.x509) == 1 })
        else { throw OpenSSLFailure(during: "TLS set-up") }
    }

    deinit { SSL_CTX_free(context) }

    func newSession() -> OpaquePointer? { SSL_new(context) }
}
