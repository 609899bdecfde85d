package import USBMassStorage
internal import WireFormat

/// One thing asked of a gadget, from the host's side or from configfs. Each has one line of text, which
/// is all that a record keeps of it:
///
///     control 80 06 0100 0000 0012
///     command 0 in 36 120000002400
///     command 0 out 512 2a000000000000000100 fill 3
///     command 0 none 0 000000000000 length 5
///     out 5553424300
///     out 31 x 58
///     in 13
///     write lun.0/file /images/other.img
///     read lun.0/ro
package enum Question: Equatable, Sendable {
    /// `data` is the data stage of a host-to-device request.
    case control(SetupPacket, data: [UInt8])
    /// A whole command: wrapper, data, status; after a failed status, REQUEST SENSE.
    case command(Command)
    /// Bytes on the bulk-out endpoint, whatever they mean.
    case out([UInt8])
    case `in`(byteCount: Int)
    /// Paths are relative to the function's directory in configfs. An empty value is a newline alone, as
    /// `echo` writes it: writing nothing at all is no write.
    case write(path: String, value: String)
    case read(path: String)

    package struct Command: Equatable, Sendable {
        package var lun: UInt8 = 0
        package var direction: CommandBlockWrapper.Direction
        /// What the wrapper announces and the host moves.
        package var byteCount: Int
        package var block: [UInt8]
        /// bCBWCBLength, where it is not the number of bytes of the block.
        package var length: UInt8?
        /// What the bytes of a data-out stage are made from; see ``data``.
        package var fill: UInt8 = 0

        package init(
            _ block: [UInt8], _ direction: CommandBlockWrapper.Direction = .none, _ byteCount: Int = 0,
            lun: UInt8 = 0, length: UInt8? = nil, fill: UInt8 = 0
        ) {
            self.lun = lun
            self.direction = byteCount == 0 ? .none : direction
            self.byteCount = byteCount
            self.block = block
            self.length = length
            self.fill = self.direction == .fromHost ? fill : 0
        }

        /// The data-out stage.
        var data: [UInt8] { (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) ^ fill } }

        /// The wrapper, which may break any rule.
        func wrapper(tag: UInt32) -> [UInt8] {
            var bytes: [UInt8] = []
            bytes.appendLittleEndian(CommandBlockWrapper.signature)
            bytes.appendLittleEndian(tag)
            bytes.appendLittleEndian(UInt32(byteCount))
            bytes += [direction == .toHost ? 0x80 : 0, lun, length ?? UInt8(block.count)]
            bytes += block
            return bytes + [UInt8](repeating: 0, count: CommandBlockWrapper.byteCount - bytes.count)
        }
    }
}

extension Question: CustomStringConvertible {
    package var description: String {
        switch self {
        case .control(let setup, let data):
            let fields = [
                Hexadecimal.text([setup.requestType]), Hexadecimal.text([setup.request]),
                Self.word(setup.value), Self.word(setup.index), Self.word(setup.length),
            ]
            return "control " + fields.joined(separator: " ")
                + (data.isEmpty ? "" : " " + Hexadecimal.text(data))
        case .command(let command):
            var text = "command \(command.lun) \(Self.word(command.direction)) \(command.byteCount) "
            text += Hexadecimal.text(command.block)
            if let length = command.length { text += " length \(length)" }
            if command.direction == .fromHost { text += " fill \(command.fill)" }
            return text
        case .out(let bytes):
            guard bytes.count > 3, let first = bytes.first, bytes.allSatisfy({ $0 == first }) else {
                return "out " + Hexadecimal.text(bytes)
            }
            return "out \(bytes.count) x " + Hexadecimal.text([first])
        case .in(let byteCount): return "in \(byteCount)"
        case .write(let path, let value): return "write \(path)" + (value.isEmpty ? "" : " \(value)")
        case .read(let path): return "read \(path)"
        }
    }

    private static func word(_ value: UInt16) -> String {
        Hexadecimal.text([UInt8(value >> 8), UInt8(value & 0xFF)])
    }

    private static func word(_ direction: CommandBlockWrapper.Direction) -> String {
        switch direction {
        case .none: "none"
        case .toHost: "in"
        case .fromHost: "out"
        }
    }
}
