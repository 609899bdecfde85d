package import WireFormat

/// A command block wrapper, 31 bytes, little-endian (BOT §5.1):
///
///     | "USBC" u32 | tag u32 | transfer length u32 | flags u8 | LUN u8 | CDB length u8 | CDB 16 |
package struct CommandBlockWrapper: Equatable, Sendable {
    package static let byteCount = 31
    package static let signature: UInt32 = 0x4342_5355
    package static let maximumLUN: UInt8 = 15

    package enum Direction: Sendable { case none, toHost, fromHost }

    package var tag: UInt32
    /// What the host will move in the data stage, whatever the command says.
    package var transferByteCount: UInt32
    package var direction: Direction
    package var lun: UInt8
    package var commandBlock: CommandDescriptorBlock

    package init(
        tag: UInt32, transferByteCount: UInt32, direction: Direction, lun: UInt8,
        commandBlock: CommandDescriptorBlock
    ) {
        self.tag = tag
        self.transferByteCount = transferByteCount
        self.direction = transferByteCount == 0 ? .none : direction
        self.lun = lun
        self.commandBlock = commandBlock
    }

    package enum Decoded: Equatable, Sendable {
        case wrapper(CommandBlockWrapper)
        /// BOT §6.2.1: not 31 bytes, or another signature. Only a reset recovery helps.
        case invalid
        /// BOT §6.2.2: reserved bits are set, or the LUN or the length is out of range.
        case meaningless
    }

    package static func decode(_ bytes: Bytes) -> Decoded {
        guard bytes.count == byteCount else { return .invalid }
        var rest = bytes
        guard rest.takeLittleEndian(as: UInt32.self) == signature else { return .invalid }
        let tag = rest.takeLittleEndian(as: UInt32.self)
        let transferByteCount = rest.takeLittleEndian(as: UInt32.self)
        let flags = rest.takeLittleEndian(as: UInt8.self)
        let lun = rest.takeLittleEndian(as: UInt8.self)
        let length = Int(rest.takeLittleEndian(as: UInt8.self))
        guard flags & 0x7F == 0, lun <= maximumLUN,
            (1...CommandDescriptorBlock.maximumByteCount).contains(length)
        else { return .meaningless }
        return .wrapper(
            CommandBlockWrapper(
                tag: tag, transferByteCount: transferByteCount,
                direction: flags & 0x80 != 0 ? .toHost : .fromHost, lun: lun,
                commandBlock: CommandDescriptorBlock(rest, byteCount: length)))
    }

    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        bytes.appendLittleEndian(Self.signature)
        bytes.appendLittleEndian(tag)
        bytes.appendLittleEndian(transferByteCount)
        bytes.append(direction == .toHost ? 0x80 : 0)
        bytes.append(lun)
        bytes.append(UInt8(commandBlock.byteCount))
        for index in 0..<CommandDescriptorBlock.maximumByteCount { bytes.append(commandBlock[index]) }
        return bytes
    }
}

/// A command status wrapper, 13 bytes, little-endian (BOT §5.2):
///
///     | "USBS" u32 | tag u32 | residue u32 | status u8 |
package struct CommandStatusWrapper: Equatable, Sendable {
    package static let byteCount = 13
    package static let signature: UInt32 = 0x5342_5355

    package enum Status: UInt8, Sendable { case passed = 0, failed = 1, phaseError = 2 }

    package var tag: UInt32
    /// What the host expected less what was relevant of what was moved.
    package var residue: UInt32
    package var status: Status

    package init(tag: UInt32, residue: UInt32, status: Status) {
        self.tag = tag
        self.residue = residue
        self.status = status
    }

    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        bytes.appendLittleEndian(Self.signature)
        bytes.appendLittleEndian(tag)
        bytes.appendLittleEndian(residue)
        bytes.append(status.rawValue)
        return bytes
    }

    /// - Returns: `nil` when it is not valid (BOT §6.3.1): length, signature or an unknown status.
    package init?(decoding bytes: Bytes) {
        guard bytes.count == Self.byteCount else { return nil }
        var rest = bytes
        guard rest.takeLittleEndian(as: UInt32.self) == Self.signature else { return nil }
        tag = rest.takeLittleEndian()
        residue = rest.takeLittleEndian()
        guard let status = Status(rawValue: rest.takeLittleEndian()) else { return nil }
        self.status = status
    }
}
