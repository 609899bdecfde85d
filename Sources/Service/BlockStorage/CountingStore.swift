import Synchronization

/// Operations that succeeded, and their bytes.
package final class StoreCounters: Sendable {
    package struct Snapshot: Equatable, Sendable {
        package var readOperations: UInt64 = 0
        package var readBytes: UInt64 = 0
        package var writeOperations: UInt64 = 0
        package var writtenBytes: UInt64 = 0
        package var failedOperations: UInt64 = 0
    }

    private let readOperations = Atomic<UInt64>(0)
    private let readBytes = Atomic<UInt64>(0)
    private let writeOperations = Atomic<UInt64>(0)
    private let writtenBytes = Atomic<UInt64>(0)
    private let failedOperations = Atomic<UInt64>(0)

    package init() {}

    package var snapshot: Snapshot {
        Snapshot(
            readOperations: readOperations.load(ordering: .relaxed),
            readBytes: readBytes.load(ordering: .relaxed),
            writeOperations: writeOperations.load(ordering: .relaxed),
            writtenBytes: writtenBytes.load(ordering: .relaxed),
            failedOperations: failedOperations.load(ordering: .relaxed))
    }

    fileprivate func didRead(_ byteCount: Int) {
        readOperations.wrappingAdd(1, ordering: .relaxed)
        readBytes.wrappingAdd(UInt64(byteCount), ordering: .relaxed)
    }

    fileprivate func didWrite(_ byteCount: UInt64) {
        writeOperations.wrappingAdd(1, ordering: .relaxed)
        writtenBytes.wrappingAdd(byteCount, ordering: .relaxed)
    }

    fileprivate func counting<Result>(_ body: () throws(StorageError) -> Result) throws(StorageError)
        -> Result
    {
        do throws(StorageError) {
            return try body()
        } catch {
            failedOperations.wrappingAdd(1, ordering: .relaxed)
            throw error
        }
    }

    fileprivate func counting<Result>(_ body: () async throws(StorageError) -> Result)
        async throws(StorageError) -> Result
    {
        do throws(StorageError) {
            return try await body()
        } catch {
            failedOperations.wrappingAdd(1, ordering: .relaxed)
            throw error
        }
    }
}

/// Any store, with what goes through it counted: reads, and writes including zeroes.
package final class CountingStore: BlockStore {
    package let counters = StoreCounters()
    private let base: any BlockStore
    package let directAccess: (any DirectBlockStore)?

    package init(_ base: any BlockStore) {
        self.base = base
        directAccess = base.directAccess.map { [counters] in DirectCountingStore($0, counters) }
    }

    package var byteCount: UInt64 { base.byteCount }
    package var isReadOnly: Bool { base.isReadOnly }
    package var capabilities: StoreCapabilities { base.capabilities }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        async throws(StorageError)
    {
        try await counters.counting { () async throws(StorageError) in
            try await base.read(into: buffer, at: offset)
        }
        counters.didRead(buffer.count)
    }

    package func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    {
        try await counters.counting { () async throws(StorageError) in
            try await base.write(buffer, at: offset, isDurable: isDurable)
        }
        counters.didWrite(UInt64(buffer.count))
    }

    package func flush() async throws(StorageError) { try await base.flush() }

    package func trim(at offset: UInt64, byteCount: UInt64) async throws(StorageError) {
        try await base.trim(at: offset, byteCount: byteCount)
    }

    package func writeZeroes(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    {
        try await counters.counting { () async throws(StorageError) in
            try await base.writeZeroes(
                at: offset, byteCount: byteCount, mayPunchHole: mayPunchHole, isDurable: isDurable)
        }
        counters.didWrite(byteCount)
    }

    package func extents(at offset: UInt64, byteCount: UInt64) async throws(StorageError) -> [Extent] {
        try await base.extents(at: offset, byteCount: byteCount)
    }

    package func close() async { await base.close() }
}

private final class DirectCountingStore: DirectBlockStore {
    private let base: any DirectBlockStore
    private let counters: StoreCounters

    init(_ base: any DirectBlockStore, _ counters: StoreCounters) {
        self.base = base
        self.counters = counters
    }

    var byteCount: UInt64 { base.byteCount }
    var isReadOnly: Bool { base.isReadOnly }
    var capabilities: StoreCapabilities { base.capabilities }
    var sendableDescriptor: CInt? { base.sendableDescriptor }

    func didSend(byteCount: Int) {
        counters.didRead(byteCount)
        base.didSend(byteCount: byteCount)
    }

    func prepareToSend(at offset: UInt64, byteCount: UInt64) throws(StorageError) {
        try counters.counting { () throws(StorageError) in
            try base.prepareToSend(at: offset, byteCount: byteCount)
        }
    }

    func readNow(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) {
        try counters.counting { () throws(StorageError) in try base.readNow(into: buffer, at: offset) }
        counters.didRead(buffer.count)
    }

    func writeNow(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        throws(StorageError)
    {
        try counters.counting { () throws(StorageError) in
            try base.writeNow(buffer, at: offset, isDurable: isDurable)
        }
        counters.didWrite(UInt64(buffer.count))
    }

    func flushNow() throws(StorageError) { try base.flushNow() }

    func trimNow(at offset: UInt64, byteCount: UInt64) throws(StorageError) {
        try base.trimNow(at: offset, byteCount: byteCount)
    }

    func writeZeroesNow(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        throws(StorageError)
    {
        try counters.counting { () throws(StorageError) in
            try base.writeZeroesNow(
                at: offset, byteCount: byteCount, mayPunchHole: mayPunchHole, isDurable: isDurable)
        }
        counters.didWrite(byteCount)
    }

    func extentsNow(at offset: UInt64, byteCount: UInt64) throws(StorageError) -> [Extent] {
        try base.extentsNow(at: offset, byteCount: byteCount)
    }

    func close() async { await base.close() }
}
