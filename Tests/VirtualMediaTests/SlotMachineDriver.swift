import VirtualMedia

/// Drives a machine by hand, and keeps what it said.
struct SlotMachineDriver {
    var machine: SlotMachine
    var now = Duration.seconds(1000)
    var lastTicket: StepTicket?
    var completions: [String] = []
    var steps: [SlotStep] = []

    init(_ mode: SlotMode = .legacy, limits: SlotMachine.Limits = .init(activation: .seconds(30))) {
        machine = SlotMachine(mode: mode, limits: limits)
    }

    @discardableResult
    mutating func send(_ event: SlotMachine.Event) -> [SlotMachine.Effect] {
        let effects = machine.handle(event, at: now)
        for effect in effects {
            switch effect {
            case .run(let ticket):
                lastTicket = ticket
                steps.append(ticket.step)
            case .complete(let request, let code): completions.append("\(request) \(code)")
            default: break
            }
        }
        return effects
    }

    @discardableResult
    mutating func finish(_ outcome: SlotMachine.Outcome = .done) -> [SlotMachine.Effect] {
        send(.finished(lastTicket!, outcome))
    }

    /// Moves to the next deadline and ticks.
    @discardableResult
    mutating func wait() -> [SlotMachine.Effect] {
        now = max(now, machine.nextDeadline ?? now)
        return send(.tick)
    }

    static let healthy = Observation(
        backingFile: "/dev/nbd0", controller: "udc.0", controllerState: "configured", isAttached: true,
        liveConnections: 1, readBytes: 512, writtenBytes: 0)
    static let disconnected: Observation = {
        var seen = healthy
        seen.liveConnections = 0
        return seen
    }()

    /// Brings a new machine into `state`, with a step running in all but `ready`.
    static func inState(
        _ state: SlotMachine.State, limits: SlotMachine.Limits = .init(activation: .seconds(30))
    ) -> SlotMachineDriver {
        var driver = SlotMachineDriver(.legacy, limits: limits)
        if state == .ready { return driver }
        driver.send(.mount)
        if state == .activating { return driver }
        while driver.machine.state == .activating { driver.finish() }
        driver.wait()
        if state == .active { return driver }
        if state == .recovering {
            driver.finish(.observed(disconnected))
            return driver
        }
        driver.finish(.observed(healthy))
        driver.send(.unmount)
        // What the host wrote is stored; the next step takes the medium away.
        driver.finish()
        return driver
    }
}

extension SlotMachine.Effect {
    var summary: String {
        switch self {
        case .refuse(.notPermitted): "refuse EPERM"
        case .refuse(.busy): "refuse EBUSY"
        case .run(let ticket): "run \(ticket.step)"
        case .cancel(let ticket): "cancel \(ticket.step)"
        case .publish: "publish"
        case .complete(let request, let code): "complete \(request) \(code)"
        }
    }
}
