internal import FaultPlan
internal import Scenarios
internal import SimulatedBMC
internal import VirtualMedia

/// Kinds of ``Strike`` that every world with a modelled BMC carries out.
package enum ModelledStrikes {
    package static let kinds: [String] = [
        "configfs.controller-lost", "host.power-cycle", "host.power-off", "nbd.connections-lost",
        "power.cut-bmc", "power.cut-store", "process.detach", "process.kill", "process.restart",
        "process.stop", "store.remove", "store.replace", "store.resize", "usb.disconnect", "usb.suspend",
    ]
}

// The faults of the catalogue that strike by themselves.
extension ModelledBMC {
    func perform(_ strike: Strike) async throws(WorldFailure) -> Impact {
        let isBegin = strike.phase == .begin
        switch strike.kind {
        case "host.power-off": return try await host(isBegin ? .powerOff : .powerOn, nil)
        case "host.power-cycle": return try await host(.powerCycle, nil)
        case "usb.disconnect":
            return try await forEachSlot(of: strike) { slot throws(WorldFailure) in
                try await self.host(isBegin ? .unplug : .plug, slot)
            }
        case "usb.suspend":
            return try await forEachSlot(of: strike) { slot throws(WorldFailure) in
                try await self.host(isBegin ? .suspend : .resume, slot)
            }
        case "configfs.controller-lost": return await loseController(strike, isBegin)
        case "nbd.connections-lost":
            for slot in try slots(of: strike) { await kernel.killNBDConnections(of: slot.device) }
            return Impact(slots: strike.slot.map { [$0] })
        case "power.cut-bmc": return await cutPower(isBegin)
        case "power.cut-store": return try await cutPowerOfStore(isBegin)
        case "store.replace", "store.resize", "store.remove": return try changeImages(strike, isBegin)
        case _ where strike.kind.hasPrefix("process."): return try await processStrike(strike, isBegin)
        default:
            if let impact = try await performOwn(strike) { return impact }
            throw WorldFailure("fault \(strike.kind) cannot be carried out in the \(kind.rawValue) world")
        }
    }

    private func slots(of strike: Strike) throws(WorldFailure) -> [SlotConfiguration] {
        guard let name = strike.slot else { return configuration.slots }
        return [try slotConfiguration(name)]
    }

    private func forEachSlot(
        of strike: Strike, _ body: (String) async throws(WorldFailure) -> Impact
    ) async throws(WorldFailure) -> Impact {
        for slot in try slots(of: strike) { _ = try await body(slot.name) }
        return Impact(slots: strike.slot.map { [$0] })
    }

    private func loseController(_ strike: Strike, _ isBegin: Bool) async -> Impact {
        if isBegin {
            var name = strike.parameters.has("controller") ? strike.parameters.text("controller") : nil
            if name == nil, let slot = strike.slot { name = await port(of: slot) }
            guard let name = name ?? hostPorts.first else { return .none }
            state.changes.withLock { $0.lostControllers[strike.identifier] = name }
            await kernel.removeController(name)
        } else if let name = state.changes.withLock({
            $0.lostControllers.removeValue(forKey: strike.identifier)
        }) {
            await kernel.addController(name)
        }
        return Impact(slots: strike.slot.map { [$0] })
    }

    /// Everything on the BMC that lives in memory is gone; host, clients and store live on.
    private func cutPower(_ isBegin: Bool) async -> Impact {
        state.changes.withLock { $0.hasPower = !isBegin }
        if isBegin {
            await kernel.powerCut()
            state.service?.kill()
            busControls.restart()
        } else {
            await kernel.boot()
            for (port, function) in scenario.topology.occupiedPorts {
                try? await kernel.occupyController(port, by: function)
            }
            startService()
        }
        return Impact(slots: nil, losesUnflushedWrites: isBegin)
    }

    private func cutPowerOfStore(_ isBegin: Bool) async throws(WorldFailure) -> Impact {
        try await storeControls.setRunning(!isBegin)
        for slot in configuration.slots where slot.mode == .proxy {
            if isBegin { clientControls.losePower(slot) } else { try clientControls.restart(slot) }
        }
        return Impact(slots: nil, losesUnflushedWrites: isBegin)
    }

    private func changeImages(_ strike: Strike, _ isBegin: Bool) throws(WorldFailure) -> Impact {
        let plans = scenario.topology.slots.filter { strike.slot == nil || $0.name == strike.slot }
        let named = plans.compactMap { $0.image ?? scenario.topology.images.first?.name }
        for image in Set(named).sorted() {
            let change: Scenario.Step.ImageChange
            switch (isBegin, strike.kind) {
            case (false, _): change = .init(image, .restore)
            case (_, "store.replace"): change = .init(image, .replace, seed: 0x5EED)
            case (_, "store.resize"):
                change = .init(
                    image, .resize, byteCount: UInt64(clamping: strike.parameters.integer("size")))
            default: change = .init(image, .remove)
            }
            try storeControls.change(change)
        }
        return Impact(slots: strike.slot.map { [$0] })
    }

    private func processStrike(_ strike: Strike, _ isBegin: Bool) async throws(WorldFailure) -> Impact {
        guard
            let target = Scenario.Step.ProcessAction.Target(rawValue: strike.parameters.text("process"))
        else { throw WorldFailure("there is no process \(strike.parameters.text("process"))") }
        let kind: Scenario.Step.ProcessAction.Kind
        switch (strike.kind, isBegin) {
        case ("process.kill", true): kind = .kill
        case ("process.kill", false): kind = .start
        case ("process.stop", true): kind = .stop
        case ("process.stop", false): kind = .continue
        case ("process.restart", _): kind = .restart
        default: kind = .detach
        }
        guard target == .server else { return try await process(kind, target, nil) }
        for slot in try slots(of: strike) {
            // What is no process of its own cannot stand still by itself.
            if slot.mode == .legacy, kind == .stop || kind == .continue { continue }
            _ = try await process(kind, target, slot.name)
        }
        return Impact(slots: strike.slot.map { [$0] })
    }
}
