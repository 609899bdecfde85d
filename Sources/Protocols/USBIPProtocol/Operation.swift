package import WireFormat

/// What precedes every message until a device is imported, 8 bytes, big-endian:
///
///     | version u16 | code u16 | status u32 |
package struct OperationHeader: Equatable, Sendable {
    package static let byteCount = 8
    package static let version: UInt16 = 0x0111

    package struct Code: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        package static let listRequest = Code(rawValue: 0x8005)
        package static let listReply = Code(rawValue: 0x0005)
        package static let importRequest = Code(rawValue: 0x8003)
        package static let importReply = Code(rawValue: 0x0003)
    }

    package var code: Code
    package var status: OperationStatus

    package init(_ code: Code, status: OperationStatus = .ok) {
        self.code = code
        self.status = status
    }

    /// - Returns: `nil`, with `buffer` untouched, until all 8 bytes have arrived.
    /// - Throws: ``USBIPViolation/version(found:)``.
    package static func decode(from buffer: inout Bytes) throws(USBIPViolation) -> OperationHeader? {
        guard buffer.count >= byteCount else { return nil }
        var header = buffer.prefix(byteCount)
        let found: UInt16 = header.takeBigEndian()
        guard found == version else { throw .version(found: found) }
        let code = Code(rawValue: header.takeBigEndian())
        let status = OperationStatus(rawValue: header.takeBigEndian())
        buffer.removeFirst(byteCount)
        return OperationHeader(code, status: status)
    }

    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(Self.version)
        bytes.appendBigEndian(code.rawValue)
        bytes.appendBigEndian(status.rawValue)
        return bytes
    }
}

/// Why an operation was refused (`ST_*` of usbip's tools).
package struct OperationStatus: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package static let ok = OperationStatus(rawValue: 0)
    package static let notAvailable = OperationStatus(rawValue: 1)
    package static let busy = OperationStatus(rawValue: 2)
    package static let inError = OperationStatus(rawValue: 3)
    package static let noSuchDevice = OperationStatus(rawValue: 4)
    package static let failed = OperationStatus(rawValue: 5)
}

extension OperationStatus: CustomStringConvertible {
    package var description: String {
        switch self {
        case .ok: "ok"
        case .notAvailable: "not available"
        case .busy: "in use by another client"
        case .inError: "in an error state"
        case .noSuchDevice: "no such device"
        default: "refused with status \(rawValue)"
        }
    }
}
