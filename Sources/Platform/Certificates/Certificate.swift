internal import COpenSSL

/// A certificate with the key that belongs to it. Both live in memory only.
package final class Certificate: @unchecked Sendable {
    package let x509: OpaquePointer
    package let key: OpaquePointer

    /// Takes over both.
    init(x509: OpaquePointer, key: OpaquePointer) {
        self.x509 = x509
        self.key = key
    }

    deinit {
        X509_free(x509)
        EVP_PKEY_free(key)
    }

    package var pem: String {
        PEM.text { PEM_write_bio_X509($0, x509) == 1 }
    }

    /// For a foreign server that reads its key from a file; put it nowhere else.
    package var privateKeyPEM: String {
        PEM.text { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) == 1 }
    }
}

enum PEM {
    static func text(_ write: (OpaquePointer) -> Bool) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { preconditionFailure("no memory for PEM") }
        defer { BIO_free(bio) }
        precondition(write(bio), "PEM cannot be written to memory")
        var start: UnsafePointer<CChar>?
        let count = copenssl_memory_bytes(bio, &start)
        let bytes = UnsafeRawBufferPointer(start: start, count: count)
        return String(decoding: bytes, as: UTF8.self)
    }
}
