import FaultPoints
import FaultyFiles
import Foundation
import MessageBus
import SimulatedBMC
import SimulatedHTTP
import SimulatedNetwork
import Testing

@testable import FaultPlan

struct CatalogueTests {
    static let kinds = FaultCatalogue.standard.kinds
    static let met = kinds.filter { $0.manner == .met }

    /// What the rooms of each world carry out.
    static let tables: [FaultWorld: [FaultTable]] = [
        .sim: [
            SimulatedKernel.carriedOut, MessageBus.carriedOut, SimulatedImageServer.carriedOut,
            NetworkFaults.carriedOut, FaultyStore.carriedOut,
        ],
        .store: [StoreFaults.carriedOut],
        .emulated: [SimulatedKernel.carriedOut, MessageBus.carriedOut, StoreFaults.carriedOut],
    ]

    /// Parameters that will do: each choice once, and everything that is optional.
    static func samples(_ kind: FaultKind) -> [[String: ParameterValue]] {
        var samples: [[String: ParameterValue]] = [[:]]
        for rule in kind.parameters where rule.name != "at" {
            let values: [ParameterValue] =
                switch rule.form {
                case .choice(let words): words.map { .text($0) }
                case .flag: [true, false]
                case .integer(let range): [.integer(min(max(range.lowerBound, 600), range.upperBound))]
                case .number(let range): [.number(range.upperBound)]
                case .text: ["text"]
                case .duration(let range): [.duration(max(range.lowerBound, .seconds(1)))]
                case .latency: ["uniform 1ms 5ms"]
                case .errno: ["EIO"]
                case .sense: ["unrecovered-read"]
                case .integers(let range): [[.integer(range.lowerBound)]]
                case .texts: [["text"]]
                }
            samples = samples.flatMap { sample in
                values.map { value in sample.merging([rule.name: value]) { $1 } }
            }
        }
        return samples
    }

    static func occasion(_ kind: FaultKind, _ operation: String) -> FaultOccasion {
        FaultOccasion(
            kind.metIn, operation, on: "x", slot: "Slot_0", connection: 0, direction: .down,
            bytes: 4096..<8192, at: .seconds(1))
    }

    @Test(arguments: kinds.map(\.name))
    func `every fault can be planned, and fires`(name: String) throws {
        let kind = try #require(FaultCatalogue.standard[name])
        #expect(name.wholeMatch(of: /[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*/) != nil)
        #expect(!kind.effect.isEmpty && !kind.expected.isEmpty && !kind.codes.isEmpty && !kind.worlds.isEmpty)
        #expect(kind.operations.isEmpty == (kind.manner != .met))
        for sample in Self.samples(kind) {
            let fixture = try EngineFixture(Fault(name, sample))
            for operation in kind.operations {
                #expect(
                    !fixture.engine.meet(Self.occasion(kind, operation)).isEmpty, "\(sample) \(operation)")
            }
            fixture.engine.strikes(dueAt: .zero)
            #expect(!fixture.engine.isVacuous)
            fixture.engine.heal(at: .seconds(2))
            #expect(fixture.strikes.count == (kind.manner == .met ? 0 : kind.manner == .struck ? 1 : 2))
        }
    }

    @Test(arguments: kinds.map(\.name))
    func `a fault without what it needs is refused`(name: String) throws {
        let kind = try #require(FaultCatalogue.standard[name])
        let sample = Self.samples(kind)[0]
        for rule in kind.parameters where rule.standard == nil && !rule.isOptional {
            var incomplete = sample
            incomplete[rule.name] = nil
            #expect(
                throws: FaultPlanError.missingParameter(
                    fault: name, kind: name, name: rule.name, form: rule.form)
            ) { try FaultCatalogue.standard.check(Fault(name, incomplete)) }
        }
        for rule in kind.parameters {
            if let standard = rule.standard { #expect(rule.normalise(standard) != nil, "\(rule.name)") }
            guard rule.form != .text else { continue }
            let wrong = sample.merging([rule.name: "no such value"]) { $1 }
            #expect(throws: FaultPlanError.self) { try FaultCatalogue.standard.check(Fault(name, wrong)) }
        }
    }

    @Test func `names are unique, and the layers stand in the order of the path`() {
        #expect(Set(Self.kinds.map(\.name)).count == Self.kinds.count)
        #expect(Self.kinds.count >= 150)
        for layer in FaultLayer.allCases {
            #expect(!FaultCatalogue.standard.kinds(of: layer).isEmpty, "\(layer)")
        }
    }

    /// Every group of the list of faults, and every number of the groups that have numbers.
    static let codes =
        (1...17).map { "HT" + ($0 < 10 ? "0" : "") + "\($0)" }
        + (1...8).map { "CF0\($0)" }
        + ["TL", "NB", "BD", "UD", "CG", "DB", "US", "HO", "PR", "CK", "RS", "PW", "NW", "LL"]

    @Test(arguments: codes)
    func `every entry of the list of faults has a fault`(code: String) {
        #expect(Self.kinds.contains { $0.codes.contains(code) })
    }

    /// A room traps on an action that it does not carry out, so a fault must fit each room that it may
    /// meet in its worlds, and one at least in each.
    @Test(arguments: met.map(\.name), [FaultWorld.sim, .store, .emulated])
    func `what a fault does is carried out wherever it is met`(name: String, world: FaultWorld) throws {
        let kind = try #require(FaultCatalogue.standard[name])
        guard kind.worlds.contains(world) else { return }
        let tables = Self.tables[world, default: []].filter { table in
            table.entries.contains { $0.layer == kind.metIn }
        }
        guard !tables.isEmpty else { return }
        var isMet = false
        for operation in kind.operations {
            for table in tables {
                let isKnown = table.entries.contains { $0.layer == kind.metIn && $0.operation == operation }
                guard isKnown else { continue }
                isMet = true
                for sample in Self.samples(kind) {
                    let engine = try FaultEngine(FaultPlan([Fault(name, sample)]))
                    for action in engine.meet(Self.occasion(kind, operation)) {
                        #expect(
                            table.carriesOut(action, on: operation, of: kind.metIn),
                            "\(action.word) on \(operation)")
                    }
                }
            }
        }
        #expect(isMet, "no room of the \(world.rawValue) world meets it")
    }

    @Test func `the stations of the ladder are faults, and its stalls grow`() {
        #expect(Self.kinds.filter { $0.name.hasPrefix("ladder.") }.count == LatencyLadder.stations.count)
        #expect(LatencyLadder.stalls == LatencyLadder.stalls.sorted())
        #expect(
            LatencyLadder.stalls.first == .milliseconds(100) && LatencyLadder.stalls.last == .seconds(300))
    }

    // MARK: The page

    static func page() throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appendingPathComponent("docs/faults.md"), encoding: .utf8)
    }

    @Test(arguments: kinds.map(\.name))
    func `the page has exactly the row of each fault`(name: String) throws {
        let kind = try #require(FaultCatalogue.standard[name])
        let rows = try Self.page().split(separator: "\n").filter { $0.hasPrefix("| `\(name)` |") }
        #expect(rows == [CatalogueText.row(kind)[...]])
    }

    @Test func `the page's tables are what the command prints`() throws {
        let parts = try Self.page().split(separator: "<!-- The rest is `mediarig faults --markdown`. -->\n\n")
        #expect(parts.count == 2)
        #expect(parts.last.map(String.init) == CatalogueText.markdown(.standard))
    }

    @Test func `the plan on the page is a plan`() throws {
        let page = try Self.page()
        let start = try #require(page.firstRange(of: "```json\n"))
        let text = page[start.upperBound...].prefix { $0 != "`" }
        let plan = try JSONDecoder().decode(FaultPlan.self, from: Data(text.utf8)).resolve(seed: 1)
        #expect(plan.faults.map(\.identifier) == ["f1", "f2", "cable"])
    }

    @Test func `every trigger on the page is one`() throws {
        let rows = try Self.page().split(separator: "\n").drop { $0 != "| trigger | fires |" }
            .dropFirst(2).prefix { $0.hasPrefix("|") }
        #expect(rows.count == 10)
        for row in rows {
            let cell = row.split(separator: "|")[0]
            for text in cell.split(separator: "`").enumerated().filter({ $0.offset % 2 == 1 }).map(\.element)
            {
                #expect(Trigger(String(text)) != nil, "\(text)")
            }
        }
    }
}
