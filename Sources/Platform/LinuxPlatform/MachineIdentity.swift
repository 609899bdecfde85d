import Glibc
import WireFormat

/// The machine's own identifier of 32 hexadecimal digits (machine-id(5)).
package enum MachineIdentity {
    /// Where there is none, one that nobody can mistake for a real one.
    package static func text() -> String {
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
