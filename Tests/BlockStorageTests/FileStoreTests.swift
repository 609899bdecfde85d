import CLinux
import Foundation
import TestSupport
import Testing

@testable import BlockStorage

struct FileStoreTests {
    static func cause(_ path: String, isReadOnly: Bool = true) -> FileStoreError? {
        do {
            _ = try FileStore(path: path, isReadOnly: isReadOnly)
            return nil
        } catch {
            return error
        }
    }

    @Test func `each unusable file is refused with its own cause, its path and a remedy`() throws {
        let folder = try TemporaryFolder()
        try folder.write([], to: "empty")
        #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
        let expected: [(String, FileStoreError.Cause)] = [
            (folder.file("missing"), .notFound), (folder.file("empty") + "/below", .notFound),
            (folder.path, .isDirectory), (folder.file("empty"), .empty), (folder.file("pipe"), .notAFile),
            ("/dev/null", .notAFile),
        ]
        for (path, cause) in expected {
            let error = try #require(Self.cause(path), "\(path) was opened")
            #expect(error.cause == cause)
            #expect(error.description.hasPrefix("\(path): "))
        }
        #expect(Self.cause(folder.path, isReadOnly: false)?.cause == .isDirectory)
    }

    /// Opens as a user whom permission bits bind: root becomes nobody for the time of the call, on this
    /// thread alone (setfsuid(2)).
    private static func causeAsNobody(_ path: String, isReadOnly: Bool) -> FileStoreError.Cause? {
        let isRoot = geteuid() == 0
        if isRoot { setfsuid(65534) }
        defer { if isRoot { setfsuid(0) } }
        return cause(path, isReadOnly: isReadOnly)?.cause
    }

    @Test func `a file without read permission is unreadable, one without write permission not writable`()
        throws
    {
        let folder = try TemporaryFolder()
        let path = try folder.write([1], to: "secret")
        #expect(chmod(folder.path, 0o755) == 0)
        #expect(chmod(path, 0) == 0)
        #expect(Self.causeAsNobody(path, isReadOnly: true) == .unreadable)
        #expect(chmod(path, 0o444) == 0)
        #expect(Self.causeAsNobody(path, isReadOnly: true) == nil)
        #expect(Self.causeAsNobody(path, isReadOnly: false) == .notWritable)
    }

    @Test func `a file that shrank fails with both sizes and is not filled up with zeroes`() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.writePattern(8192, to: "image")
        let store = try FileStore(path: path, isReadOnly: false)
        #expect(truncate(path, 1024) == 0)
        #expect(try await store.read(1024, at: 0) == TemporaryFolder.pattern(1024))
        for (count, offset) in [(1024, 512), (512, 4096), (8192, 0)] {
            let error = await #expect(throws: StorageError.self) {
                _ = try await store.read(count, at: UInt64(offset))
            }
            #expect(error?.code == .io)
            #expect(error?.message.contains("8192 bytes when opened and has 1024 now") == true)
        }
        await #expect(throws: StorageError.self) {
            try await [UInt8](repeating: 1, count: 512).withUnsafeBytesAsync {
                try await store.write($0, at: 4096, isDurable: false)
            }
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == 1024)
        #expect(store.byteCount == 8192)
        await store.close()
    }

    @Test func `a file that grew keeps the size it was opened with`() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.writePattern(4096, to: "image")
        let store = try FileStore(path: path)
        #expect(truncate(path, 8192) == 0)
        #expect(store.byteCount == 4096)
        await #expect(throws: StorageError.self) { _ = try await store.read(1, at: 4096) }
        let extents = try await store.extents(at: 0, byteCount: 4096)
        #expect(extents.reduce(0) { $0 + $1.byteCount } == 4096)
        await store.close()
    }

    @Test func `a read-only store refuses every change`() async throws {
        let folder = try TemporaryFolder()
        let store = try FileStore(path: try folder.writePattern(4096, to: "image"))
        #expect(store.isReadOnly)
        #expect(!store.capabilities.contains(.trim))
        for change in [
            { try await store.trim(at: 0, byteCount: 512) },
            { try await store.writeZeroes(at: 0, byteCount: 1, mayPunchHole: true, isDurable: true) },
            { try await [1].withUnsafeBytesAsync { try await store.write($0, at: 0, isDurable: false) } },
        ] as [@Sendable () async throws -> Void] {
            let error = await #expect(throws: StorageError.self) { try await change() }
            #expect(error?.code == .notPermitted)
        }
        await store.close()
    }

    @Test func `a closed store fails calls and closes its descriptor once`() async throws {
        let folder = try TemporaryFolder()
        let store = try FileStore(path: try folder.writePattern(4096, to: "image"))
        let number = try #require(store.sendableDescriptor)
        await store.close()
        await store.close()
        let error = await #expect(throws: StorageError.self) { _ = try await store.read(1, at: 0) }
        #expect(error?.code == .shuttingDown)
        #expect(number >= 0)
    }

    @Test func `a file of three terabytes costs nothing and reads at its end`() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([1, 2, 3], to: "huge")
        let size: UInt64 = 3 << 40
        try #require(truncate(path, Int(size)) == 0)
        let store = try FileStore(path: path, isReadOnly: false)
        #expect(store.byteCount == size)
        #expect(try await store.read(512, at: size - 512) == [UInt8](repeating: 0, count: 512))
        let hole = try await store.extents(at: size - 512, byteCount: 512)
        #expect(hole == [Extent(byteCount: 512, isHole: true, readsAsZero: true)])
        await store.close()
    }
}

struct MemoryStoreTests {
    @Test func `a store of the largest size holds what is put at its very end`() async throws {
        let store = MemoryStore(byteCount: UInt64(Int64.max))
        let end = UInt64(Int64.max) - 4
        try await [1, 2, 3, 4].withUnsafeBytesAsync { try await store.write($0, at: end, isDurable: true) }
        #expect(try await store.read(8, at: end - 4) == [0, 0, 0, 0, 1, 2, 3, 4])
        #expect(store.allocatedBytes == UInt64(MemoryStore.chunkBytes))
        let extents = try await store.extents(at: 0, byteCount: UInt64(Int64.max))
        #expect(extents.map(\.isHole) == [true, false])
        try await store.trim(at: 0, byteCount: UInt64(Int64.max))
        #expect(try await store.read(4, at: end) == [0, 0, 0, 0])
    }

    @Test func `whole zeroed chunks are given back`() async throws {
        let store = MemoryStore([UInt8](repeating: 1, count: 4 * MemoryStore.chunkBytes))
        try await store.writeZeroes(
            at: 1, byteCount: UInt64(3 * MemoryStore.chunkBytes), mayPunchHole: true, isDurable: false)
        #expect(store.allocatedBytes == UInt64(2 * MemoryStore.chunkBytes))
        #expect(try await store.read(2, at: 0) == [1, 0])
    }
}
