internal import FaultPlan
internal import Scenarios
internal import VirtualMedia
internal import Worlds

// What can befall a world on a kernel.
extension KernelWorld {
    /// Between off and on of a power cycle.
    private static let powerCyclePause = Duration.seconds(1)

    func perform(_ action: WorldAction) async throws(WorldFailure) -> Impact {
        switch action {
        case .host(let kind, let slot): return try await host(kind, slot)
        case .process(let kind, let target, let slot): return try await process(kind, target, slot)
        case .image(let change):
            try store.change(change)
            return .none
        case .strike(let strike): return try await perform(strike)
        }
    }

    // MARK: The host

    private func host(_ kind: Scenario.Step.HostAction.Kind, _ slot: String?) async throws(WorldFailure)
        -> Impact
    {
        switch kind {
        case .powerOff: setPower(false)
        case .powerOn: setPower(true)
        case .powerCycle:
            setPower(false)
            try? await clock.sleep(until: clock.now + Self.powerCyclePause)
            setPower(true)
        case .unplug:
            guard let slot else { return .none }
            let port = await inspect(try configuration(of: slot)).controller
            guard !port.isEmpty else { return .none }
            state.unplugged(port, of: slot)
            setPower(of: port, false)
            return Impact(slots: [slot])
        case .plug:
            guard let slot, let port = state.pluggedIn(slot) else { return .none }
            setPower(of: port, true)
            return Impact(slots: [slot])
        case .suspend, .resume:
            throw WorldFailure("nothing asks this kernel's host to \(kind.rawValue)")
        case .eject, .preventRemoval, .allowRemoval, .reset:
            throw WorldFailure("\(kind.rawValue) is done by the host's own disk")
        }
        return Impact(slots: nil)
    }

    private func setPower(_ isOn: Bool) { for port in hostPorts { setPower(of: port, isOn) } }

    private func configuration(of name: String) throws(WorldFailure) -> SlotConfiguration {
        guard let slot = configuration.slots.first(where: { $0.name == name }) else {
            throw WorldFailure("there is no slot \(name)")
        }
        return slot
    }

    // MARK: Processes

    private func process(
        _ kind: Scenario.Step.ProcessAction.Kind, _ target: Scenario.Step.ProcessAction.Target,
        _ slot: String?
    ) async throws(WorldFailure) -> Impact {
        switch target {
        case .service: return try service(kind)
        case .server: return try server(kind, slot)
        case .store: return try await store(kind)
        case .bus: return bus(kind)
        }
    }

    private func service(_ kind: Scenario.Step.ProcessAction.Kind) throws(WorldFailure) -> Impact {
        switch kind {
        case .kill: state.service?.kill()
        case .start: if state.service?.isAlive != true { try startService() }
        case .restart:
            state.service?.kill()
            try startService()
        case .stop:
            state.service?.pause()
            return .standstill(of: "service", begins: true)
        case .continue:
            state.service?.resume()
            return .standstill(of: "service", begins: false)
        case .detach: bus.restart()
        }
        return Impact(slots: nil)
    }

    /// Of a Proxy slot: its client. That of a Legacy slot is part of the service.
    private func server(_ kind: Scenario.Step.ProcessAction.Kind, _ name: String?) throws(WorldFailure)
        -> Impact
    {
        guard let name else { return .none }
        let slot = try configuration(of: name)
        guard slot.mode == .proxy else {
            throw WorldFailure("\(name): the server of a Legacy slot is part of the service")
        }
        switch kind {
        case .kill: clients.kill(slot)
        case .start: try clients.restart(slot)
        case .restart:
            clients.kill(slot)
            try clients.restart(slot)
        case .stop, .continue: try clients.setPaused(slot, kind == .stop)
        case .detach: clients.loseConnections(slot)
        }
        return Impact(slots: [name])
    }

    private func store(_ kind: Scenario.Step.ProcessAction.Kind) async throws(WorldFailure) -> Impact {
        switch kind {
        case .kill: try await store.setRunning(false)
        case .start: try await store.setRunning(true)
        case .restart, .detach: try await store.dropConnections()
        case .stop: store.setPaused(true)
        case .continue: store.setPaused(false)
        }
        return Impact(slots: nil)
    }

    private func bus(_ kind: Scenario.Step.ProcessAction.Kind) -> Impact {
        switch kind {
        // Whoever started it starts it again at once.
        case .kill, .restart, .detach: bus.restart()
        case .start: break
        case .stop:
            bus.pause()
            return .standstill(of: "bus", begins: true)
        case .continue:
            bus.resume()
            return .standstill(of: "bus", begins: false)
        }
        return Impact(slots: nil)
    }

    // MARK: Faults that strike

    private func perform(_ strike: Strike) async throws(WorldFailure) -> Impact {
        let isBegin = strike.phase == .begin
        let slots = configuration.slots.map(\.name).filter { strike.slot == nil || strike.slot == $0 }
        switch strike.kind {
        case "host.power-off": return try await host(isBegin ? .powerOff : .powerOn, nil)
        case "host.power-cycle": return try await host(.powerCycle, nil)
        case "usb.disconnect":
            for slot in slots { _ = try await host(isBegin ? .unplug : .plug, slot) }
            return Impact(slots: strike.slot.map { [$0] })
        case "store.replace", "store.resize", "store.remove":
            try changeImages(strike, isBegin)
            return Impact(slots: strike.slot.map { [$0] })
        case _ where strike.kind.hasPrefix("process."): return try await processStrike(strike, slots, isBegin)
        default: throw WorldFailure("fault \(strike.kind) cannot be done to a kernel")
        }
    }

    private func changeImages(_ strike: Strike, _ isBegin: Bool) throws(WorldFailure) {
        let plans = scenario.topology.slots.filter { strike.slot == nil || $0.name == strike.slot }
        let named = plans.compactMap { $0.image ?? scenario.topology.images.first?.name }
        for image in Set(named).sorted() {
            let change: Scenario.Step.ImageChange =
                switch (isBegin, strike.kind) {
                case (false, _): .init(image, .restore)
                case (_, "store.replace"): .init(image, .replace, seed: 0x5EED)
                case (_, "store.resize"):
                    .init(
                        image, .resize, byteCount: UInt64(clamping: strike.parameters.integer("size")))
                default: .init(image, .remove)
                }
            try store.change(change)
        }
    }

    private func processStrike(_ strike: Strike, _ slots: [String], _ isBegin: Bool)
        async throws(WorldFailure) -> Impact
    {
        guard
            let target = Scenario.Step.ProcessAction.Target(rawValue: strike.parameters.text("process"))
        else { throw WorldFailure("there is no process \(strike.parameters.text("process"))") }
        let kind: Scenario.Step.ProcessAction.Kind =
            switch (strike.kind, isBegin) {
            case ("process.kill", true): .kill
            case ("process.kill", false): .start
            case ("process.stop", true): .stop
            case ("process.stop", false): .continue
            case ("process.restart", _): .restart
            default: .detach
            }
        guard target == .server else { return try await process(kind, target, nil) }
        for name in slots where try configuration(of: name).mode == .proxy {
            _ = try await process(kind, target, name)
        }
        return Impact(slots: strike.slot.map { [$0] })
    }
}
