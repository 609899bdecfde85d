import Foundation
import Verification

/// A file of trusted certificates, looked at before anything is started with it.
enum CertificateFile {
    /// - Parameter isUsed: whether the image comes from a server at all.
    /// - Throws: `PlanError` with what is wrong with it.
    static func checked(_ path: String, isUsed: Bool) throws -> String {
        guard isUsed else {
            throw PlanError(
                "--cafile is for https:// images; a file is served here, with a certificate of its own")
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw PlanError("cannot read the certificates in \(path): check the path and its mode")
        }
        guard String(decoding: data, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
            throw PlanError("\(path) holds no PEM certificate: it needs a -----BEGIN CERTIFICATE----- block")
        }
        return path
    }
}
