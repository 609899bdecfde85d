import RemoteStore
import TestSupport
import Testing

@testable import Certificates

/// OpenSSL's own command line judges the certificates.
@Suite(.enabled(if: Capability.tool("openssl").isUsable, "openssl is not installed"))
struct CertificateAuthorityTests {
    @Test(arguments: [
        (CertificateAuthority.Profile.good, "OK"), (.expired, "certificate has expired"),
        (.notYetValid, "certificate is not yet valid"), (.wrongHost, "IP address mismatch"),
        (.selfSigned, "self-signed certificate"),
    ])
    func `each profile breaks its own rule and no other`(profile: CertificateAuthority.Profile, words: String)
        throws
    {
        let folder = try TemporaryFolder()
        let authority = try CertificateAuthority()
        try authority.writeCertificate(to: folder.file("ca.pem"))
        let path = try folder.write(Array(authority.issue(profile).pem.utf8), to: "server.pem")
        let result = try ForeignProgram(
            "openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", folder.file("ca.pem"),
            "-verify_ip",
            "127.0.0.1", path
        ).runBlocking()
        #expect((result.output + result.error).contains(words), "\(result)")
        #expect((result.status == 0) == (words == "OK"))
    }

    @Test func `only the certificate is written, for all to read`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("ca.pem")
        try CertificateAuthority().writeCertificate(to: path)
        let mode = try ForeignProgram("stat", "-c", "%a", path).runBlocking().output
        #expect(mode == "644\n")
        let text = try ForeignProgram("cat", path).runBlocking().output
        #expect(text.contains("BEGIN CERTIFICATE") && !text.contains("PRIVATE"))
    }

    @Test func `a path that cannot be written is named`() throws {
        let error = #expect(throws: ServerFailure.self) {
            try CertificateAuthority().writeCertificate(to: "/nowhere/ca.pem")
        }
        #expect(error?.description.contains("/nowhere/ca.pem") == true)
    }
}
