import Certificates
import Glibc

/// Where the server's certificate and key are kept: "authority.pem" for clients to trust, "server.pem" and
/// "server-key.pem".
///
/// Missing ones are made. The authority's own key is forgotten at once: it vouches for this one certificate.
package struct IdentityFolder: Sendable {
    private let path: String

    /// - Parameter path: exists, and only its owner can write to it.
    package init(path: String) { self.path = path }

    package var authorityPath: String { "\(path)/authority.pem" }

    /// Browsers refuse certificates that are valid for longer (CA/Browser Forum: 398 days).
    static let validDays = 397

    /// - Parameter names: DNS names and IP addresses that clients may use for this server.
    /// - Throws: what could not be read, made or written.
    package func identity(names: [String]) throws(WebServerFailure) -> WebServer.Identity {
        if let chain = try read("server.pem"), let key = try read("server-key.pem") {
            return WebServer.Identity(certificateChain: chain, privateKey: key)
        }
        let authority: CertificateAuthority
        let certificate: Certificate
        do throws(OpenSSLFailure) {
            authority = try CertificateAuthority(name: "MediaRig of this BMC", validDays: Self.validDays)
            var profile = CertificateAuthority.Profile(names: names)
            profile.validUntilSeconds = Self.validDays * 86_400
            certificate = try authority.issue(profile)
        } catch { throw WebServerFailure("make a certificate: \(error)") }
        let (chain, key) = (Array(certificate.pem.utf8), Array(certificate.privateKeyPEM.utf8))
        try write(Array(authority.root.pem.utf8), to: "authority.pem", mode: 0o644)
        try write(key, to: "server-key.pem", mode: 0o600)
        try write(chain, to: "server.pem", mode: 0o644)
        return WebServer.Identity(certificateChain: chain, privateKey: key)
    }

    /// - Returns: `nil` if there is no such file.
    private func read(_ name: String) throws(WebServerFailure) -> [UInt8]? {
        try Self.read("\(path)/\(name)")
    }

    /// - Returns: `nil` if there is no such file.
    package static func read(_ path: String) throws(WebServerFailure) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw WebServerFailure("read \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maximumBytes)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw WebServerFailure("read \(path): \(String(cString: strerror(errno)))") }
        guard count < maximumBytes else { throw WebServerFailure("\(path) is too large for a certificate") }
        return Array(bytes.prefix(count))
    }

    private static let maximumBytes = 1 << 16

    private func write(_ bytes: [UInt8], to name: String, mode: mode_t) throws(WebServerFailure) {
        let file = "\(path)/\(name)"
        // Never readable by others, not even for a moment.
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else {
            throw WebServerFailure("write \(file): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        guard fchmod(descriptor, mode) == 0, Glibc.write(descriptor, bytes, bytes.count) == bytes.count,
            fsync(descriptor) == 0
        else { throw WebServerFailure("write \(file): \(String(cString: strerror(errno)))") }
    }
}
