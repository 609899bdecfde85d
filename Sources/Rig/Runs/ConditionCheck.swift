internal import DBusProtocol
internal import FaultPlan
internal import RunLog
internal import Scenarios
internal import VirtualMedia
internal import Worlds

/// Finds out whether a scenario's condition holds at this moment.
struct ConditionCheck: Sendable {
    let context: RunContext
    let slots: [SlotUnderTest]
    let host: HostMachine
    let watch: BusWatch
    let engine: FaultEngine
    /// Slots with background work that has not ended.
    let busySlots: @Sendable () -> Set<String>

    /// What no ``ChangeBell`` tells of is looked at this often.
    static let poll = Duration.milliseconds(250)
    /// In virtual time, long enough for whatever can go on now.
    static let turn = Duration.milliseconds(1)

    /// - Returns: what does not hold, in words; `nil` when all does.
    func objection(to condition: Scenario.Condition) async -> String? {
        for (name, count) in condition.events.sorted(by: { $0.key < $1.key }) {
            let found = context.recorder.count(of: name)
            if found < count { return "event '\(name)' happened \(found) times, not \(count)" }
        }
        for (identifier, count) in condition.fired.sorted(by: { $0.key < $1.key }) {
            let fired = engine.tallies.first { $0.identifier == identifier }?.fired ?? 0
            if fired < count { return "fault \(identifier) fired \(fired) times, not \(count)" }
        }
        for slot in chosen(condition.slot) {
            if let objection = await objection(to: condition, of: slot) {
                return "\(slot.name): \(objection)"
            }
        }
        return nil
    }

    func chosen(_ choice: Scenario.SlotChoice) -> [SlotUnderTest] {
        switch choice {
        case .all: slots
        case .named(let name): slots.filter { $0.name == name }
        }
    }

    private func objection(to condition: Scenario.Condition, of slot: SlotUnderTest) async -> String? {
        let ledger = watch.ledger(of: slot.name)
        if let state = condition.state, ledger.state != state.rawValue {
            return "the state is \(ledger.state), not \(state.rawValue)"
        }
        if let code = condition.completion, ledger.completions.last != code.rawValue {
            return "the last Completion is \(ledger.completions.last.map(String.init) ?? "none"), "
                + "not \(code.rawValue)"
        }
        if let wanted = condition.isWorkloadDone, busySlots().contains(slot.name) == wanted {
            return wanted ? "the background work goes on" : "the background work is done"
        }
        if let wanted = condition.isInserted {
            let isIn =
                await context.world.inspect(slot.configuration).hasMedium
                && host.disk(of: slot.name) != nil
            if isIn != wanted { return wanted ? "the host has no medium" : "the host has a medium" }
        }
        if let wanted = condition.hasLeftovers {
            var left = await context.world.leftovers(of: slot.configuration)
            if !left.isEmpty, !wanted {
                // A task that is about to let go of something has perhaps not had its turn yet.
                try? await context.clock.sleep(until: context.now + Self.turn)
                left = await context.world.leftovers(of: slot.configuration)
            }
            if left.isEmpty == wanted {
                return wanted ? "nothing is left" : "left: \(left.joined(separator: ", "))"
            }
        }
        if condition.cause != nil || !condition.properties.isEmpty {
            if let objection = await objection(toPropertiesOf: slot, condition) { return objection }
        }
        if let wanted = condition.viewsAgree {
            let found = await PathViews.contradictions(of: slot, host: host, watch: watch, in: context)
            if found.isEmpty != wanted {
                return wanted ? found.joined(separator: "; ") : "all views agree"
            }
        }
        return nil
    }

    private func objection(toPropertiesOf slot: SlotUnderTest, _ condition: Scenario.Condition) async
        -> String?
    {
        let properties: [String: String]
        switch await slot.properties() {
        case .success(let found): properties = found
        case .failure(let error): return "no properties: \(error)"
        }
        if let cause = condition.cause {
            let found = properties["LastErrorCode"] ?? "missing"
            if found != "\(cause.rawValue)" { return "LastErrorCode is \(found), not \(cause.rawValue)" }
        }
        for (name, value) in condition.properties.sorted(by: { $0.key < $1.key }) {
            let found = properties[name] ?? "missing"
            if found != value { return "\(name) is \(found), not \(value)" }
        }
        return nil
    }
}

extension SlotUnderTest {
    /// All properties of the slot's object by name, values as in JSON without quotes.
    func properties() async -> Result<[String: String], BusError> {
        let path = MediaInterfaces.path(of: configuration)
        var found: [String: String] = [:]
        for interface in [
            MediaInterfaces.mountPoint, MediaInterfaces.process, MediaInterfaces.stats, MediaInterfaces.slot,
        ] {
            let reply = await call(
                .methodCall(
                    destination: MediaInterfaces.busName, path: path, interface: WellKnown.properties,
                    member: "GetAll", body: [.string(interface.name)]))
            switch reply {
            case .failure(let error): return .failure(error)
            case .success(let message):
                guard case .dictionary(_, _, let entries)? = message.body.first else { continue }
                for entry in entries {
                    guard case .string(let name) = entry.key, case .variant(let value) = entry.value else {
                        continue
                    }
                    found[name] = Self.text(value)
                }
            }
        }
        return .success(found)
    }

    static func text(_ value: Value) -> String {
        switch value {
        case .boolean(let flag): "\(flag)"
        case .string(let text), .objectPath(let text): text
        case .byte(let number): "\(number)"
        case .uint16(let number): "\(number)"
        case .uint32(let number): "\(number)"
        case .uint64(let number): "\(number)"
        case .int16(let number): "\(number)"
        case .int32(let number): "\(number)"
        case .int64(let number): "\(number)"
        case .double(let number): "\(number)"
        default: "\(value)"
        }
    }
}
