import BlockStorage
import RemoteImages
import TestSupport
import Testing
import VirtualMedia

@testable import ImageSources

/// nginx is the server that most images come from.
@Suite(.enabled(if: ForeignServer.capability.isUsable, "nginx is not installed"))
struct ForeignServerTests {
    static let image = TemporaryFolder.pattern(5_000_003, seed: 3)

    func open(_ path: String, on server: ForeignServer, credentials: Credentials? = nil)
        async throws(ImageError) -> any BlockStore
    {
        let options = HTTPSOptions(caFile: server.folder.file("ca.pem"))
        return try await SystemImageOpener(options: options).open(
            ImageRequest(
                url: server.url(path), credentials: credentials, isReadWrite: false, timeout: .seconds(10)))
    }

    @Test func `an image comes through, in order and at random`() async throws {
        let server = try ForeignServer(image: Self.image)
        let store = try await open("/disk.img", on: server)
        var bytes: [UInt8] = []
        while bytes.count < Self.image.count {
            bytes += try await store.read(
                min(131_072, Self.image.count - bytes.count), at: UInt64(bytes.count))
        }
        #expect(bytes == Self.image)
        var random = SeededGenerator(seed: 11)
        for _ in 0..<50 {
            let offset = Int.random(in: 0...Self.image.count - 4096, using: &random)
            #expect(
                try await store.read(4096, at: UInt64(offset)) == Array(Self.image[offset..<offset + 4096]))
        }
        await store.close()
    }

    @Test func `user and password are checked`() async throws {
        let server = try ForeignServer(image: Self.image)
        let rows: [(Credentials?, ImageError.Cause?)] = [
            (nil, .wrongCredentials),
            (CredentialTests.credentials("wrong", user: "operator"), .wrongCredentials),
            (CredentialTests.credentials("s3cret", user: "operator"), nil),
        ]
        for (credentials, cause) in rows {
            do throws(ImageError) {
                let store = try await open("/private/disk.img", on: server, credentials: credentials)
                #expect(cause == nil)
                await store.close()
            } catch {
                #expect(error.cause == cause, "\(error)")
            }
        }
    }

    @Test(
        arguments: [
            ("/none", .notFound), ("/gone", .gone), ("/redirect", .redirected),
            ("/norange/disk.img", .rangeNotSupported),
            ("/private", .redirected),
        ] as [(String, ImageError.Cause)])
    func `what is no image has its cause`(path: String, cause: ImageError.Cause) async throws {
        let server = try ForeignServer(image: Self.image)
        let error = await #expect(throws: ImageError.self) { try await open(path, on: server) }
        #expect(error?.cause == cause, "\(String(describing: error))")
    }

    @Test func `a file that is replaced is never mixed with the new one`() async throws {
        let server = try ForeignServer(image: Self.image)
        let store = try await open("/disk.img", on: server)
        #expect(try await store.read(10, at: 0) == Array(Self.image[..<10]))
        try server.folder.write(Array(Self.image.reversed()) + [1], to: "www/disk.img")
        await #expect(throws: StorageError.self) { try await store.read(10, at: 4_000_000) }
        await store.close()
    }
}
