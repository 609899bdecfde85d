package import USBMassStorage

/// How one kind of host talks to a disk: transfer sizes, timeouts and habits.
package struct HostProfile: Equatable, Sendable {
    package let name: String
    /// The most one READ moves.
    package var transferByteCount: Int
    package var commandTimeout: Duration
    package var controlTimeout: Duration
    /// SeaBIOS and OVMF pad every command block to 12 bytes.
    package var padsCommands: Bool
    package var modeSenseAllocation: UInt8
    /// The length of the first GET_DESCRIPTOR(device).
    package var firstDescriptorByteCount: UInt16
    /// How often TEST UNIT READY is tried before the unit counts as not ready, and how far apart.
    package var readyAttempts: Int
    package var readyInterval: Duration
    /// How often a command is tried again after a unit attention.
    package var retries: Int
    /// What is tried, in this order, when a command got no valid answer; once nothing helps, the host
    /// gives the device up.
    package var recovery: [RecoveryStep]
    /// How long a request of the recovery may take.
    package var recoveryTimeout: Duration
    /// How often the host looks for a change of the medium by itself; `nil` when it never does.
    package var mediumPollInterval: Duration?

    package enum RecoveryStep: Equatable, Sendable {
        /// Bulk-Only Reset, then both halts cleared (BOT §5.3.4).
        case transportReset
        /// A reset of the port, then SET_CONFIGURATION.
        case portReset
    }

    /// usb-storage and sd: 240 sectors a transfer at high speed, 30 s, then a reset of the port, and of
    /// the transport if that fails; a device that takes neither goes offline.
    package static func linux(speed: BusSpeed = .high) -> HostProfile {
        HostProfile(
            name: "linux", transferByteCount: speed == .superSpeed ? 1 << 20 : 120 << 10,
            commandTimeout: .seconds(30), controlTimeout: .seconds(5), padsCommands: false,
            modeSenseAllocation: 192, firstDescriptorByteCount: 64, readyAttempts: 30,
            readyInterval: .milliseconds(100), retries: 5, recovery: [.portReset, .transportReset],
            recoveryTimeout: .seconds(5), mediumPollInterval: .seconds(2))
    }

    /// usbstor.sys: 64 KiB a transfer, and more at super speed; asks for the medium every second.
    package static func windows(speed: BusSpeed = .high) -> HostProfile {
        HostProfile(
            name: "windows", transferByteCount: speed == .superSpeed ? 1 << 20 : 64 << 10,
            commandTimeout: .seconds(20), controlTimeout: .seconds(5), padsCommands: false,
            modeSenseAllocation: 192, firstDescriptorByteCount: 64, readyAttempts: 20,
            readyInterval: .milliseconds(250), retries: 3, recovery: [.transportReset, .portReset],
            recoveryTimeout: .seconds(5), mediumPollInterval: .seconds(1))
    }

    /// EDK2: 64 KiB a transfer, 5 s a command, five tries 500 ms apart; it resets the transport within
    /// 3 s and never looks for another medium.
    package static let uefi = HostProfile(
        name: "uefi", transferByteCount: 64 << 10, commandTimeout: .seconds(5),
        controlTimeout: .seconds(3), padsCommands: true, modeSenseAllocation: 4,
        firstDescriptorByteCount: 8, readyAttempts: 5, readyInterval: .milliseconds(500), retries: 5,
        recovery: [.transportReset], recoveryTimeout: .seconds(3), mediumPollInterval: nil)

    package static func named(_ name: String, speed: BusSpeed = .high) -> HostProfile? {
        switch name {
        case "linux": linux(speed: speed)
        case "windows": windows(speed: speed)
        case "uefi": uefi
        default: nil
        }
    }
}
