internal import FaultPlan
internal import FaultPoints
import Glibc
package import Scenarios
internal import Worlds

/// What a world on this machine's kernel can do. A scenario that needs more does not run there at all: what is left
/// out in silence would look like a proof.
package enum KernelCapabilities {
    /// dummy_hcd makes no more.
    static let maximumPorts = 32
    /// Faults that strike and that can be done to a kernel from outside.
    static let strikes = [
        "host.power-cycle", "host.power-off", "process.detach", "process.kill", "process.restart",
        "process.stop", "store.remove", "store.replace", "store.resize", "usb.disconnect",
    ]
    /// Layers whose faults happen outside of the kernel: the rest is what it really does.
    private static let metLayers: [FaultLayer] = [.store, .http, .tls, .dbus]
    /// Actions of the host that its ports cannot do.
    private static let missingHostActions: [Scenario.Step.HostAction.Kind] = [.suspend, .resume]

    /// What this machine needs for any scenario, in words; empty when all is there.
    package static func missingOfMachine() -> [String] {
        let needs = [
            ("/sys/kernel/config/usb_gadget", "a gadget tree (configfs, libcomposite)"),
            ("/sys/class/udc/dummy_udc.0", "dummy_hcd"), ("/dev/nbd0", "nbd"),
            ("/dev/bus/usb", "usbfs (/dev/bus/usb)"),
        ]
        return needs.filter { access($0.0, F_OK) != 0 }.map { "this machine has no \($0.1)" }
            + (geteuid() == 0 ? [] : ["this needs root"])
    }

    /// - Parameter scenario: with nothing left to be drawn.
    package static func missing(for scenario: Scenario) -> [String] {
        var missing: [String] = []
        if !scenario.worlds.contains(.kernel) {
            missing.append("it is for \(scenario.worlds.map(\.rawValue).joined(separator: ", ")) only")
        }
        missing += missingOfMachine()
        let emulated = EmulatedCapabilities.missing(for: scenario, in: .kernel)
        missing += emulated
        let topology = scenario.topology
        let ports = topology.chips.flatMap(\.ports)
        for port in ports {
            guard let host = KernelHostPort(port.name) else {
                missing.append("controller \(port.name): only dummy_hcd's are here")
                continue
            }
            if missing.isEmpty, !host.exists { missing.append("controller \(port.name)") }
        }
        if topology.controllers.contains(where: { $0.endpointCount < 30 }) {
            missing.append("controllers with few endpoints: dummy_hcd has many")
        }
        missing += steps(scenario.steps).flatMap { stepMissing($0, topology) }
        missing += scenario.faults.compactMap { fault in
            faultMissing(fault, topology).map { "fault \(fault.identifier) (\(fault.kind)): \($0)" }
        }
        if EmulatedCapabilities.needsFaultyServers(scenario) {
            missing.append("NBD servers with faults or that stand still: here they are real")
        }
        var seen: Set<String> = []
        return missing.filter { seen.insert($0).inserted }
    }

    private static func steps(_ steps: [Scenario.Step]) -> [Scenario.Step] {
        steps.flatMap { step -> [Scenario.Step] in
            switch step {
            case .repeat(let group): self.steps(group.steps)
            case .parallel(let group): group.branches.flatMap { self.steps($0) }
            default: [step]
            }
        }
    }

    private static func stepMissing(_ step: Scenario.Step, _ topology: Scenario.Topology) -> [String] {
        switch step {
        case .process(let action) where action.target == .server:
            let slots = topology.slots.filter { action.slot == .all || action.slot == .named($0.name) }
            return slots.contains { $0.mode == .legacy }
                ? ["step process \(action.kind.rawValue) of server: a Legacy slot's is part of the service"]
                : []
        case .host(let action) where missingHostActions.contains(action.kind):
            return ["step host \(action.kind.rawValue): nothing asks this kernel's host for it"]
        default: return []
        }
    }

    private static func faultMissing(_ fault: Fault, _ topology: Scenario.Topology) -> String? {
        guard let kind = FaultCatalogue.standard[fault.kind] else { return "unknown" }
        if kind.manner == .met {
            return metLayers.contains(kind.metIn)
                ? nil : "the kernel does what it does; nothing stands between it and the service"
        }
        if fault.parameters["process"] == "server", topology.slots.contains(where: { $0.mode == .legacy }) {
            return "a Legacy slot's server is part of the service"
        }
        let isKnown = strikes.contains(fault.kind) || EmulatedCapabilities.hostStrikes.contains(fault.kind)
        return isKnown ? nil : "nobody can do it to a kernel from outside"
    }
}
