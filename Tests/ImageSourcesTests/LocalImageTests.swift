import BlockStorage
import Glibc
import TestSupport
import Testing
import VirtualMedia

@testable import ImageSources

struct LocalImageTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    func open(_ url: String, isReadWrite: Bool = false, isAllowed: Bool = true) async throws(ImageError)
        -> any BlockStore
    {
        try await SystemImageOpener(allowsLocalFiles: isAllowed).open(
            ImageRequest(url: url, credentials: nil, isReadWrite: isReadWrite, timeout: .seconds(5)))
    }

    @Test(arguments: ["", "file://"])
    func `a local file opens by path and by URL`(prefix: String) async throws {
        let path = try folder.writePattern(1000, to: "a.img")
        let store = try await open(prefix + path)
        #expect(store.isReadOnly)
        #expect(try await store.read(1000, at: 0) == TemporaryFolder.pattern(1000))
        await store.close()
    }

    @Test func `local files are closed to a service that did not ask for them`() async throws {
        let path = try folder.writePattern(1000, to: "a.img")
        for url in [path, "file://\(path)", "file:///etc/shadow"] {
            let error = await #expect(throws: ImageError.self) { try await open(url, isAllowed: false) }
            #expect(error?.cause == .unsupportedScheme)
        }
    }

    @Test func `each reason why a file is no image has its cause`() async throws {
        try folder.write([], to: "empty")
        mkfifo(folder.file("pipe"), 0o600)
        let cases: [(String, ImageError.Cause)] = [
            ("missing", .notFound), ("", .isDirectory), ("empty", .empty), ("pipe", .unreadable),
            ("empty/below", .notFound),
        ]
        for (name, cause) in cases {
            let error = await #expect(throws: ImageError.self) { try await open(folder.file(name)) }
            #expect(error?.cause == cause, "\(name): \(String(describing: error))")
            #expect(error?.message.contains(folder.path) == true)
        }
    }

    @Test func `a file may be opened for writing`() async throws {
        let path = try folder.writePattern(1024, to: "a.img")
        let store = try await open(path, isReadWrite: true)
        #expect(!store.isReadOnly)
        await store.close()
    }
}
