import Testing

@testable import VirtualMedia

/// Every event in every state.
struct SlotMachineTableTests {
    enum EventKind: String, CaseIterable, Sendable {
        case start, mount, unmount, shutDown, done, failed, observed, foreignEnd, hint, tickEarly, tickDue
    }

    /// State, event → state: effects. The driver leaves these steps running: nothing in Ready, `sweep`
    /// in Activating, `observe` in Active, `reconnect` in Recovering, `askEject` in Deactivating.
    static let table = """
        Ready start → Ready: run sweep
        Ready mount → Activating: publish, run sweep
        Ready unmount → Ready: refuse EPERM
        Ready shutDown → Ready:
        Ready done → Ready:
        Ready failed → Ready:
        Ready observed → Ready:
        Ready foreignEnd → Ready:
        Ready hint → Ready:
        Ready tickEarly → Ready:
        Ready tickDue → Ready:
        Activating start → Activating:
        Activating mount → Activating: refuse EBUSY
        Activating unmount → Deactivating: complete mount cancelled, publish, cancel sweep
        Activating shutDown → Deactivating: complete mount cancelled, publish, cancel sweep
        Activating done → Activating: run openImage
        Activating failed → Activating: run openImage
        Activating observed → Activating: run openImage
        Activating foreignEnd → Activating:
        Activating hint → Activating:
        Activating tickEarly → Activating:
        Activating tickDue → Deactivating: publish, cancel sweep
        Active start → Active:
        Active mount → Active: refuse EPERM
        Active unmount → Deactivating: publish, cancel observe
        Active shutDown → Deactivating: publish, cancel observe
        Active done → Active:
        Active failed → Active:
        Active observed → Active: publish
        Active foreignEnd → Active:
        Active hint → Active:
        Active tickEarly → Active:
        Active tickDue → Active: cancel observe
        Recovering start → Recovering:
        Recovering mount → Recovering: refuse EPERM
        Recovering unmount → Deactivating: publish, cancel reconnect
        Recovering shutDown → Deactivating: publish, cancel reconnect
        Recovering done → Active: publish, run observe
        Recovering failed → Recovering: publish
        Recovering observed → Active: publish, run observe
        Recovering foreignEnd → Recovering:
        Recovering hint → Recovering:
        Recovering tickEarly → Recovering:
        Recovering tickDue → Recovering: cancel reconnect, publish
        Deactivating start → Deactivating:
        Deactivating mount → Deactivating: refuse EBUSY
        Deactivating unmount → Deactivating: refuse EBUSY
        Deactivating shutDown → Deactivating:
        Deactivating done → Deactivating: run unbind
        Deactivating failed → Deactivating: run forceEject
        Deactivating observed → Deactivating: run unbind
        Deactivating foreignEnd → Deactivating:
        Deactivating hint → Deactivating:
        Deactivating tickEarly → Deactivating:
        Deactivating tickDue → Deactivating: cancel askEject, run sever
        """

    static let foreign = StepTicket(generation: 99, number: 9999, step: .observe)

    @Test(arguments: SlotMachine.State.allCases, EventKind.allCases)
    func `every event has its effect in every state`(state: SlotMachine.State, event: EventKind) throws {
        let start = "\(state.rawValue) \(event.rawValue) → "
        let expected = try #require(
            Self.table.split(separator: "\n").first { $0.hasPrefix(start) }, "no line for \(start)")
        var driver = SlotMachineDriver.inState(state)
        #expect(driver.machine.state == state)
        let ticket = driver.machine.running?.ticket ?? Self.foreign
        let effects: [SlotMachine.Effect] =
            switch event {
            case .start: driver.send(.start)
            case .mount: driver.send(.mount)
            case .unmount: driver.send(.unmount)
            case .shutDown: driver.send(.shutDown)
            case .done: driver.send(.finished(ticket, .done))
            case .failed: driver.send(.finished(ticket, .failed(SlotFailure(.inputOutput, "broken"))))
            case .observed: driver.send(.finished(ticket, .observed(SlotMachineDriver.healthy)))
            case .foreignEnd: driver.send(.finished(Self.foreign, .done))
            case .hint: driver.send(.hint)
            case .tickEarly: driver.send(.tick)
            case .tickDue: driver.wait()
            }
        let found =
            "\(start)\(driver.machine.state.rawValue): "
            + effects.map(\.summary).joined(separator: ", ")
        #expect(found.trimmingSuffix(" ") == expected.trimmingSuffix(" "))
    }

    @Test func `the table has a line for each state and event and no other`() {
        let lines = Self.table.split(separator: "\n")
        #expect(lines.count == SlotMachine.State.allCases.count * EventKind.allCases.count)
    }
}

extension StringProtocol {
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        var text = String(self)
        while text.last == character { text.removeLast() }
        return text
    }
}
