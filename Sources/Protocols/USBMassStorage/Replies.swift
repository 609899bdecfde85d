package import WireFormat

/// A reply that is too short for what it says, or says something impossible.
package struct MalformedReply: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Standard INQUIRY data (SPC-4 §6.4.2): at least 36 bytes.
package struct InquiryReply: Equatable, Codable, Sendable {
    /// 0 disk, 5 CD; 1F nothing.
    package var peripheralType: UInt8
    package var isRemovable: Bool
    package var version: UInt8
    /// Without the spaces that fill them.
    package var vendor: String
    package var product: String
    package var revision: String

    package var isCD: Bool { peripheralType == 5 }

    package init(decoding bytes: Bytes) throws(MalformedReply) {
        let data = Array(bytes.prefix(36))
        guard data.count == 36 else { throw MalformedReply("INQUIRY: \(data.count) of 36 bytes") }
        guard data[0] & 0xE0 == 0 else { throw MalformedReply("INQUIRY: no device at this LUN") }
        peripheralType = data[0] & 0x1F
        isRemovable = data[1] & 0x80 != 0
        version = data[2]
        func text(_ range: Range<Int>) -> String {
            var text = data[range].map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }[...]
            while text.last == UInt8(ascii: " ") { text.removeLast() }
            return String(decoding: text, as: UTF8.self)
        }
        vendor = text(8..<16)
        product = text(16..<32)
        revision = text(32..<36)
    }
}

/// READ CAPACITY (10) or (16).
package struct CapacityReply: Equatable, Codable, Sendable {
    package var lastBlock: UInt64
    package var blockByteCount: UInt32
    package var blockCount: UInt64 { lastBlock + 1 }

    /// - Precondition: at least one block, of a power of two of bytes.
    package init(blockCount: UInt64, blockByteCount: UInt32) {
        precondition(blockCount > 0 && blockByteCount.nonzeroBitCount == 1)
        lastBlock = blockCount - 1
        self.blockByteCount = blockByteCount
    }

    /// - Returns: by the length of the reply, 8 bytes or at least 12.
    package init(decoding bytes: Bytes) throws(MalformedReply) {
        var rest = bytes
        switch bytes.count {
        case 8: lastBlock = UInt64(rest.takeBigEndian(as: UInt32.self))
        case 12...: lastBlock = rest.takeBigEndian()
        default: throw MalformedReply("READ CAPACITY: \(bytes.count) bytes")
        }
        blockByteCount = rest.takeBigEndian()
        guard (512...65536).contains(blockByteCount), blockByteCount & (blockByteCount - 1) == 0 else {
            throw MalformedReply("READ CAPACITY: blocks of \(blockByteCount) bytes")
        }
        let byteCount = lastBlock.addingReportingOverflow(1).partialValue
            .multipliedReportingOverflow(by: UInt64(blockByteCount))
        guard lastBlock < .max, !byteCount.overflow else {
            throw MalformedReply("READ CAPACITY: last block \(lastBlock)")
        }
    }

    /// READ CAPACITY(10) cannot say; READ CAPACITY(16) can.
    package var needsLongForm: Bool { lastBlock == UInt64(UInt32.max) }
}

/// The header of MODE SENSE(6), as hosts read it for the write-protect bit.
package struct ModeReply: Equatable, Sendable {
    package var isWriteProtected: Bool

    package init(decoding6 bytes: Bytes) throws(MalformedReply) {
        guard bytes.count >= 4 else { throw MalformedReply("MODE SENSE(6): \(bytes.count) bytes") }
        isWriteProtected = bytes[bytes.startIndex + 2] & 0x80 != 0
    }
}

/// READ TOC format 0 with block addresses.
package struct TableOfContentsReply: Equatable, Codable, Sendable {
    package struct Track: Equatable, Codable, Sendable {
        /// AA is the lead-out: its address is where the disc ends.
        package var number: UInt8
        package var isData: Bool
        package var address: UInt32
    }
    package var tracks: [Track]

    package var leadOut: UInt32? { tracks.first { $0.number == 0xAA }?.address }

    package init(decoding bytes: Bytes) throws(MalformedReply) {
        var rest = bytes
        guard rest.count >= 4 else { throw MalformedReply("READ TOC: \(bytes.count) bytes") }
        let length = Int(rest.takeBigEndian(as: UInt16.self))
        guard length >= 2, length - 2 <= rest.count - 2, (length - 2).isMultiple(of: 8) else {
            throw MalformedReply("READ TOC: says \(length) bytes follow, \(rest.count) do")
        }
        rest.removeFirst(2)
        tracks = []
        for _ in 0..<(length - 2) / 8 {
            rest.removeFirst(1)
            let control: UInt8 = rest.takeBigEndian()
            let number: UInt8 = rest.takeBigEndian()
            rest.removeFirst(1)
            tracks.append(Track(number: number, isData: control & 0x04 != 0, address: rest.takeBigEndian()))
        }
    }
}
