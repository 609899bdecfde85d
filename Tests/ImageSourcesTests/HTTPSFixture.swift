import BlockStorage
import Certificates
import HTTPRanges
import RemoteImages
import RemoteStore
import TestSupport
import VirtualMedia

@testable import ImageSources

/// A server with one image, an authority that clients trust, and an opener that does.
final class HTTPSFixture: Sendable {
    static let pattern = TemporaryFolder.pattern(3_000_001, seed: 7)

    let folder: TemporaryFolder
    let authority: CertificateAuthority
    let server: ImageServer
    let options: HTTPSOptions

    init(
        image: [UInt8] = pattern, certificate: CertificateAuthority.Profile = .good,
        _ change: (inout ImageServer.Configuration) -> Void = { _ in },
        plan: @escaping @Sendable (ReceivedRequest) -> ResponsePlan = { _ in .right }
    ) throws {
        folder = try TemporaryFolder()
        authority = try CertificateAuthority()
        try authority.writeCertificate(to: folder.file("ca.pem"))
        var configuration = ImageServer.Configuration()
        configuration.images["/disk.img"] = .file(path: try folder.write(image, to: "disk.img"))
        configuration.planner = plan
        change(&configuration)
        server = try ImageServer(authority.issue(certificate), root: authority.root, configuration)
        var options = HTTPSOptions(caFile: folder.file("ca.pem"))
        options.readTimeout = .seconds(15)
        self.options = options
    }

    deinit { server.stop() }

    /// Waits until `condition` holds; gives up, and lets the caller's expectation fail, after 10 s.
    static func eventually(_ condition: () -> Bool) async {
        for _ in 0..<2000 where !condition() { try? await Task.sleep(for: .milliseconds(5)) }
    }

    func open(
        _ url: String? = nil, credentials: Credentials? = nil, timeout: Duration = .seconds(10),
        isReadWrite: Bool = false, _ change: (inout HTTPSOptions) -> Void = { _ in }
    ) async throws(ImageError) -> any BlockStore {
        var options = options
        change(&options)
        let request = ImageRequest(
            url: url ?? server.url("/disk.img"), credentials: credentials, isReadWrite: isReadWrite,
            timeout: timeout)
        return try await SystemImageOpener(options: options).open(request)
    }

    /// The error that opening ends with; `nil` when it succeeds, and the store is closed again.
    func openingError(
        _ url: String? = nil, credentials: Credentials? = nil, timeout: Duration = .seconds(10),
        isReadWrite: Bool = false, _ change: (inout HTTPSOptions) -> Void = { _ in }
    ) async -> ImageError? {
        do throws(ImageError) {
            let store = try await open(
                url, credentials: credentials, timeout: timeout, isReadWrite: isReadWrite, change)
            await store.close()
            return nil
        } catch {
            return error
        }
    }
}
