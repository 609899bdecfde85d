/// Sense data by name, or by its three numbers.
package struct SenseName: Equatable, Sendable {
    package var key: UInt8
    package var code: UInt8
    package var qualifier: UInt8

    /// SPC-4, annex D; those that virtual media meets.
    private static let known: [(name: String, key: UInt8, code: UInt8, qualifier: UInt8)] = [
        ("becoming-ready", 0x02, 0x04, 0x01), ("no-medium", 0x02, 0x3A, 0x00),
        ("unrecovered-read", 0x03, 0x11, 0x00), ("write-fault", 0x03, 0x03, 0x00),
        ("hardware", 0x04, 0x44, 0x00), ("invalid-opcode", 0x05, 0x20, 0x00),
        ("out-of-range", 0x05, 0x21, 0x00), ("invalid-field", 0x05, 0x24, 0x00),
        ("unsupported-lun", 0x05, 0x25, 0x00), ("removal-prevented", 0x05, 0x53, 0x02),
        ("medium-changed", 0x06, 0x28, 0x00), ("reset", 0x06, 0x29, 0x00),
        ("capacity-changed", 0x06, 0x2A, 0x09), ("write-protected", 0x07, 0x27, 0x00),
        ("aborted", 0x0B, 0x00, 0x00),
    ]
    package static var names: [String] { known.map(\.name) }

    package init?(_ text: String) {
        if let entry = Self.known.first(where: { $0.name == text }) {
            (key, code, qualifier) = (entry.key, entry.code, entry.qualifier)
            return
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let key = UInt8(parts[0], radix: 16), key < 16,
            let code = UInt8(parts[1], radix: 16), let qualifier = UInt8(parts[2], radix: 16)
        else { return nil }
        (self.key, self.code, self.qualifier) = (key, code, qualifier)
    }

    /// "03/11/00".
    package var hexadecimal: String {
        [key, code, qualifier].map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
            .joined(separator: "/")
    }
}
