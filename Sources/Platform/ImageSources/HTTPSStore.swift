package import BlockStorage
import Glibc
import Threads
internal import VirtualMedia

/// A remote image over HTTPS range requests: reads ahead of sequential readers, keeps what it fetched
/// within a fixed memory, and never serves bytes of another version or another place.
package final class HTTPSStore: BlockStore {
    package let byteCount: UInt64
    package let isReadOnly = true
    package let capabilities: StoreCapabilities = [.multiConnect]
    package let identity: ImageIdentity
    private let board: FetchBoard
    private let connections: [CurlConnection]
    private let options: HTTPSOptions

    /// - Parameter first: The connection on which the image was opened; kept in use.
    /// - Throws: when the system has no threads left for the others.
    init(
        identity: ImageIdentity, first: CurlConnection, check: RangeResponseCheck, options: HTTPSOptions,
        authorization: AuthorizationHeader?
    ) throws(ImageError) {
        self.identity = identity
        self.options = options
        byteCount = identity.byteCount
        board = FetchBoard(plan: FetchPlan(byteCount: identity.byteCount, limits: options.fetching))
        connections =
            [first]
            + (1..<options.fetching.connections).map { _ in
                CurlConnection(to: check.location, options: options, authorization: authorization)
            }
        for (number, connection) in connections.enumerated() {
            let worker = FetchWorker(
                board: board, connection: connection, check: check, identity: identity, options: options)
            do throws(ImageError) { try worker.start(number: number) } catch {
                stop()
                throw error
            }
        }
    }

    deinit { stop() }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        async throws(StorageError)
    {
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "read")
        guard !buffer.isEmpty else { return }
        let end = offset + UInt64(buffer.count)
        let unit = UInt64(options.fetching.blockBytes)
        let deadline = Monotonic.now + options.readTimeout
        board.noteRead(offset..<end)
        let endBlock = Int((end - 1) / unit) + 1
        // More at once would only push out of memory what comes next.
        let demanded = options.fetching.blocksPerRequest * options.fetching.connections
        var position = offset
        while position < end {
            let block = Int(position / unit)
            let slot = try await pinned(block..<min(endBlock, block + demanded), deadline: deadline)
            let start = Int(position % unit)
            let count = min(options.fetching.blockBytes - start, Int(end - position))
            memcpy(
                buffer.baseAddress! + Int(position - offset), board.buffer(ofSlot: slot).baseAddress! + start,
                count)
            board.unpin(slot)
            position += UInt64(count)
        }
    }

    private func pinned(_ blocks: Range<Int>, deadline: Duration) async throws(StorageError) -> Int {
        do throws(ImageError) {
            return try await board.pin(blocks, deadline: deadline)
        } catch {
            throw StorageError(error.cause == .cancelled ? .shuttingDown : .io, "read: \(error.message)")
        }
    }

    /// Fails reads in flight and returns once every thread and connection is gone.
    package func close() async {
        stop()
        await board.allWorkersEnded()
    }

    private func stop() {
        board.close()
        for connection in connections { connection.cancel() }
    }
}

extension HTTPSStore {
    private static let readOnly = StorageError(.notPermitted, "an image over HTTPS is read-only")

    package func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    { throw Self.readOnly }

    package func flush() async throws(StorageError) {}

    package func trim(at offset: UInt64, byteCount: UInt64) async throws(StorageError) { throw Self.readOnly }

    package func writeZeroes(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    { throw Self.readOnly }

    package func extents(at offset: UInt64, byteCount: UInt64) async throws(StorageError) -> [Extent] {
        try checkRange(at: offset, byteCount: byteCount, during: "extents")
        return [Extent(byteCount: byteCount, isHole: false, readsAsZero: false)]
    }
}
