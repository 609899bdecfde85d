package import WireFormat

/// Why a command failed: sense key, additional sense code and qualifier (SPC-4 §4.5.6).
package struct SenseCode: Hashable, Sendable {
    package let key: UInt8
    package let code: UInt8
    package let qualifier: UInt8

    package init(_ key: UInt8, _ code: UInt8, _ qualifier: UInt8) {
        self.key = key
        self.code = code
        self.qualifier = qualifier
    }

    package static let none = SenseCode(0x00, 0x00, 0x00)
    package static let becomingReady = SenseCode(0x02, 0x04, 0x01)
    package static let mediumNotPresent = SenseCode(0x02, 0x3A, 0x00)
    package static let writeError = SenseCode(0x03, 0x0C, 0x02)
    package static let unrecoveredReadError = SenseCode(0x03, 0x11, 0x00)
    package static let communicationFailure = SenseCode(0x04, 0x08, 0x00)
    package static let invalidCommand = SenseCode(0x05, 0x20, 0x00)
    package static let blockAddressOutOfRange = SenseCode(0x05, 0x21, 0x00)
    package static let invalidFieldInCommand = SenseCode(0x05, 0x24, 0x00)
    package static let logicalUnitNotSupported = SenseCode(0x05, 0x25, 0x00)
    package static let savingParametersNotSupported = SenseCode(0x05, 0x39, 0x00)
    package static let mediumRemovalPrevented = SenseCode(0x05, 0x53, 0x02)
    package static let incompatibleMedium = SenseCode(0x05, 0x64, 0x00)
    package static let mediumMayHaveChanged = SenseCode(0x06, 0x28, 0x00)
    package static let resetOccurred = SenseCode(0x06, 0x29, 0x00)
    package static let writeProtected = SenseCode(0x07, 0x27, 0x00)

    package var isUnitAttention: Bool { key == 0x06 }
    package var isNotReady: Bool { key == 0x02 }
    package var isMediumNotPresent: Bool { key == 0x02 && code == 0x3A }
}

extension SenseCode: CustomStringConvertible {
    /// "03/11/00", as tables of sense codes have it.
    package var description: String {
        [key, code, qualifier].map { Hexadecimal.text(CollectionOfOne($0)) }.joined(separator: "/")
    }
}

/// Sense data in fixed format, 18 bytes (SPC-4 §4.5.3).
///
///     | valid, 70 | 0 | key | information u32 | additional length 0A | 0 ×4 | ASC | ASCQ | 0 ×4 |
package struct SenseData: Equatable, Sendable {
    package static let byteCount = 18
    package var code: SenseCode
    /// The block at fault, if known.
    package var information: UInt64?

    package init(_ code: SenseCode, information: UInt64? = nil) {
        self.code = code
        self.information = information
    }

    package static let none = SenseData(.none)

    /// The field holds 32 bits. The kernel cuts a longer address and still calls it valid; the
    /// specification has it left out.
    package func encoded(truncatesInformation: Bool) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        bytes[0] = 0x70
        bytes[2] = code.key
        if let information, truncatesInformation || information <= UInt64(UInt32.max) {
            bytes[0] |= 0x80
            let field = UInt32(truncatingIfNeeded: information)
            for index in 0..<4 { bytes[3 + index] = UInt8(truncatingIfNeeded: field >> (24 - 8 * index)) }
        }
        bytes[7] = UInt8(Self.byteCount - 8)
        bytes[12] = code.code
        bytes[13] = code.qualifier
        return bytes
    }

    /// - Returns: `nil` for fewer than 14 bytes or another format than fixed, current or deferred.
    package init?(decoding bytes: Bytes) {
        let sense = Array(bytes.prefix(Self.byteCount))
        guard sense.count >= 14, sense[0] & 0x7F == 0x70 || sense[0] & 0x7F == 0x71 else { return nil }
        code = SenseCode(sense[2] & 0x0F, sense[12], sense[13])
        if sense[0] & 0x80 != 0 {
            information = sense[3...6].reduce(0) { $0 << 8 | UInt64($1) }
        } else {
            information = nil
        }
    }
}
