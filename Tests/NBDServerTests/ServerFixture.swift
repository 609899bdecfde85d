import BlockStorage
import Foundation
import TestSupport

@testable import NBDServer

/// A server on a unix socket in its own folder.
struct ServerFixture {
    let folder: TemporaryFolder
    let server: NBDServer
    let path: String

    init(_ store: any BlockStore, name: String = "", limits: ServerLimits = ServerLimits()) throws {
        folder = try TemporaryFolder()
        path = folder.file("nbd.sock")
        server = NBDServer(store: store, exportName: name, limits: limits)
        _ = try server.listen(on: .unix(path: path))
    }

    var uri: String { "nbd+unix:///?socket=\(path)" }

    func client(_ name: String = "", structured: Bool = true) throws -> BlockingClient {
        try BlockingClient(
            socket: try BlockingClient.connect(path), exportName: name, structured: structured)
    }
}

/// A store that suspends before every call, in front of any other: the way of a remote image.
final class SuspendingStore: BlockStore {
    private let base: any BlockStore
    init(_ base: any BlockStore) { self.base = base }
    var byteCount: UInt64 { base.byteCount }
    var isReadOnly: Bool { base.isReadOnly }
    var capabilities: StoreCapabilities { base.capabilities }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) async throws(StorageError) {
        await Task.yield()
        try await base.read(into: buffer, at: offset)
    }
    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    {
        await Task.yield()
        try await base.write(buffer, at: offset, isDurable: isDurable)
    }
    func flush() async throws(StorageError) { try await base.flush() }
    func trim(at offset: UInt64, byteCount: UInt64) async throws(StorageError) {
        try await base.trim(at: offset, byteCount: byteCount)
    }
    func writeZeroes(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    {
        try await base.writeZeroes(
            at: offset, byteCount: byteCount, mayPunchHole: mayPunchHole, isDurable: isDurable)
    }
    func extents(at offset: UInt64, byteCount: UInt64) async throws(StorageError) -> [Extent] {
        try await base.extents(at: offset, byteCount: byteCount)
    }
    func close() async { await base.close() }
}

/// The three ways through the data plane.
enum StoreShape: String, CaseIterable, Sendable {
    case file, memory, suspending

    func make(_ bytes: [UInt8], in folder: TemporaryFolder) throws -> any BlockStore {
        switch self {
        case .file: try FileStore(path: try folder.write(bytes, to: "image"), isReadOnly: false)
        case .memory: MemoryStore(bytes)
        case .suspending: SuspendingStore(MemoryStore(bytes))
        }
    }
}
