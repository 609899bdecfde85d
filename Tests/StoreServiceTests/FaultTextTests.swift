import FaultPlan
import FaultPoints
import FaultyFiles
import SimulatedTime
import Testing

@testable import StoreService

struct FaultTextTests {
    static let stall = Fault("store.stall", select: Selector(target: "*.iso"), trigger: .nth(3))

    @Test(arguments: [
        #"{"kind": "store.stall", "select": {"target": "*.iso"}, "trigger": "nth 3"}"#,
        #"[{"kind": "store.stall", "select": {"target": "*.iso"}, "trigger": "nth 3"}]"#,
        #"{"faults": [{"kind": "store.stall", "select": {"target": "*.iso"}, "trigger": "nth 3"}]}"#,
        "- kind: store.stall\n  select: {target: '*.iso'}\n  trigger: nth 3\n",
        "kind: store.stall\nselect:\n  target: '*.iso'\ntrigger: nth 3\n",
        "seed: 7\nfaults:\n- kind: store.stall\n  select: {target: '*.iso'}\n  trigger: nth 3\n",
    ])
    func `one fault, a list and a plan are read, as JSON and as YAML`(text: String) throws {
        #expect(try FaultText.parse(text) == [Self.stall])
    }

    @Test(arguments: [
        ("[{\"kind\": 3}]", "kind"), ("{\"kind\": \"store.errno\", \"tigger\": \"nth 1\"}", "tigger"),
        ("- kind: store.errno\n  trigger: nth x\n", "trigger"), ("[1, 2]", "1"), ("{", "faults"),
        ("- trigger: nth 1\n", "kind"), ("just words", "faults"),
    ])
    func `what is wrong is named`(text: String, word: String) {
        let error = #expect(throws: StoreFailure.self) { try FaultText.parse(text) }
        #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        ("code", "http.status", "503", ParameterValue.integer(503)), ("code", "http.redirect", "307", "307"),
        ("errno", "store.errno", "EIO", "EIO"), ("latency", "store.latency", "50ms", "50ms"),
        ("what", "store.what", "7", 7),
    ])
    func `a typed value becomes what the parameter wants`(
        name: String, kind: String, text: String, value: ParameterValue
    ) {
        #expect(FaultText.value(text, for: name, of: kind) == value)
    }

    @Test func `nothing is no fault, and too much is refused`() throws {
        #expect(try FaultText.parse(" \n") == [])
        let text = String(repeating: " ", count: FaultText.maximumBytes + 1)
        #expect(throws: StoreFailure.self) { try FaultText.parse(text) }
    }
}

struct FaultBookTests {
    static func book(_ faults: [Fault] = []) throws -> FaultBook {
        try FaultBook(faults, seed: 1) { _ in false }
    }

    /// So that no fault a user may add can trap.
    @Test func `every action of every kind on offer is carried out on every operation it meets`() throws {
        #expect(FaultBook.kinds.count > 15)
        var streams = RandomStreams(seed: 1).stream("test")
        for kind in FaultBook.kinds {
            var parameters: [String: ParameterValue] = [:]
            for rule in kind.parameters {
                parameters[rule.name] = rule.standard ?? Self.sample(rule.form)
            }
            let fault = Fault(kind.name, parameters)
            let (_, checked) = try FaultCatalogue.standard.check(fault)
            let table = try #require(FaultBook.carriedOut[kind.metIn])
            let all = table.entries.map(\.operation)
            for operation in kind.operations.isEmpty ? all : kind.operations {
                let occasion = FaultOccasion(kind.metIn, operation, on: "x", bytes: 0..<4096, at: .zero)
                for action in kind.actions(checked, occasion, &streams) {
                    #expect(
                        table.carriesOut(action, on: operation, of: kind.metIn),
                        "\(kind.name) on \(operation)")
                }
            }
        }
    }

    /// The least that a parameter may be.
    static func sample(_ form: ParameterRule.Form) -> ParameterValue {
        switch form {
        case .flag: .flag(true)
        case .integer(let range): .integer(range.lowerBound)
        case .number(let range): .number(range.lowerBound)
        case .text: .text("x")
        case .choice(let words): .text(words[0])
        case .duration(let range): .duration(range.lowerBound)
        case .latency: .text("5ms")
        case .errno: .text("EIO")
        case .sense: .text("03/11/00")
        case .integers(let range): .list([.integer(range.lowerBound)])
        case .texts: .list([.text("x")])
        }
    }

    @Test(arguments: [
        (Fault("store.nonsense"), "store.nonsense"), (Fault("store.errno", ["errno": "EWHAT"]), "EWHAT"),
        (Fault("store.latency"), "latency"),
        (Fault("store.errno", trigger: .onEvent("x", count: 1)), "trigger"),
        (Fault("store.short-read", select: Selector(operations: ["lookup"])), "lookup"),
    ])
    func `a fault that cannot be is refused with a reason`(fault: Fault, word: String) throws {
        let book = try Self.book()
        let error = #expect(throws: StoreFailure.self) { try book.add(fault, at: .zero) }
        #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
        #expect(book.entries.isEmpty)
    }

    @Test func `faults fire, are counted, and are gone once they are removed`() throws {
        let book = try Self.book([Fault("store.errno", identifier: "bad", trigger: .every(2, offset: 0))])
        let occasion = FaultOccasion(.store, "read", on: "disk.img", bytes: 0..<512, at: .zero)
        let met = (0..<6).map { _ in book.meet(occasion) }
        #expect(met.map(\.count) == [0, 1, 0, 1, 0, 1] && met[1] == [.fail(errno: 5)])
        #expect(book.entries.first?.fired == 3 && book.entries.first?.matched == 6)
        #expect(book.remove("bad", at: .zero) && !book.remove("bad", at: .zero))
        #expect(book.meet(occasion).isEmpty)
        #expect(book.fired.map(\.count) == [3])
    }
}
