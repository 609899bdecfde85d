package import Scenarios
package import SimulatedBMC
package import VirtualMedia

/// What a scenario's topology means to the service and to the kernel.
extension Scenario.Topology {
    /// Slots with devices nbd0, nbd1, …; Proxy slots with a socket each; serial numbers by which a host
    /// tells them apart.
    package var mediaConfiguration: MediaConfiguration {
        MediaConfiguration(
            slots: slots.enumerated().map { number, plan in
                var slot = SlotConfiguration(name: plan.name, mode: plan.mode, device: "nbd\(number)")
                if plan.mode == .proxy {
                    slot.socket = "/run/virtual-media/\(plan.name).sock"
                    slot.endpoint = "/nbd/\(number)"
                }
                slot.kind = plan.kind
                slot.timeoutSeconds = plan.timeout.wholeSeconds
                slot.inactivitySeconds = plan.inactivity?.wholeSeconds
                slot.failurePolicy.stallSeconds = plan.stall.wholeSeconds
                slot.failurePolicy.errorSeconds = plan.error.wholeSeconds
                slot.requestTimeoutSeconds = plan.requestTimeout.wholeSeconds
                slot.blockBytes = UInt16(clamping: plan.blockByteCount)
                slot.readAheadBytes = plan.readAheadByteCount
                slot.connectionCount = plan.connectionCount
                slot.usb.serialNumber = Self.serialNumber(number)
                return slot
            })
    }

    private static func serialNumber(_ slot: Int) -> String {
        let digits = String(0xA000 + slot, radix: 16, uppercase: true)
        return "00000000ABCD" + digits
    }

    package var chips: [ControllerChip] {
        guard !controllers.isEmpty else { return ControllerChip.dummies(max(4, slots.count)) }
        return controllers.flatMap(\.chips)
    }

    package var kernelProfile: KernelProfile {
        switch kernel {
        case .linux6_12: .linux6_12
        case .linux6_1: .linux6_1
        case .linux5_15: .linux5_15
        }
    }

    /// Ports that something else has, by name: what is bound there.
    package var occupiedPorts: [(port: String, function: String)] {
        let names = chips.flatMap(\.ports).map(\.name)
        var first = 0
        var found: [(String, String)] = []
        for chip in controllers {
            for (number, function) in chip.occupied.sorted(by: { $0.key < $1.key }) {
                let index = first + number - 1
                if number <= chip.portCount, names.indices.contains(index) {
                    found.append((names[index], function))
                }
            }
            first += chip.portCount
        }
        return found
    }
}

extension Scenario.Chip {
    fileprivate var chips: [ControllerChip] {
        var made: [ControllerChip] =
            switch kind {
            case .aspeed: [.aspeedVirtualHub(portCount: portCount, endpointCount: endpointCount)]
            case .dummy: ControllerChip.dummies(portCount)
            }
        for index in made.indices {
            made[index].maximumSpeed = speed.attributeText
            if kind == .dummy { made[index].endpointCount = endpointCount }
        }
        return made
    }
}

extension Duration {
    /// Whole seconds, as a service's configuration counts them.
    fileprivate var wholeSeconds: UInt16 { UInt16(clamping: components.seconds) }
}
