import LinuxPlatform
import WireFormat

/// Identifiers of 32 hexadecimal digits (D-Bus specification, "UUIDs").
package enum BusIdentity {
    package static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        for _ in 0..<2 { bytes.appendBigEndian(generator.next()) }
        return Hexadecimal.text(bytes)
    }

    /// This machine's, where it has one.
    package static func machine() -> String { MachineIdentity.text() }
}
