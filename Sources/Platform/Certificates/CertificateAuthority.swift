internal import COpenSSL

/// A certificate authority of MediaRig's own (EC P-256, SHA-256): makes certificates for its servers,
/// good ones and, for tests, ones that each break one rule. Its key never leaves memory.
package final class CertificateAuthority: Sendable {
    package let root: Certificate

    /// What a certificate says.
    package struct Profile: Sendable {
        /// DNS names and IP addresses, as in the subject alternative name.
        package var names: [String]
        /// Seconds from now; negative ones lie in the past.
        package var validFromSeconds = -3600
        package var validUntilSeconds = 30 * 86_400
        /// Signs itself: no authority vouches for it.
        package var isSelfSigned = false
        /// An RSA key of 1024 bits instead of P-256.
        package var isWeak = false

        package init(names: [String] = ["localhost", "127.0.0.1", "::1"]) { self.names = names }

        package static var good: Profile { Profile() }
        package static var wrongHost: Profile { Profile(names: ["elsewhere.example"]) }
        package static var expired: Profile {
            var profile = Profile()
            profile.validFromSeconds = -20 * 86_400
            profile.validUntilSeconds = -86_400
            return profile
        }
        package static var notYetValid: Profile {
            var profile = Profile()
            profile.validFromSeconds = 86_400
            return profile
        }
        package static var weak: Profile {
            var profile = Profile()
            profile.isWeak = true
            return profile
        }
        package static var selfSigned: Profile {
            var profile = Profile()
            profile.isSelfSigned = true
            return profile
        }
    }

    package init(name: String = "MediaRig test authority", validDays: Int = 30) throws(OpenSSLFailure) {
        var profile = Profile(names: [])
        profile.validUntilSeconds = validDays * 86_400
        root = try CertificateBuilder(subject: name, profile: profile, isAuthority: true).build(issuer: nil)
    }

    package func issue(_ profile: Profile = .good) throws(OpenSSLFailure) -> Certificate {
        let builder = CertificateBuilder(
            subject: profile.names.first ?? "unnamed", profile: profile, isAuthority: false)
        return try builder.build(issuer: profile.isSelfSigned ? nil : root)
    }
}

/// One X.509 v3 certificate (RFC 5280 §4) in the making.
private struct CertificateBuilder {
    let subject: String
    let profile: CertificateAuthority.Profile
    let isAuthority: Bool

    func build(issuer: Certificate?) throws(OpenSSLFailure) -> Certificate {
        guard let key = profile.isWeak ? copenssl_new_rsa_key(1024) : copenssl_new_p256_key(),
            let x509 = X509_new()
        else {
            throw OpenSSLFailure(during: "make a key")
        }
        let certificate = Certificate(x509: x509, key: key)
        let signer = issuer ?? certificate
        // RFC 5280 §4.1.2.2: positive, at most 20 octets, unique for the issuer.
        let serial = UInt64.random(in: 1...UInt64(Int64.max))
        try check(X509_set_version(x509, 2), "set the version")
        try check(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial), "set the serial number")
        X509_gmtime_adj(X509_getm_notBefore(x509), profile.validFromSeconds)
        X509_gmtime_adj(X509_getm_notAfter(x509), profile.validUntilSeconds)
        let name = X509_get_subject_name(x509)
        try check(
            X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8Type, subject, -1, -1, 0), "set the subject")
        try check(X509_set_issuer_name(x509, X509_get_subject_name(signer.x509)), "set the issuer")
        try check(X509_set_pubkey(x509, key), "set the key")
        try addExtensions(to: x509, issuer: signer.x509)
        // Gives the length of the signature.
        guard X509_sign(x509, signer.key, EVP_sha256()) > 0 else { throw OpenSSLFailure(during: "sign") }
        return certificate
    }

    private var MBSTRING_UTF8Type: CInt { 0x1000 }

    private func addExtensions(to x509: OpaquePointer, issuer: OpaquePointer) throws(OpenSSLFailure) {
        var context = X509V3_CTX()
        copenssl_prepare_extensions(&context, issuer, x509)
        for (number, value) in extensions {
            guard let item = X509V3_EXT_conf_nid(nil, &context, number, value) else {
                throw OpenSSLFailure(during: "extension \(value)")
            }
            defer { X509_EXTENSION_free(item) }
            try check(X509_add_ext(x509, item, -1), "add extension \(value)")
        }
    }

    private var extensions: [(CInt, String)] {
        guard !isAuthority else {
            return [
                (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"),
                (NID_key_usage, "critical,keyCertSign,cRLSign"), (NID_subject_key_identifier, "hash"),
            ]
        }
        let isAddress = { (name: String) in name.contains(":") || name.allSatisfy { $0.isNumber || $0 == "." }
        }
        let names = profile.names.map { isAddress($0) ? "IP:\($0)" : "DNS:\($0)" }.joined(separator: ",")
        return [
            (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
            (NID_ext_key_usage, "serverAuth"), (NID_subject_alt_name, names),
            (NID_subject_key_identifier, "hash"), (NID_authority_key_identifier, "keyid"),
        ]
    }

    private func check(_ result: CInt, _ operation: String) throws(OpenSSLFailure) {
        if result != 1 { throw OpenSSLFailure(during: operation) }
    }
}
