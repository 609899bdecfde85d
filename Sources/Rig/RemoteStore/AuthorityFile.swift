package import Certificates
import Glibc

extension CertificateAuthority {
    /// Writes the root's certificate, for clients to trust, readable by all.
    ///
    /// - Throws: with the path and the reason.
    package func writeCertificate(to path: String) throws(ServerFailure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw ServerFailure("create \(path)", errno: errno) }
        defer { close(descriptor) }
        fchmod(descriptor, 0o644)
        let bytes = Array(root.pem.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else {
            throw ServerFailure("write \(path)", errno: errno)
        }
    }
}
