package import BlockStorage
import Glibc
internal import VirtualMedia

/// A remote image over HTTPS range requests: reads ahead of sequential readers, keeps what it fetched
/// within a fixed memory, and never serves bytes of another version or another place.
package final class HTTPSStore: BlockStore {
    package let byteCount: UInt64
    package let isReadOnly = true
    package let capabilities: StoreCapabilities = [.multiConnect]
    package let identity: ImageIdentity
    private let board: FetchBoard
    private let workers: [any SpawnedTask]
    private let options: HTTPSOptions
    private let clock: any MediaClock
    private let readFailed: @Sendable (ImageError) -> Void

    /// - Parameters:
    ///   - first: The connection on which the image was opened; kept in use.
    ///   - connect: Makes the others.
    /// - Throws: when the system has no threads left; nothing runs then.
    init(
        identity: ImageIdentity, first: any RangeConnection, connect: () -> any RangeConnection,
        _ setting: FetchSetting
    ) throws(ImageError) {
        self.identity = identity
        options = setting.options
        clock = setting.clock
        readFailed = setting.readFailed
        byteCount = identity.byteCount
        let plan = FetchPlan(byteCount: identity.byteCount, limits: options.fetching)
        board = FetchBoard(plan: plan)
        var workers: [any SpawnedTask] = []
        for number in 0..<options.fetching.connections {
            let worker = FetchWorker(
                board: board, connection: number == 0 ? first : connect(), identity: identity,
                setting: setting)
            do throws(ImageError) { workers.append(try worker.start(number: number)) } catch {
                Self.stop(board, workers)
                throw error
            }
        }
        self.workers = workers
    }

    deinit { Self.stop(board, workers) }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        async throws(StorageError)
    {
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "read")
        guard !buffer.isEmpty else { return }
        let end = offset + UInt64(buffer.count)
        let unit = UInt64(options.fetching.blockBytes)
        let deadline = clock.now + options.readTimeout
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
            if error.cause != .cancelled { readFailed(error) }
            throw StorageError(error.cause == .cancelled ? .shuttingDown : .io, "read: \(error.message)")
        }
    }

    /// Fails reads in flight and returns once every worker and connection is gone.
    package func close() async {
        Self.stop(board, workers)
        for worker in workers { await worker.finished() }
    }

    private static func stop(_ board: FetchBoard, _ workers: [any SpawnedTask]) {
        board.close()
        for worker in workers { worker.cancel() }
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
