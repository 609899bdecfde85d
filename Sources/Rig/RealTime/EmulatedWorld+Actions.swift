internal import FaultPlan
internal import Scenarios
internal import SimulatedBMC
internal import VirtualMedia
internal import Worlds

// What can befall an emulated world.
extension EmulatedWorld {
    /// Between off and on of a power cycle.
    static let powerCyclePause = Duration.seconds(1)

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

    func host(_ kind: Scenario.Step.HostAction.Kind, _ slot: String?) async throws(WorldFailure) -> Impact {
        switch kind {
        case .powerOff: await setPower(false)
        case .powerOn: await setPower(true)
        case .powerCycle:
            await setPower(false)
            try? await clock.sleep(until: clock.now + Self.powerCyclePause)
            await setPower(true)
        case .unplug:
            guard let slot, let port = await port(of: slot) else { return .none }
            changes.withLock { $0.unplugged[slot] = port }
            await kernel.detachHost(from: port)
            return Impact(slots: [slot])
        case .plug:
            guard let slot, let port = changes.withLock({ $0.unplugged.removeValue(forKey: slot) }) else {
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

    func slotConfiguration(_ name: String) throws(WorldFailure) -> SlotConfiguration {
        guard let slot = configuration.slots.first(where: { $0.name == name }) else {
            throw WorldFailure("there is no slot \(name)")
        }
        return slot
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
        case .store: try await store(kind)
        case .bus:
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
        }
        return Impact(slots: nil)
    }

    private func service(_ kind: Scenario.Step.ProcessAction.Kind) -> Impact {
        // Without power there is nothing to start.
        guard changes.withLock({ $0.hasPower }) else { return .none }
        switch kind {
        case .kill: runningService?.process.kill()
        case .start: if runningService?.process.isAlive != true { startService() }
        case .restart:
            runningService?.process.kill()
            startService()
        case .stop:
            runningService?.process.pause()
            return .standstill(of: "service", begins: true)
        case .continue:
            runningService?.process.resume()
            return .standstill(of: "service", begins: false)
        case .detach: bus.restart()
        }
        return Impact(slots: nil)
    }

    /// A Proxy slot's server is its client; a Legacy slot's is part of the service.
    private func server(_ kind: Scenario.Step.ProcessAction.Kind, _ slot: String?) throws(WorldFailure)
        -> Impact
    {
        guard let slot else { return .none }
        let configuration = try slotConfiguration(slot)
        let isProxy = configuration.mode == .proxy
        switch kind {
        case .kill:
            if isProxy { clients.kill(configuration) } else { runningService?.exports.kill(slot) }
        case .restart:
            if isProxy { clients.kill(configuration) } else { runningService?.exports.kill(slot) }
            if isProxy { try clients.restart(configuration) }
        case .start: if isProxy { try clients.restart(configuration) }
        case .detach:
            if isProxy { clients.loseConnections(slot) } else { runningService?.exports.hangUp(slot) }
        case .stop, .continue:
            guard isProxy else {
                throw WorldFailure("\(slot): the server of a Legacy slot is part of the service; stop that")
            }
            try clients.setPaused(slot, kind == .stop)
        }
        return Impact(slots: [slot])
    }

    private func store(_ kind: Scenario.Step.ProcessAction.Kind) async throws(WorldFailure) {
        switch kind {
        case .kill: try await store.setRunning(false)
        case .start: try await store.setRunning(true)
        case .restart, .detach: try await store.dropConnections()
        case .stop: store.setPaused(true)
        case .continue: store.setPaused(false)
        }
    }
}
