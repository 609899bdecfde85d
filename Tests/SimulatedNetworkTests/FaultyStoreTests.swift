import BlockStorage
import FaultPoints
import Glibc
import SimulatedTime
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedNetwork

struct FaultyStoreTests {
    static let image = TemporaryFolder.pattern(65_536 + 100)

    static func run<Result: Sendable>(
        _ faults: any FaultInjector = NoFaults(),
        _ body: @escaping @Sendable (NetworkRun, FaultyStore) async throws -> Result
    ) throws -> Result {
        try NetworkRun.run { run async throws in
            let store = FaultyStore(
                MemoryStore(image, isReadOnly: true), name: "disk", clock: run.simulation.clock,
                faults: faults)
            return try await body(run, store)
        }
    }

    static func code(_ body: () async throws(StorageError) -> Void) async -> StorageError.Code? {
        do throws(StorageError) {
            try await body()
            return nil
        } catch { return error.code }
    }

    @Test(arguments: 1...20) func `it reads as a disk whose writes are known`(seed: Int) throws {
        try Self.run { run, store async throws in
            var random = run.simulation.random.stream("operations \(seed)")
            var seen = Self.image
            var durable = Self.image
            for _ in 0..<60 {
                let offset = Int.random(in: 0..<seen.count, using: &random)
                let count = Int.random(in: 0...min(3000, seen.count - offset), using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0:
                    try await store.flush()
                    durable = seen
                case 1:
                    store.crash()
                    seen = durable
                case 2:
                    try await store.writeZeroes(
                        at: UInt64(offset), byteCount: UInt64(count), mayPunchHole: true, isDurable: false)
                    seen.replaceSubrange(offset..<offset + count, with: repeatElement(0, count: count))
                default:
                    let bytes = TemporaryFolder.pattern(count, seed: UInt64(offset))
                    try await store.write(bytes, at: UInt64(offset))
                    seen.replaceSubrange(offset..<offset + count, with: bytes)
                }
                let isSame = try await store.read(seen.count, at: 0) == seen
                let isSameDurable = try await store.durableContents() == durable
                #expect(isSame && isSameDurable, "seed \(seed)")
                guard isSame, isSameDurable else { return }
            }
        }
    }

    @Test(arguments: [
        (FaultyStore.Survivors.none, [1, 1, 1, 1]), (.all, [2, 3, 1, 2]), (.oldest(0), [1, 1, 1, 1]),
        (.oldest(1), [2, 2, 1, 1]), (.oldest(2), [2, 3, 1, 1]), (.oldest(3), [2, 3, 1, 2]),
        (.sectors(0b0001), [2, 1, 1, 1]), (.sectors(0b0100), [1, 3, 1, 1]), (.sectors(0b1000), [1, 1, 1, 2]),
    ])
    func `a crash keeps what it is told of unflushed writes`(survivors: FaultyStore.Survivors, left: [UInt8])
        throws
    {
        try NetworkRun.run { run async throws in
            let base = MemoryStore([UInt8](repeating: 1, count: 2048), isReadOnly: true)
            let store = FaultyStore(base, name: "disk", clock: run.simulation.clock)
            try await store.write([UInt8](repeating: 2, count: 1024), at: 0)
            try await store.write([UInt8](repeating: 3, count: 512), at: 512)
            try await store.write([UInt8](repeating: 2, count: 512), at: 1536)
            #expect(store.unflushedSectorCount == 4)
            store.crash(keeping: survivors)
            let bytes = try await store.read(2048, at: 0)
            #expect((0..<4).map { bytes[$0 * 512] } == left)
            #expect(store.unflushedSectorCount == 0)
        }
    }

    @Test func `a forced write is not undone by an older one that a crash keeps`() throws {
        try Self.run { run, store async throws in
            try await store.write([UInt8](repeating: 2, count: 512), at: 0)
            try await store.write([UInt8](repeating: 3, count: 512), at: 0, isDurable: true)
            store.crash(keeping: .all)
            #expect(try await store.read(1, at: 0) == [3])
        }
    }

    @Test func `a full disk refuses what is new and takes what it has room for`() throws {
        try Self.run { run, store async throws in
            store.setFreeBytes(1024)
            try await store.write([1, 2, 3], at: 0)
            try await store.write([4], at: 600)
            #expect(
                await Self.code { () throws(StorageError) in try await store.write([5], at: 5000) }
                    == .noSpace)
            try await store.write([6], at: 1)
            #expect(try await store.read(3, at: 0) == [1, 6, 3])
            store.setFreeBytes(nil)
            try await store.write([5], at: 5000)
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var operation: String
        var action: FaultAction
        var code: StorageError.Code?
        /// Whether the write, or what the flush should make durable, is: seen by readers, durable.
        var effect: (Bool, Bool)
        var testDescription: String { "\(operation) \(action)" }

        init(
            _ operation: String, _ action: FaultAction, _ code: StorageError.Code?, _ seen: Bool,
            _ durable: Bool
        ) {
            (self.operation, self.action, self.code, effect) = (operation, action, code, (seen, durable))
        }
    }

    static let cases: [Case] = [
        Case("write", .fail(errno: ENOSPC), .noSpace, false, false),
        Case("write", .fail(errno: EIO), .io, false, false),
        Case("write", .failAfterwards(errno: EROFS), .notPermitted, true, true),
        Case("write", .pretend, nil, false, false),
        Case("write", .delay(.seconds(2)), nil, true, true),
        Case("write", .bandwidth(bytesPerSecond: 256), nil, true, true),
        Case("write", .torn(sectors: 0), nil, false, false),
        Case("write", .special("crash-before", 0), .io, false, false),
        Case("write", .special("crash-after", 0), .io, false, false),
        Case("write", .special("crash-after", 1), .io, true, true),
        Case("flush", .fail(errno: EIO), .io, true, false),
        Case("flush", .failAfterwards(errno: EIO), .io, true, true),
        Case("flush", .pretend, nil, true, false),
        Case("flush", .delay(.seconds(2)), nil, true, true),
        Case("flush", .special("crash-before", 0), .io, false, false),
        Case("flush", .special("crash-before", 1), .io, true, true),
    ]

    @Test(arguments: cases) func `a write and its flush are what the fault makes of them`(_ fault: Case)
        throws
    {
        let faults = PlannedFaults(.store, fault.operation, 0..<1, fault.action)
        try Self.run(faults) { run, store async throws in
            let new = [UInt8](repeating: 0xEE, count: 512)
            var code = await Self.code { () throws(StorageError) in try await store.write(new, at: 512) }
            let flushed = await Self.code { () throws(StorageError) in try await store.flush() }
            code = fault.operation == "write" ? code : flushed
            #expect(code == fault.code)
            #expect(try await (store.contents(at: 512, byteCount: 512) == new) == fault.effect.0)
            #expect(try await (store.durableContents(at: 512, byteCount: 512) == new) == fault.effect.1)
            #expect(faults.fired == 1)
            switch fault.action {
            case .delay, .bandwidth: #expect(run.now == .seconds(2))
            default: #expect(run.now == .zero)
            }
        }
    }

    @Test(arguments: [
        FaultAction.Corruption.bitFlip(bit: 9), .zero(at: 0), .swap(0, 1), .shift(byteCount: 100), .stale,
    ])
    func `a read can be wrong without being short`(corruption: FaultAction.Corruption) throws {
        let faults = PlannedFaults(.store, "read", 0..<1, .corrupt(corruption))
        try Self.run(faults) { run, store async throws in
            try await store.write([UInt8](repeating: 9, count: 512), at: 4096)
            let sound = try await store.contents(at: 4096, byteCount: 1024)
            var expected = sound
            switch corruption {
            case .bitFlip: expected[1] ^= 2
            case .zero: expected.replaceSubrange(0..<512, with: repeatElement(0, count: 512))
            case .swap: expected = Array(sound[512...] + sound[..<512])
            case .shift: expected = try await store.contents(at: 4196, byteCount: 1024)
            case .stale: expected = Array(Self.image[4096..<5120])
            }
            let isAsPlanned = try await store.read(1024, at: 4096) == expected
            #expect(isAsPlanned)
            let isSound = try await store.read(1024, at: 4096) == sound
            #expect(isSound)
        }
    }

    @Test func `a truncated image fails past its end and grows again`() throws {
        let faults = PlannedFaults([
            PlannedFaults.Rule(
                layer: .store, operation: "read", occurrences: 0..<1, actions: [.special("truncate", 4096)]),
            PlannedFaults.Rule(
                layer: .store, operation: "read", occurrences: 2..<3, actions: [.special("grow", 1 << 40)]),
        ])
        try Self.run(faults) { run, store async throws in
            #expect(
                await Self.code { () throws(StorageError) in _ = try await store.read(1, at: 4096) } == .io)
            #expect(try await store.read(4096, at: 0).count == 4096)
            #expect(try await store.read(1, at: 4096).count == 1)
        }
    }

    @Test func `a held operation waits for its release`() throws {
        let hold = FaultHold()
        let faults = PlannedFaults(.store, "read", 0..<1, .hold(hold))
        try Self.run(faults) { run, store async throws in
            _ = run.spawn("release") {
                try? await run.simulation.clock.sleep(for: .seconds(40))
                hold.release()
            }
            _ = try await store.read(1, at: 0)
            #expect(run.now == .seconds(40))
        }
    }

    @Test(arguments: [FaultAction.short(byteCount: 700), .short(byteCount: 1), .fail(errno: EINTR)])
    func `a read that was cut short or interrupted is done again`(action: FaultAction) throws {
        let faults = PlannedFaults(.store, "read", 0..<1, action)
        try Self.run(faults) { run, store async throws in
            let isWhole = try await store.read(1024, at: 77) == Array(Self.image[77..<1101])
            #expect(isWhole && faults.fired == 1)
        }
    }

    @Test func `a torn read shows some sectors as they were`() throws {
        let faults = PlannedFaults(.store, "read", 0..<1, .torn(sectors: 0b01))
        try Self.run(faults) { run, store async throws in
            try await store.write([UInt8](repeating: 9, count: 1024), at: 0)
            let bytes = try await store.read(1024, at: 0)
            #expect(bytes[..<512].allSatisfy { $0 == 9 } && bytes[512...] == Self.image[512..<1024])
        }
    }
}
