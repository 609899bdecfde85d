import BlockStorage
import FaultPoints
import Glibc
import NBDProtocol
import NBDServer
import SimulatedBMC
import SimulatedTime
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedNetwork

/// What the simulated kernel's nbd driver makes of a server that answers wrongly: the right bytes or EIO,
/// and never other bytes.
struct ReplyFaultTests {
    static let image = TemporaryFolder.pattern(1 << 20)

    enum Link: Sendable { case lives, dies }

    struct Case: Sendable, CustomTestStringConvertible {
        var actions: [FaultAction]
        var errno: CInt
        var link: Link
        var operation = "read"
        var testDescription: String { "\(operation): \(actions)" }

        init(_ action: FaultAction, _ errno: CInt, _ link: Link, on operation: String = "read") {
            (actions, self.errno, self.link, self.operation) = ([action], errno, link, operation)
        }
    }

    static let cases: [Case] =
        errors + ["read", "reply"].flatMap { whole(on: $0) + cut(on: $0) }

    private static let errors: [Case] = {
        let numbers = [1, 5, 12, 22, 28, 75, 95, 108, 9999]
        let others: [FaultAction] = [
            .fail(errno: EACCES), .failAfterwards(errno: EIO), .special("shutdown", 0),
        ]
        return (numbers.map { FaultAction.status($0) } + others).map { Case($0, EIO, .lives) }
    }()

    private static func whole(on operation: String) -> [Case] {
        let fatal: [FaultAction] = [
            .hold(FaultHold()), .drop, .special("wrong-cookie", 0),
            .special("bad-magic", 0), .special("error-with-payload", 5), .short(byteCount: 1),
            .short(byteCount: 4096), .short(byteCount: 4096 + 16),
        ]
        // With nothing behind it a reply is not held back for ever.
        let harmless: [FaultAction] = [
            .reorder(behind: 1), .delay(.seconds(2)), .slice(byteCount: 1), .slice(byteCount: 17),
        ]
        let late: [FaultAction] =
            [.duplicate] + [1, 15, 16, 28, 4096].map { FaultAction.special("extra-bytes", $0) }
        return fatal.map { Case($0, EIO, .dies, on: operation) }
            + harmless.map { Case($0, 0, .lives, on: operation) }
            + late.map { Case($0, 0, .dies, on: operation) }
    }

    private static func cut(on operation: String) -> [Case] {
        [0, 1, 15, 16, 17, 4096, 4096 + 15].flatMap { count -> [Case] in
            let actions: [FaultAction] = [
                .close(afterBytes: count), .reset(afterBytes: count), .special("stall-after", Int64(count)),
                .special("half-close", Int64(count)),
            ]
            return actions.map { Case($0, EIO, .dies, on: operation) }
        }
    }

    /// A device on a server in memory, read from by the kernel itself.
    static func attached(
        _ run: NetworkRun, _ kernel: SimulatedKernel, store: any BlockStore
    ) async throws -> any ServedExport {
        let exports = MemoryExportServer(run.surroundings)
        let export = try await exports.serve(store, for: "Slot_0")
        let client = try await NBDClient(try await export.connect())
        try await kernel.attach(
            NBDAttachment(
                device: "nbd0", byteCount: client.info.byteCount, blockBytes: 512,
                transmissionFlags: client.info.flags.rawValue, requestTimeout: .seconds(5),
                deadConnectionTimeout: .zero, readAheadBytes: 0, backendIdentifier: "test"),
            connections: [client.channel])
        return export
    }

    static func run<Result: Sendable>(
        _ faults: any FaultInjector, store: any BlockStore = MemoryStore(image),
        _ body: @escaping @Sendable (NetworkRun, SimulatedKernel) async throws -> Result
    ) throws -> Result {
        try NetworkRun.run(faults: faults) { run async throws in
            let kernel = SimulatedKernel(
                executor: run.simulation.executor, clock: run.simulation.clock,
                spawner: run.simulation.spawner)
            let export = try await attached(run, kernel, store: store)
            let result = try await body(run, kernel)
            try await kernel.detach("nbd0")
            await export.stop()
            await kernel.shutDown()
            return result
        }
    }

    static func read(_ kernel: SimulatedKernel, at offset: UInt64) async -> (errno: CInt, bytes: [UInt8]) {
        do throws(SystemError) {
            return (0, try await kernel.read(4096, at: offset, from: "nbd0"))
        } catch { return (error.errno, []) }
    }

    @Test(arguments: cases) func `a read gets its own bytes or EIO`(_ fault: Case) throws {
        // A failed read is tried again page by page: the fault meets that too.
        let isLasting = fault.errno != 0 && fault.link == .lives
        let faults = PlannedFaults([
            PlannedFaults.Rule(
                layer: .nbdSocket, operation: fault.operation, occurrences: 0..<(isLasting ? 2 : 1),
                actions: fault.actions)
        ])
        try Self.run(faults) { run, kernel async throws in
            let first = await Self.read(kernel, at: 8192)
            #expect(first.errno == fault.errno)
            let isRight = first.errno != 0 || first.bytes == Array(Self.image[8192..<12288])
            #expect(isRight)
            #expect(run.now <= .seconds(10))
            // Whatever was left on the wire must not be taken for the answer to this.
            let second = await Self.read(kernel, at: 65536)
            let isShutDown = fault.actions == [.special("shutdown", 0)]
            #expect(second.errno == (fault.link == .dies || isShutDown ? EIO : 0))
            let isSecondRight = second.errno != 0 || second.bytes == Array(Self.image[65536..<69632])
            #expect(isSecondRight)
            #expect(try await kernel.status(of: "nbd0").liveConnections == (fault.link == .dies ? 0 : 1))
            #expect(faults.fired > 0)
        }
    }

    static let pairs: [[FaultAction]] = {
        let single: [FaultAction] = [
            .drop, .duplicate, .reorder(behind: 1), .short(byteCount: 1), .short(byteCount: 512),
            .short(byteCount: 4096 + 16), .slice(byteCount: 17), .close(afterBytes: 17),
            .reset(afterBytes: 17), .status(5), .special("wrong-cookie", 0), .special("bad-magic", 0),
            .special("error-with-payload", 5), .special("extra-bytes", 16), .special("half-close", 17),
        ]
        return single.flatMap { first in single.filter { $0 != first }.map { [first, $0] } }
    }()

    @Test(arguments: pairs) func `two faults on one reply never make other bytes of it`(_ pair: [FaultAction])
        throws
    {
        let faults = PlannedFaults([
            PlannedFaults.Rule(layer: .nbdSocket, operation: "read", occurrences: 0..<1, actions: pair)
        ])
        try Self.run(faults) { run, kernel async throws in
            for offset in [8192, 65536] {
                let (errno, bytes) = await Self.read(kernel, at: UInt64(offset))
                #expect(errno == EIO || bytes == Array(Self.image[offset..<offset + 4096]))
            }
            #expect(faults.fired > 0)
        }
    }

    @Test(arguments: [
        FaultAction.Corruption.bitFlip(bit: 12345), .zero(at: 1024), .swap(0, 3), .shift(byteCount: 512),
        .stale,
    ])
    func `wrong data that looks right reaches the reader, once`(corruption: FaultAction.Corruption) throws {
        let faults = PlannedFaults(.nbdSocket, "read", 0..<1, .corrupt(corruption))
        try Self.run(faults) { run, kernel async throws in
            var expected = Array(Self.image[8192..<12288])
            switch corruption {
            case .bitFlip(let bit): expected[bit / 8] ^= 1 << (bit % 8)
            case .zero(let start):
                expected.replaceSubrange(start..<start + 512, with: repeatElement(0, count: 512))
            case .swap(let one, let other):
                for index in 0..<512 { expected.swapAt(one * 512 + index, other * 512 + index) }
            case .shift(let byteCount): expected = Array(Self.image[8192 + byteCount..<12288 + byteCount])
            case .stale: break
            }
            let found = await Self.read(kernel, at: 8192)
            let isAsPlanned = found.bytes == expected
            #expect(found.errno == 0 && isAsPlanned)
            try await kernel.dropCache(of: "nbd0")
            let again = await Self.read(kernel, at: 8192).bytes == Array(Self.image[8192..<12288])
            #expect(again)
        }
    }

    @Test func `a reply that lets others pass goes to its own request`() throws {
        let faults = PlannedFaults(.nbdSocket, "read", 0..<1, .reorder(behind: 2))
        try Self.run(faults) { run, kernel async throws in
            let readers = (0..<4).map { number in
                run.spawn("reader \(number)") {
                    let offset = UInt64(number) * 131_072
                    let found = await Self.read(kernel, at: offset)
                    let isRight = found.bytes == Array(Self.image[Int(offset)..<Int(offset) + 4096])
                    #expect(found.errno == 0 && isRight)
                }
            }
            for reader in readers { await reader.finished() }
            #expect(try await kernel.status(of: "nbd0").liveConnections == 1)
        }
    }
}

/// Changes that a server says it made.
struct WriteFaultTests {
    static let old = [UInt8](repeating: 1, count: 4096)
    static let new = [UInt8](repeating: 2, count: 4096)

    struct Case: Sendable, CustomTestStringConvertible {
        var action: FaultAction
        var error: UInt32
        /// By sector of the write, what is there now: 1 before, 2 after.
        var seen: [UInt8]
        /// The same for what a crash would leave of a forced write.
        var durable: [UInt8]
        var testDescription: String { "\(action)" }

        init(_ action: FaultAction, _ error: UInt32, _ seen: [UInt8], _ durable: [UInt8]) {
            (self.action, self.error, self.seen, self.durable) = (action, error, seen, durable)
        }
    }

    private static func all(_ byte: UInt8) -> [UInt8] { Array(repeating: byte, count: 8) }

    static let cases: [Case] = [
        Case(.delay(.seconds(1)), 0, all(2), all(2)),
        Case(.pretend, 0, all(1), all(1)),
        Case(.fail(errno: ENOSPC), 28, all(1), all(1)),
        Case(.status(75), 75, all(1), all(1)),
        Case(.failAfterwards(errno: EIO), 5, all(2), all(2)),
        Case(.torn(sectors: 0b1010_0101), 0, [2, 1, 2, 1, 1, 2, 1, 2], [2, 1, 2, 1, 1, 2, 1, 2]),
        Case(.special("ignore-fua", 0), 0, all(2), all(1)),
        Case(.corrupt(.zero(at: 512)), 0, [2, 0, 2, 2, 2, 2, 2, 2], [2, 0, 2, 2, 2, 2, 2, 2]),
    ]

    @Test(arguments: cases) func `a forced write is done as far as the fault lets it`(_ fault: Case) throws {
        let faults = PlannedFaults(.nbdSocket, "write", 0..<1, fault.action)
        try NetworkRun.run(faults: faults) { run async throws in
            let base = MemoryStore([UInt8](repeating: 1, count: 65536), isReadOnly: true)
            let store = FaultyStore(base, name: "disk", clock: run.simulation.clock)
            let exports = MemoryExportServer(run.surroundings)
            let export = try await exports.serve(store, for: "Slot_0")
            let client = try await NBDClient(try await export.connect())
            let error = try await client.call(
                .write, at: 8192, 4096, flags: .forceUnitAccess, payload: Self.new)
            #expect(error == fault.error)
            func sectors(_ bytes: [UInt8]) -> [UInt8] { (0..<8).map { bytes[$0 * 512] } }
            #expect(sectors(try await client.read(4096, at: 8192)) == fault.seen)
            #expect(sectors(try await store.durableContents(at: 8192, byteCount: 4096)) == fault.durable)
            await export.stop()
        }
    }

    @Test func `a flush that is only pretended loses what a crash may lose`() throws {
        let faults = PlannedFaults(.nbdSocket, "flush", 0..<1, .pretend)
        try NetworkRun.run(faults: faults) { run async throws in
            let base = MemoryStore([UInt8](repeating: 1, count: 65536), isReadOnly: true)
            let store = FaultyStore(base, name: "disk", clock: run.simulation.clock)
            let exports = MemoryExportServer(run.surroundings)
            let export = try await exports.serve(store, for: "Slot_0")
            let client = try await NBDClient(try await export.connect())
            for isKept in [false, true] {
                #expect(try await client.call(.write, at: 0, 4096, payload: Self.new) == 0)
                #expect(try await client.call(.flush) == 0)
                store.crash()
                #expect(try await client.read(4096, at: 0) == (isKept ? Self.new : Self.old))
            }
            await export.stop()
        }
    }

    @Test(arguments: [true, false])
    func `stale data is what was there before the last write`(isFaultyStore: Bool) throws {
        let faults = PlannedFaults(.nbdSocket, "read", 1..<2, .corrupt(.stale))
        try NetworkRun.run(faults: faults) { run async throws in
            let plain = MemoryStore([UInt8](repeating: 1, count: 65536))
            let store: any BlockStore =
                isFaultyStore ? FaultyStore(plain, name: "disk", clock: run.simulation.clock) : plain
            let exports = MemoryExportServer(run.surroundings)
            let export = try await exports.serve(store, for: "Slot_0")
            let client = try await NBDClient(try await export.connect())
            #expect(try await client.call(.write, at: 512, 4096, payload: Self.new) == 0)
            #expect(try await client.read(1024, at: 0) == [1, 2].flatMap { repeatElement($0, count: 512) })
            #expect(try await client.read(1024, at: 0) == [UInt8](repeating: 1, count: 1024))
            await export.stop()
        }
    }
}
