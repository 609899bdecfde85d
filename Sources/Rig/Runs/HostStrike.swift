internal import FaultPlan

/// A fault that strikes and that the host itself carries out, with a command to its disk.
struct HostStrike: Sendable {
    enum Deed: Sendable {
        case eject, reset
        case prevent(Bool)
    }

    /// Kinds that the host carries out in every world.
    static let kinds = ["host.eject", "host.prevent-removal", "usb.reset"]

    let deed: Deed

    /// - Returns: `nil` for a fault that is the world's.
    init?(_ strike: Strike) {
        switch strike.kind {
        case "host.eject": deed = .eject
        case "host.prevent-removal": deed = .prevent(strike.phase == .begin)
        case "usb.reset": deed = .reset
        default: return nil
        }
    }

    /// A host without the disk, or whose command fails, has done what it could.
    func perform(by host: HostMachine, on slot: SlotUnderTest) async {
        guard let disk = host.disk(of: slot.name) else { return }
        switch deed {
        case .eject: _ = await disk.eject()
        case .prevent(let isPrevented): _ = await disk.setRemovalPrevented(isPrevented)
        case .reset:
            slot.count { $0.resets += 1 }
            _ = await disk.reset()
        }
    }
}
