import FaultPoints
import Testing

struct FaultTableTests {
    static let table =
        FaultTable(.configfs, ["write", "mkdir"], ["delay", "lie-value", "vanish"])
        + FaultTable(.configfs, ["write"], ["short", "delay"]) + FaultTable(.uevent, ["change"], ["drop"])

    @Test func `a table is every action on every operation of its rows, each once`() {
        #expect(
            Self.table.entries.map { "\($0.layer) \($0.operation) \($0.action)" } == [
                "configfs write delay", "configfs write lie-value", "configfs write vanish",
                "configfs mkdir delay", "configfs mkdir lie-value", "configfs mkdir vanish",
                "configfs write short", "uevent change drop",
            ])
    }

    @Test(arguments: [
        (FaultAction.short(byteCount: 3), "write", FaultLayer.configfs, true),
        (.short(byteCount: 3), "mkdir", .configfs, false), (.drop, "change", .uevent, true),
        (.drop, "change", .configfs, false), (.lie(field: "value", value: 1), "mkdir", .configfs, true),
        (.lie(field: "size", value: 1), "mkdir", .configfs, false),
        (.special("vanish", 0), "write", .configfs, true), (.special("other", 0), "write", .configfs, false),
    ])
    func `what is in the table is carried out`(
        action: FaultAction, operation: String, layer: FaultLayer, isIn: Bool
    ) {
        #expect(Self.table.carriesOut(action, on: operation, of: layer) == isIn)
    }

    @Test func `what is not in the table traps, and says what it was`() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            FaultTableTests.table.check([.drop], on: "write", of: .configfs)
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains(#"configfs does not carry out "drop" on "write""#))
    }

    @Test func `an injector made of a closure passes the occasion on`() {
        let injector = InjectorOf { $0.target == "a" ? [.drop] : [] }
        #expect(injector.meet(FaultOccasion(.uevent, "change", on: "a", at: .zero)) == [.drop])
        #expect(injector.meet(FaultOccasion(.uevent, "change", on: "b", at: .zero)).isEmpty)
    }
}
