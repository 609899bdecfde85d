import Certificates
import RemoteStore
import TestSupport
import Testing
import VirtualMedia

@testable import ImageSources

/// Certificates that come with the request itself.
struct GivenAuthorityTests {
    private static func open(_ fixture: HTTPSFixture, trusting authorities: String?) async -> ImageError? {
        var options = fixture.options
        options.caFile = nil
        let request = ImageRequest(
            url: fixture.server.url("/disk.img"), credentials: nil, isReadWrite: false,
            authorities: authorities, timeout: .seconds(10))
        do throws(ImageError) {
            let store = try await SystemImageOpener(options: options).open(request)
            await store.close()
            return nil
        } catch { return error }
    }

    private static func pem(_ authority: CertificateAuthority) throws -> String {
        let folder = try TemporaryFolder()
        try authority.writeCertificate(to: folder.file("ca.pem"))
        return try String(contentsOfFile: folder.file("ca.pem"), encoding: .utf8)
    }

    @Test func `the authority that came with the request is trusted, and no other`() async throws {
        let fixture = try HTTPSFixture()
        let other = try CertificateAuthority(name: "another")
        #expect(await Self.open(fixture, trusting: nil)?.cause == .untrustedCertificate)
        #expect(await Self.open(fixture, trusting: try Self.pem(fixture.authority)) == nil)
        #expect(
            await Self.open(fixture, trusting: try Self.pem(other) + Self.pem(fixture.authority)) == nil)
        let error = try #require(await Self.open(fixture, trusting: try Self.pem(other)))
        #expect(error.cause == .untrustedCertificate)
        #expect(error.message.contains("the certificates given with the request"), "\(error)")
    }

    @Test func `the name of the server counts all the same`() async throws {
        let fixture = try HTTPSFixture(certificate: .wrongHost)
        let error = await Self.open(fixture, trusting: try Self.pem(fixture.authority))
        #expect(error?.cause == .untrustedCertificate)
    }

    @Test(arguments: ["x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func `what is no certificate is an error of the request`(text: String) async throws {
        let fixture = try HTTPSFixture()
        let error = try #require(await Self.open(fixture, trusting: text))
        #expect(error.message.contains("the certificates given with the request"), "\(error)")
        #expect(fixture.server.requestCount == 0)
    }
}
