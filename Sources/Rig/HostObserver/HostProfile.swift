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

    /// usb-storage and sd: 240 sectors a transfer at high speed, 30 s, then a reset.
    package static func linux(speed: BusSpeed = .high) -> HostProfile {
        HostProfile(
            name: "linux", transferByteCount: speed == .superSpeed ? 1 << 20 : 120 << 10,
            commandTimeout: .seconds(30), controlTimeout: .seconds(5), padsCommands: false,
            modeSenseAllocation: 192, firstDescriptorByteCount: 64, readyAttempts: 30,
            readyInterval: .milliseconds(100), retries: 5)
    }

    /// usbstor.sys: 64 KiB a transfer, and more at super speed.
    package static func windows(speed: BusSpeed = .high) -> HostProfile {
        HostProfile(
            name: "windows", transferByteCount: speed == .superSpeed ? 1 << 20 : 64 << 10,
            commandTimeout: .seconds(20), controlTimeout: .seconds(5), padsCommands: false,
            modeSenseAllocation: 192, firstDescriptorByteCount: 64, readyAttempts: 20,
            readyInterval: .milliseconds(250), retries: 3)
    }

    /// EDK2: 64 KiB a transfer, 5 s a command, five tries 500 ms apart.
    package static let uefi = HostProfile(
        name: "uefi", transferByteCount: 64 << 10, commandTimeout: .seconds(5),
        controlTimeout: .seconds(3), padsCommands: true, modeSenseAllocation: 4,
        firstDescriptorByteCount: 8, readyAttempts: 5, readyInterval: .milliseconds(500), retries: 5)

    package static func named(_ name: String, speed: BusSpeed = .high) -> HostProfile? {
        switch name {
        case "linux": linux(speed: speed)
        case "windows": windows(speed: speed)
        case "uefi": uefi
        default: nil
        }
    }
}
