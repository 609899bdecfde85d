package import BlockStorage
package import FaultPoints
import Glibc
import Synchronization
package import VirtualMedia

/// A disk with a volatile write cache, whose every operation asks for faults: the remote disk of a world in
/// memory, and the half of the durability oracle that knows what must have survived.
///
/// The base is only read; what is written is kept beside it, by sectors of 512 bytes.
package final class FaultyStore: BlockStore {
    private struct State {
        var log = SectorLog()
        /// What is left of the base after it was cut off.
        var endBytes: UInt64
        /// Room for what was never written before; `nil` is without end.
        var freeBytes: UInt64?
    }

    /// On which operations of layer `store` what is carried out.
    package static let carriedOut = StorePlan.carriedOut

    package let byteCount: UInt64
    package let isReadOnly: Bool
    private let base: any BlockStore
    private let name: String
    private let slot: String?
    private let clock: any MediaClock
    private let faults: any FaultInjector
    private let state: Mutex<State>
    /// One change at a time: a partly written sector is read first.
    private let turns = Turns()

    /// - Parameters:
    ///   - base: closed with the store.
    ///   - name: the target in faults: an image's name, a URL.
    package init(
        _ base: any BlockStore, name: String, slot: String? = nil, isReadOnly: Bool = false,
        clock: any MediaClock, faults: any FaultInjector = NoFaults()
    ) {
        self.base = base
        self.name = name
        self.slot = slot
        self.isReadOnly = isReadOnly
        self.clock = clock
        self.faults = faults
        byteCount = base.byteCount
        state = Mutex(State(endBytes: base.byteCount))
    }

    package var capabilities: StoreCapabilities { [.flush, .trim, .writeZeroes, .multiConnect] }

    // MARK: The oracle

    /// What a crash now, without any luck, would leave.
    package func durableContents(at offset: UInt64 = 0, byteCount count: Int? = nil)
        async throws(StorageError) -> [UInt8]
    {
        try await contents(at: offset, count) { $0.durable }
    }

    /// What a sound reader sees now.
    package func contents(at offset: UInt64 = 0, byteCount count: Int? = nil) async throws(StorageError)
        -> [UInt8]
    {
        try await contents(at: offset, count) { $0.current }
    }

    /// What was there before the last write of each sector.
    package func earlierContents(at offset: UInt64, byteCount count: Int) async throws(StorageError)
        -> [UInt8]
    {
        try await contents(at: offset, count) { $0.earlier }
    }

    /// Sectors written and not confirmed by a flush.
    package var unflushedSectorCount: Int { state.withLock { $0.log.unflushedSectorCount } }

    // MARK: What happens to a disk

    package typealias Survivors = SectorLog.Survivors

    /// Loses what was not flushed, or part of it. The store goes on with what is left.
    package func crash(keeping survivors: Survivors = .none) { state.withLock { $0.log.crash(survivors) } }

    /// Cuts the image off: reads past there fail. Its size stays, as a store's must.
    package func truncate(to byteCount: UInt64) {
        state.withLock { $0.endBytes = min(byteCount, self.byteCount) }
    }

    /// How much may still be written where nothing was before; `nil` for any amount.
    package func setFreeBytes(_ byteCount: UInt64?) { state.withLock { $0.freeBytes = byteCount } }

    // MARK: BlockStore

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        async throws(StorageError)
    {
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "read")
        let plan = await meet("read", offset, UInt64(buffer.count))
        try begin(plan, "read")
        try checkEnd(offset + UInt64(buffer.count))
        let missing = min(max(0, plan.missingBytes), buffer.count)
        for part in [0..<buffer.count - missing, buffer.count - missing..<buffer.count] {
            try await read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[part]),
                at: offset + UInt64(part.lowerBound)
            ) { $0.current }
        }
        if let sectors = plan.tornSectors { try await tear(buffer, at: offset, sectors) }
        for corruption in plan.corruptions { try await corrupt(buffer, at: offset, corruption) }
        try end(plan, "read")
    }

    package func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    {
        try checkWritable(during: "write")
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "write")
        try await change("write", Array(buffer), at: offset, isDurable: isDurable)
    }

    package func writeZeroes(at offset: UInt64, byteCount count: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    {
        try checkWritable(during: "zero")
        try checkRange(at: offset, byteCount: count, during: "zero")
        try await change(
            "write-zeroes", [UInt8](repeating: 0, count: Int(count)), at: offset, isDurable: isDurable)
    }

    package func flush() async throws(StorageError) {
        let plan = await meet("flush", 0, 0)
        try begin(plan, "flush")
        if !plan.isPretended { state.withLock { $0.log.flush() } }
        try end(plan, "flush")
    }

    /// What is trimmed reads as before: that is allowed, and the hardest to be wrong about.
    package func trim(at offset: UInt64, byteCount count: UInt64) async throws(StorageError) {
        try checkWritable(during: "trim")
        try checkRange(at: offset, byteCount: count, during: "trim")
        let plan = await meet("trim", offset, count)
        try begin(plan, "trim")
        try end(plan, "trim")
    }

    package func extents(at offset: UInt64, byteCount count: UInt64) async throws(StorageError) -> [Extent] {
        try checkRange(at: offset, byteCount: count, during: "map")
        return [Extent(byteCount: count, isHole: false, readsAsZero: false)]
    }

    package func close() async { await base.close() }
}

// Reading.
extension FaultyStore {
    private func contents(
        at offset: UInt64, _ count: Int?, _ layer: (borrowing SectorLog) -> [UInt64: [UInt8]]
    ) async throws(StorageError) -> [UInt8] {
        let count = count ?? Int(byteCount - offset)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { buffer.deallocate() }
        try await read(into: buffer, at: offset, layer)
        return Array(buffer)
    }

    /// The base, with what was written on top.
    private func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64,
        _ layer: (borrowing SectorLog) -> [UInt64: [UInt8]]
    ) async throws(StorageError) {
        guard !buffer.isEmpty else { return }
        try await base.read(into: buffer, at: offset)
        let sectors = state.withLock { layer($0.log) }
        guard !sectors.isEmpty else { return }
        let end = offset + UInt64(buffer.count)
        let size = UInt64(SectorLog.sectorBytes)
        for number in offset / size...(end - 1) / size {
            guard let bytes = sectors[number] else { continue }
            let start = max(offset, number * size)
            let stop = min(end, number * size + UInt64(bytes.count))
            guard start < stop else { continue }
            let part = bytes[Int(start - number * size)..<Int(stop - number * size)]
            UnsafeMutableRawBufferPointer(rebasing: buffer[Int(start - offset)...]).copyBytes(from: part)
        }
    }

    /// A read that met a write half-way: the sectors that are not in the mask are the earlier ones.
    private func tear(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, _ sectors: UInt64)
        async throws(StorageError)
    {
        let earlier = try await earlierContents(at: offset, byteCount: buffer.count)
        DataFaults.tear(buffer, sectors: sectors) { gap, start in
            gap.copyBytes(from: earlier[start..<start + gap.count])
        }
    }

    private func checkEnd(_ end: UInt64) throws(StorageError) {
        let left = state.withLock { $0.endBytes }
        guard end <= left else {
            throw StorageError(.io, "read: up to \(end), but the image has \(left) bytes now")
        }
    }

    private func corrupt(
        _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, _ corruption: FaultAction.Corruption
    ) async throws(StorageError) {
        var other: [UInt8]?
        switch corruption {
        case .stale: other = try await earlierContents(at: offset, byteCount: buffer.count)
        case .shift(let byteCount):
            let range = places(for: buffer.count)
            other = try await contents(
                at: (offset + UInt64(max(0, byteCount))) % range, byteCount: buffer.count)
        case .bitFlip, .zero, .swap: break
        }
        DataFaults.apply(corruption, to: buffer) { data, _ in
            if let other { data.copyBytes(from: other) }
        }
    }

    /// How many places there are to read so many bytes from.
    private func places(for count: Int) -> UInt64 { byteCount - UInt64(count) + 1 }
}

// Changing.
extension FaultyStore {
    private func change(_ operation: String, _ bytes: [UInt8], at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    {
        let plan = await meet(operation, offset, UInt64(bytes.count))
        try begin(plan, operation)
        if !plan.isPretended, !bytes.isEmpty {
            var bytes = bytes
            bytes.withUnsafeMutableBytes { data in
                for corruption in plan.corruptions {
                    DataFaults.apply(corruption, to: data) { data, other in
                        if case .further(let distance) = other { DataFaults.rotate(data, by: distance) }
                    }
                }
            }
            await turns.take()
            defer { turns.giveBack() }
            try await store(bytes, at: offset, isDurable: isDurable, sectors: plan.tornSectors ?? .max)
        }
        try end(plan, operation)
    }

    /// - Parameter mask: which sectors of 512 bytes, counted from the start of the write.
    private func store(_ bytes: [UInt8], at offset: UInt64, isDurable: Bool, sectors mask: UInt64)
        async throws(StorageError)
    {
        let size = UInt64(SectorLog.sectorBytes)
        let first = offset / size
        let last = (offset + UInt64(bytes.count) - 1) / size
        let start = first * size
        let stop = min((last + 1) * size, byteCount)
        var whole = try await contents(at: start, byteCount: Int(stop - start))
        let missing = DataFaults.missingSectors(of: bytes.count, sectors: mask)
        var position = 0
        for gap in missing + [bytes.count..<bytes.count] {
            let part = position..<gap.lowerBound
            let place = Int(offset - start) + part.lowerBound
            whole.replaceSubrange(place..<place + part.count, with: bytes[part])
            position = gap.upperBound
        }
        let written = (first...last).map { number in
            let place = Int((number - first) * size)
            return (number: number, bytes: Array(whole[place..<min(place + Int(size), whole.count)]))
        }
        let hasRoom = state.withLock { state in
            let new = written.filter { state.log.current[$0.number] == nil }.count
            if let free = state.freeBytes {
                guard UInt64(new) * size <= free else { return false }
                state.freeBytes = free - UInt64(new) * size
            }
            state.log.write(written, isDurable: isDurable)
            return true
        }
        guard hasRoom else { throw StorageError(errno: ENOSPC, during: "write") }
    }

    /// - Throws: what keeps the operation from being carried out.
    private func begin(_ plan: StorePlan, _ operation: String) throws(StorageError) {
        if let errno = plan.refusal { throw StorageError(errno: errno, during: "\(operation), injected") }
        try crash(plan.crashBefore, operation)
    }

    /// - Throws: what it is said to have failed with, though it was carried out.
    private func end(_ plan: StorePlan, _ operation: String) throws(StorageError) {
        try crash(plan.crashAfter, operation)
        if let errno = plan.lateRefusal { throw StorageError(errno: errno, during: "\(operation), injected") }
    }

    /// Whoever crashes does not answer.
    private func crash(_ survivors: Int?, _ operation: String) throws(StorageError) {
        guard let survivors else { return }
        crash(keeping: .oldest(survivors))
        throw StorageError(.io, "\(operation): the store has crashed")
    }

    private func meet(_ operation: String, _ offset: UInt64, _ count: UInt64) async -> StorePlan {
        let actions = faults.meet(
            FaultOccasion(
                .store, operation, on: name, slot: slot, direction: operation == "read" ? .down : .up,
                bytes: offset..<offset + count, at: clock.now))
        guard !actions.isEmpty else { return StorePlan() }
        Self.carriedOut.check(actions, on: operation, of: .store)
        var plan = StorePlan()
        for action in actions {
            switch action {
            case .delay(let span): await sleep(span)
            case .hold(let hold): await hold.released()
            case .bandwidth(let rate):
                await sleep(.nanoseconds(Int64(Double(count) / Double(max(1, rate)) * 1e9)))
            case .special("uninterruptible", let milliseconds): await sleep(.milliseconds(milliseconds))
            case .special("truncate", let size): truncate(to: UInt64(max(0, size)))
            case .special("grow", let more):
                let end = state.withLock { $0.endBytes }
                truncate(to: end &+ UInt64(max(0, more)))
            // Whoever is interrupted by a signal does it again at once.
            case .fail(EINTR): break
            default: plan.add(action)
            }
        }
        return plan
    }

    private func sleep(_ span: Duration) async {
        // A cancelled task ends its waiting early; the operation is carried out all the same.
        try? await clock.sleep(until: clock.now + span)
    }
}
