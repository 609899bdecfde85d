internal import FaultPlan
internal import Scenarios
internal import SimulatedBMC
internal import VirtualMedia

/// Between off and on of a power cycle.
private let powerCyclePause = Duration.seconds(1)

// What can befall a world with a modelled BMC.
extension ModelledBMC {
    package func perform(_ action: WorldAction) async throws(WorldFailure) -> Impact {
        switch action {
        case .host(let kind, let slot): return try await host(kind, slot)
        case .process(let kind, let target, let slot): return try await process(kind, target, slot)
        case .image(let change):
            try storeControls.change(change)
            return .none
        case .strike(let strike): return try await perform(strike)
        }
    }

    // MARK: The host

    func host(_ kind: Scenario.Step.HostAction.Kind, _ slot: String?) async throws(WorldFailure) -> Impact {
        switch kind {
        case .powerOff: await setPower(false)
        case .powerOn: await setPower(true)
        case .powerCycle:
            await setPower(false)
            try? await clock.sleep(until: clock.now + powerCyclePause)
            await setPower(true)
        case .unplug:
            guard let slot, let port = await port(of: slot) else { return .none }
            state.changes.withLock { $0.unplugged[slot] = port }
            await kernel.detachHost(from: port)
            return Impact(slots: [slot])
        case .plug:
            guard let slot, let port = state.changes.withLock({ $0.unplugged.removeValue(forKey: slot) })
            else {
                return .none
            }
            await kernel.attachHost(to: port)
            return Impact(slots: [slot])
        case .suspend, .resume:
            guard let slot, let port = await port(of: slot) else { return .none }
            if kind == .suspend {
                await kernel.suspendHost(on: port)
            } else {
                await kernel.resumeHost(on: port)
            }
            return Impact(slots: [slot])
        case .eject, .preventRemoval, .allowRemoval, .reset:
            throw WorldFailure("\(kind.rawValue) is done by the host's own disk")
        }
        return Impact(slots: nil)
    }

    private func setPower(_ isOn: Bool) async {
        for port in hostPorts {
            if isOn { await kernel.attachHost(to: port) } else { await kernel.detachHost(from: port) }
        }
    }

    /// Where the slot's gadget is bound.
    func port(of slot: String) async -> String? {
        guard let configuration = configuration.slots.first(where: { $0.name == slot }) else { return nil }
        let controller = await inspect(configuration).controller
        return controller.isEmpty ? nil : controller
    }

    // MARK: Processes

    func process(
        _ kind: Scenario.Step.ProcessAction.Kind, _ target: Scenario.Step.ProcessAction.Target,
        _ slot: String?
    ) async throws(WorldFailure) -> Impact {
        switch target {
        case .service: return service(kind)
        case .server: return try server(kind, slot)
        case .store: return try await store(kind)
        case .bus: return bus(kind)
        }
    }

    private func bus(_ kind: Scenario.Step.ProcessAction.Kind) -> Impact {
        switch kind {
        // Whoever started it starts it again at once.
        case .kill, .restart, .detach: busControls.restart()
        case .start: break
        case .stop:
            busControls.pause()
            return .standstill(of: "bus", begins: true)
        case .continue:
            busControls.resume()
            return .standstill(of: "bus", begins: false)
        }
        return Impact(slots: nil)
    }

    private func service(_ kind: Scenario.Step.ProcessAction.Kind) -> Impact {
        // Without power there is nothing to start.
        guard state.changes.withLock({ $0.hasPower }) else { return .none }
        let service = state.service
        switch kind {
        case .kill: service?.kill()
        case .start:
            guard service?.isAlive != true else { return .none }
            startService()
        case .restart:
            service?.kill()
            startService()
        case .stop:
            service?.pause()
            return .standstill(of: "service", begins: true)
        case .continue:
            service?.resume()
            return .standstill(of: "service", begins: false)
        case .detach: busControls.restart()
        }
        return Impact(slots: nil)
    }

    /// A Proxy slot's server is its client; a Legacy slot's is part of the service.
    private func server(_ kind: Scenario.Step.ProcessAction.Kind, _ name: String?) throws(WorldFailure)
        -> Impact
    {
        guard let name else { return .none }
        let slot = try slotConfiguration(name)
        if slot.mode == .proxy { try client(kind, slot) } else { try exportServer(kind, name) }
        return Impact(slots: [name])
    }

    private func client(_ kind: Scenario.Step.ProcessAction.Kind, _ slot: SlotConfiguration)
        throws(WorldFailure)
    {
        switch kind {
        case .kill: clientControls.kill(slot)
        case .start: try clientControls.restart(slot)
        case .restart:
            clientControls.kill(slot)
            try clientControls.restart(slot)
        case .stop, .continue: try clientControls.setPaused(slot, kind == .stop)
        case .detach: clientControls.loseConnections(slot)
        }
    }

    private func exportServer(_ kind: Scenario.Step.ProcessAction.Kind, _ slot: String) throws(WorldFailure) {
        switch kind {
        case .kill, .restart: state.service?.killServer(of: slot)
        case .start: break
        case .detach: state.service?.hangUpServer(of: slot)
        case .stop, .continue:
            throw WorldFailure("\(slot): the server of a Legacy slot is part of the service; stop that")
        }
    }

    private func store(_ kind: Scenario.Step.ProcessAction.Kind) async throws(WorldFailure) -> Impact {
        switch kind {
        case .kill: try await storeControls.setRunning(false)
        case .start: try await storeControls.setRunning(true)
        case .restart, .detach: try await storeControls.dropConnections()
        case .stop: storeControls.setPaused(true)
        case .continue: storeControls.setPaused(false)
        }
        return Impact(slots: nil)
    }
}
