import Glibc
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
    package static func machine() -> String {
        for path in ["/etc/machine-id", "/var/lib/dbus/machine-id"] {
            guard let file = fopen(path, "r") else { continue }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 32)
            let count = fread(&bytes, 1, bytes.count, file)
            let text = String(decoding: bytes, as: UTF8.self)
            if count == bytes.count, Hexadecimal.bytes(text) != nil { return text }
        }
        return String(repeating: "0", count: 31) + "1"
    }
}
