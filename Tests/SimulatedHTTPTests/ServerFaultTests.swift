import BlockStorage
import Certificates
import FaultPoints
import RemoteImages
import SimulatedHTTP
import SimulatedTime
import Synchronization
import TestSupport
import Testing
import VirtualMedia

/// Every fault of the table is carried out, and is seen for what it is.
struct ServerFaultTests {
    enum Effect: Equatable, Sendable {
        case opening(ImageError.Cause)
        /// The read fails, with these words.
        case reading(String)
        /// All is right.
        case tolerated
        /// All is right, but not before this.
        case later(Duration)
        /// The read gives other bytes than the image has.
        case wrongBytes
        /// The image seems to have this size.
        case size(UInt64)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let layer: FaultLayer
        let operation: String
        let actions: [FaultAction]
        let effect: Effect
        /// Operations that are left alone first; opening has one of each.
        var skipped = 0
        var times = Int.max
        var validators = ImageValidators.entityTagAndDate

        var testDescription: String { "\(layer) \(operation) \(actions)" }
    }

    static let image = TemporaryFolder.pattern(1_000_000, seed: 3)
    static let two = Duration.seconds(2)

    static func row(
        _ layer: FaultLayer, _ operation: String, _ actions: FaultAction..., effect: Effect, skipped: Int = 0,
        times: Int = .max, validators: ImageValidators = .entityTagAndDate
    ) -> Row {
        Row(
            layer: layer, operation: operation, actions: actions, effect: effect, skipped: skipped,
            times: times, validators: validators)
    }

    static func special(_ word: String, _ number: Int64 = 0) -> FaultAction { .special(word, number) }

    static let rows = network + tls + answers + heads + bodies + corruptions + store

    static let network: [Row] = [
        row(.network, "resolve", .delay(two), effect: .later(two)),
        row(.network, "resolve", .hold(FaultHold()), effect: .opening(.timedOut)),
        row(.network, "resolve", special("nxdomain"), effect: .opening(.hostNotFound)),
        row(.network, "resolve", special("servfail"), effect: .opening(.hostNotFound)),
        row(.network, "connect", .delay(two), effect: .later(two)),
        row(.network, "connect", .hold(FaultHold()), effect: .opening(.timedOut)),
        row(.network, "connect", .drop, effect: .opening(.timedOut)),
        row(.network, "connect", .fail(errno: 111), effect: .opening(.connectionRefused)),
        row(.network, "connect", .fail(errno: 113), effect: .opening(.unreachable)),
        row(.network, "connect", .fail(errno: 110), effect: .opening(.timedOut)),
        row(.network, "connect", .reset(afterBytes: 0), effect: .opening(.tlsFailed)),
        row(.network, "connect", .reset(afterBytes: 1000), effect: .reading("ended before")),
        row(.network, "connect", .close(afterBytes: 1000), effect: .reading("ended before")),
        row(.network, "connect", .bandwidth(bytesPerSecond: 100_000), effect: .later(two)),
        row(.network, "send", .delay(two), effect: .later(two)),
        row(.network, "send", .hold(FaultHold()), effect: .opening(.timedOut)),
        row(.network, "send", .bandwidth(bytesPerSecond: 50), effect: .later(two)),
        row(.network, "send", .slice(byteCount: 1), effect: .tolerated),
        row(.network, "send", .reset(afterBytes: 0), effect: .opening(.truncated)),
        row(.network, "receive", .delay(two), effect: .later(two), times: 1),
        row(.network, "receive", .hold(FaultHold()), effect: .opening(.timedOut)),
        row(.network, "receive", .bandwidth(bytesPerSecond: 100_000), effect: .later(two)),
        row(.network, "receive", .slice(byteCount: 100), effect: .tolerated),
        row(.network, "receive", .reset(afterBytes: 20), effect: .opening(.truncated)),
    ]

    static let tls: [Row] =
        [
            row(.tls, "handshake", .delay(two), effect: .later(two)),
            row(.tls, "handshake", .hold(FaultHold()), effect: .opening(.timedOut)),
            row(.tls, "handshake", .drop, effect: .opening(.timedOut)),
            row(.tls, "handshake", .close(afterBytes: 0), effect: .opening(.tlsFailed)),
            row(.tls, "handshake", .reset(afterBytes: 0), effect: .opening(.tlsFailed)),
            row(.tls, "close", .drop, effect: .tolerated),
            row(.tls, "close", .close(afterBytes: 10), effect: .opening(.truncated)),
            row(.tls, "close", .close(afterBytes: 5000), effect: .reading("ended before")),
        ]
        + ["expired", "not-yet-valid", "wrong-host", "unknown-ca", "self-signed", "weak"].map {
            row(.tls, "handshake", special($0), effect: .opening(.untrustedCertificate))
        }
        + ["old-version", "client-cert", "alert"].map {
            row(.tls, "handshake", special($0), effect: .opening(.tlsFailed))
        }

    static let answers: [Row] = [
        row(.http, "get", .delay(two), effect: .later(two)),
        row(.http, "get", .hold(FaultHold()), effect: .opening(.timedOut)),
        row(.http, "get", .drop, effect: .opening(.timedOut)),
        row(.http, "get", .close(afterBytes: 5), effect: .opening(.truncated)),
        row(.http, "get", .reset(afterBytes: 5), effect: .opening(.truncated)),
        row(.http, "get", .reset(afterBytes: 0), effect: .tolerated, skipped: 1, times: 1),
        row(.http, "get", .status(403), effect: .opening(.forbidden)),
        row(.http, "get", .status(410), effect: .reading("410"), skipped: 1),
        row(.http, "get", .status(503), special("retry-after", 3), effect: .later(.seconds(3)), times: 1),
        row(.http, "get", special("unauthorized"), effect: .opening(.wrongCredentials)),
        row(.http, "get", special("redirect", 307), effect: .opening(.redirected)),
        row(.http, "get", special("length-missing"), effect: .tolerated),
        row(.http, "get", special("chunked"), effect: .tolerated),
        row(.http, "get", .lie(field: "size", value: 0), effect: .opening(.wrongLength)),
        row(.http, "get", .lie(field: "size", value: 500_000), effect: .size(500_000)),
        row(.http, "get", .lie(field: "content-length", value: 7), effect: .opening(.wrongLength)),
        row(.http, "get", .lie(field: "etag", value: 1), effect: .reading("changed"), skipped: 1),
        row(
            .http, "get", .lie(field: "last-modified", value: 784_111_777), effect: .reading("Last-Modified"),
            skipped: 1, validators: .dateOnly),
        row(.http, "get", special("connection-close"), effect: .tolerated),
        row(.http, "get", special("oversized-head", 70_000), effect: .opening(.serverError)),
    ]

    /// Asked only because the first answer leaves the size open.
    static let heads: [Row] = [
        row(.http, "head", .delay(two), effect: .later(two)),
        row(.http, "head", .hold(FaultHold()), effect: .opening(.timedOut)),
        row(.http, "head", .drop, effect: .opening(.timedOut)),
        row(.http, "head", .close(afterBytes: 5), effect: .opening(.truncated)),
        row(.http, "head", .reset(afterBytes: 5), effect: .opening(.truncated)),
        row(.http, "head", .status(500), effect: .opening(.lengthUnknown)),
        row(.http, "head", .status(503), special("retry-after", 1), effect: .opening(.lengthUnknown)),
        row(.http, "head", special("unauthorized"), effect: .opening(.lengthUnknown)),
        row(.http, "head", special("redirect"), effect: .opening(.lengthUnknown)),
        row(.http, "head", special("head-refused", 501), effect: .opening(.lengthUnknown)),
        row(.http, "head", special("length-missing"), effect: .opening(.lengthUnknown)),
        row(.http, "head", special("chunked"), effect: .opening(.lengthUnknown)),
        row(.http, "head", .lie(field: "size", value: 5), effect: .size(5)),
        row(.http, "head", .lie(field: "content-length", value: 6), effect: .size(6)),
        row(.http, "head", .lie(field: "etag", value: 6), effect: .tolerated),
        row(.http, "head", .lie(field: "last-modified", value: 6), effect: .tolerated),
        row(.http, "head", special("connection-close"), effect: .tolerated),
        row(.http, "head", special("oversized-head", 70_000), effect: .opening(.serverError)),
    ]

    static let bodies: [Row] = [
        row(.http, "get", .short(byteCount: 1), effect: .opening(.truncated)),
        row(.http, "get", .short(byteCount: 512), effect: .reading("ended before"), skipped: 1),
        row(.http, "get", special("overlong", 5), effect: .tolerated),
        row(.http, "get", special("chunked"), special("overlong", 5), effect: .opening(.wrongLength)),
        row(.http, "get", special("stall-after", 0), effect: .opening(.timedOut)),
        row(.http, "get", special("stall-after", 70_000), effect: .later(.seconds(8)), skipped: 1, times: 1),
        row(.http, "get", .slice(byteCount: 1000), effect: .tolerated),
        row(.http, "get", .bandwidth(bytesPerSecond: 100_000), effect: .later(two)),
        // A byte now and then is no silence, but the request has its own limit.
        row(
            .http, "get", .bandwidth(bytesPerSecond: 100), effect: .reading("no complete answer"), skipped: 1),
        row(.http, "get", special("range-ignored"), effect: .opening(.rangeNotSupported)),
        row(.http, "get", special("no-content-range"), effect: .opening(.wrongLength)),
        row(.http, "get", special("multipart"), effect: .opening(.wrongLength)),
        row(.http, "get", special("gzip"), effect: .opening(.rangeNotSupported)),
        row(.http, "get", .lie(field: "content-range", value: 512), effect: .opening(.wrongLength)),
        row(.http, "get", .lie(field: "content-range-start", value: 9), effect: .opening(.wrongLength)),
        row(.http, "get", .lie(field: "content-range-total", value: 500_000), effect: .size(500_000)),
        row(
            .http, "get", .lie(field: "content-range-total", value: 2_000_000),
            effect: .reading("its size was"),
            skipped: 1),
    ]

    static let corruptions: [Row] = [
        FaultAction.Corruption.bitFlip(bit: 8_000_003), .zero(at: 1024), .stale, .swap(3, 900),
        .shift(byteCount: 512),
    ].flatMap { corruption in
        [
            row(.http, "get", .corrupt(corruption), effect: .wrongBytes, skipped: 1),
            row(.store, "read", .corrupt(corruption), effect: .wrongBytes, skipped: 1),
        ]
    }

    static let store: [Row] =
        ["open", "getattr", "read"].flatMap { operation in
            [
                row(.store, operation, .delay(two), effect: .later(two)),
                row(.store, operation, .hold(FaultHold()), effect: .opening(.timedOut)),
                row(.store, operation, .fail(errno: 4), effect: .tolerated, times: 3),
                row(.store, operation, special("uninterruptible", 2000), effect: .later(two)),
                row(.store, operation, special("crash-before", 0), effect: .opening(.truncated)),
                row(.store, operation, special("crash-after", 0), effect: .tolerated, times: 1),
            ]
        }
        + ["open", "getattr"].flatMap { operation in
            [
                row(.store, operation, .fail(errno: 5), effect: .opening(.serverError)),
                row(.store, operation, .fail(errno: 2), effect: .opening(.notFound)),
                row(.store, operation, .fail(errno: 13), effect: .opening(.forbidden)),
                row(.store, operation, special("replace", 1), effect: .reading("changed"), skipped: 1),
                row(.store, operation, special("truncate", 100), effect: .reading("changed"), skipped: 1),
                row(.store, operation, special("grow", 2_000_000), effect: .reading("changed"), skipped: 1),
                row(.store, operation, .lie(field: "size", value: 500_000), effect: .size(500_000)),
                row(
                    .store, operation, .lie(field: "mtime", value: 1_800_000_000),
                    effect: .reading("changed"),
                    skipped: 1, validators: .dateOnly),
            ]
        }
        + [
            row(.store, "read", .fail(errno: 5), effect: .opening(.truncated)),
            row(.store, "read", .fail(errno: 5), effect: .tolerated, skipped: 1, times: 1),
            row(.store, "read", .short(byteCount: 100), effect: .tolerated, skipped: 1),
            row(.store, "read", .torn(sectors: 0x5555), effect: .wrongBytes, skipped: 1),
            row(.store, "read", .bandwidth(bytesPerSecond: 100_000), effect: .later(two)),
            // An open file that is replaced is still the old one; one that is cut off is not.
            row(.store, "read", special("replace", 1), effect: .tolerated, skipped: 1),
            row(.store, "read", special("grow", 2_000_000), effect: .tolerated, skipped: 1),
            row(.store, "read", special("truncate", 100), effect: .reading("changed"), skipped: 1),
        ]

    /// Does the row's actions to its operation, and counts.
    final class Injector: FaultInjector {
        let row: Row
        private let state = Mutex<(met: Int, done: Int)>((0, 0))

        init(_ row: Row) { self.row = row }

        var done: Int { state.withLock { $0.done } }

        func meet(_ occasion: FaultOccasion) -> [FaultAction] {
            if row.operation == "head", occasion.layer == .http, occasion.operation == "get" {
                return [.special("length-missing", 0)]
            }
            guard occasion.layer == row.layer, occasion.operation == row.operation else { return [] }
            return state.withLock { state in
                state.met += 1
                guard state.met > row.skipped, state.done < row.times else { return [] }
                state.done += 1
                return row.actions
            }
        }
    }

    @Test(arguments: rows)
    func `a fault has its effect`(row: Row) throws {
        let injector = Injector(row)
        let effect = try Simulation(seed: 1).run { simulation in
            let fixture = SimulatedImageServerTests.fixture(
                simulation, image: Self.image, validators: row.validators, faults: injector,
                network: ServerNetwork(roundTrip: .milliseconds(2)))
            return await Self.effect(of: row, fixture)
        }
        #expect(effect == row.effect)
        #expect(injector.done > 0, "the fault never came about")
    }

    private static func effect(of row: Row, _ fixture: SimulatedFixture) async -> Effect {
        let store: any BlockStore
        do throws(ImageError) { store = try await fixture.open() } catch { return .opening(error.cause) }
        guard store.byteCount == UInt64(image.count) else {
            await store.close()
            return .size(store.byteCount)
        }
        let effect: Effect
        do throws(StorageError) {
            let bytes = try await store.read(image.count, at: 0)
            if bytes != image {
                effect = .wrongBytes
            } else if case .later(let time) = row.effect {
                effect = fixture.simulation.clock.now >= time ? row.effect : .tolerated
            } else {
                effect = .tolerated
            }
        } catch {
            if case .reading(let words) = row.effect, error.message.contains(words) {
                effect = row.effect
            } else {
                effect = .reading(error.message)
            }
        }
        await store.close()
        return effect
    }

    @Test func `every fault of the table is tried, and no other`() {
        var tried = FaultTable()
        for row in Self.rows {
            tried = tried + FaultTable(row.layer, [row.operation], row.actions.map(\.word))
        }
        let (tested, promised) = (Set(tried.entries), Set(SimulatedImageServer.carriedOut.entries))
        #expect(promised.subtracting(tested).isEmpty)
        #expect(tested.subtracting(promised).isEmpty)
    }

    // MARK: Mixtures

    /// Draws what happens to each operation.
    final class Mixture: FaultInjector {
        private let random: Mutex<RandomStream>
        private let actions: [FaultTable.Entry: FaultAction]
        let met = Counter()

        init(_ random: RandomStream) {
            self.random = Mutex(random)
            var actions: [FaultTable.Entry: FaultAction] = [:]
            for row in ServerFaultTests.rows where row.effect != .wrongBytes {
                for action in row.actions {
                    actions[FaultTable.Entry(row.layer, row.operation, action.word)] = action
                }
            }
            self.actions = actions
        }

        func meet(_ occasion: FaultOccasion) -> [FaultAction] {
            let drawn = random.withLock { random -> FaultTable.Entry? in
                guard Int.random(in: 0..<12, using: &random) == 0 else { return nil }
                let entries = SimulatedImageServer.carriedOut.entries.filter {
                    $0.layer == occasion.layer && $0.operation == occasion.operation
                }
                return entries.randomElement(using: &random)
            }
            guard let drawn, let action = actions[drawn] else { return [] }
            met.count()
            return [action]
        }
    }

    final class Counter: Sendable {
        private let value = Mutex(0)
        func count() { value.withLock { $0 += 1 } }
        var total: Int { value.withLock { $0 } }
    }

    /// Whatever goes wrong: what is read is what the image held when it was opened, and the same seed
    /// gives the same run.
    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func `a mixture of faults gives errors in time but no wrong byte`(seed: UInt64) throws {
        func run() throws -> (UInt64, Int) {
            let simulation = Simulation(seed: seed, isOrderDrawn: true)
            let mixture = Mixture(simulation.random.stream("faults"))
            try simulation.run { simulation in
                let fixture = SimulatedImageServerTests.fixture(
                    simulation, image: Self.image, faults: mixture,
                    network: ServerNetwork(roundTrip: .milliseconds(30), bytesPerSecond: 10_000_000))
                for _ in 0..<4 { await Self.readSome(fixture, seed) }
            }
            #expect(simulation.executor.foreignEnqueues == 0)
            return (simulation.executor.traceHash, mixture.met.total)
        }
        let (first, second) = (try run(), try run())
        #expect(first == second, "seed \(seed)")
    }

    private static func readSome(_ fixture: SimulatedFixture, _ seed: UInt64) async {
        let simulation = fixture.simulation
        let start = simulation.clock.now
        guard let store = try? await fixture.open(timeout: .seconds(10)) else {
            #expect(simulation.clock.now - start <= .seconds(11), "seed \(seed)")
            return
        }
        var random = simulation.random.stream("reader \(start)")
        for _ in 0..<6 where store.byteCount > 10_000 {
            let count = Int.random(in: 1...10_000, using: &random)
            let offset = UInt64.random(in: 0...store.byteCount - UInt64(count), using: &random)
            let began = simulation.clock.now
            let bytes = try? await store.read(count, at: offset)
            simulation.executor.note("read \(offset) \(count) \(bytes == nil)")
            #expect(simulation.clock.now - began <= .seconds(21), "seed \(seed)")
            guard let bytes else { continue }
            let holders =
                (try? await fixture.server.archive.generations(of: "/disk.img", holding: bytes, at: offset))
                ?? []
            #expect(!holders.isEmpty, "seed \(seed): bytes of no generation at \(offset)")
        }
        await store.close()
    }
}
