internal import COpenSSL
package import WireFormat

/// SHA-256 by OpenSSL, fed piece by piece.
package final class SHA256 {
    package static let byteCount = 32
    private let context: OpaquePointer

    package init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("OpenSSL has no SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: Bytes) {
        bytes.withUnsafeBytes { update($0) }
    }

    package func update(_ buffer: UnsafeRawBufferPointer) {
        guard EVP_DigestUpdate(context, buffer.baseAddress, buffer.count) == 1 else {
            preconditionFailure("SHA-256 update failed")
        }
    }

    /// Lower-case hexadecimal. Nothing may be fed afterwards.
    package func finish() -> String {
        var digest = [UInt8](repeating: 0, count: Self.byteCount)
        var length: UInt32 = 0
        guard EVP_DigestFinal_ex(context, &digest, &length) == 1, length == Self.byteCount else {
            preconditionFailure("SHA-256 has no result")
        }
        return Hexadecimal.text(digest)
    }

    package static func text(_ bytes: Bytes) -> String {
        let digest = SHA256()
        digest.update(bytes)
        return digest.finish()
    }
}
