internal import WireFormat

/// What precedes every message once a device is imported, 48 bytes, big-endian:
///
///     | command u32 | sequence u32 | device u32 | direction u32 | endpoint u32 | body 28 |
///
///     1 submit    | flags u32 | length s32 | start frame s32 | packets s32 | interval s32 | setup 8 |
///     3 submitted | status s32 | length s32 | start frame s32 | packets s32 | errors s32 | 0 ×8 |
///     2 unlink    | sequence of the submit u32 | 0 ×24 |
///     4 unlinked  | status s32 | 0 ×24 |
///
/// Data follow a submit towards the device, and a reply from it.
struct TransferHeader: Equatable, Sendable {
    static let byteCount = 48

    /// In what follows, `length` of a submit is room or data, of a reply what was moved.
    enum Body: Equatable, Sendable {
        case submit(flags: UInt32, length: Int32, packets: Int32, setup: [UInt8])
        case submitted(TransferStatus, length: Int32)
        case unlink(sequence: UInt32)
        case unlinked(TransferStatus)
    }

    var sequence: UInt32
    var deviceID: UInt32 = 0
    var isIn = false
    /// The number alone.
    var endpoint: UInt32 = 0
    var body: Body

    /// - Returns: `nil`, with `buffer` untouched, until all 48 bytes have arrived.
    /// - Throws: an unknown command or direction: framing is lost.
    static func decode(from buffer: inout Bytes) throws(USBIPViolation) -> TransferHeader? {
        guard buffer.count >= byteCount else { return nil }
        var header = buffer.prefix(byteCount)
        let command: UInt32 = header.takeBigEndian()
        let sequence: UInt32 = header.takeBigEndian()
        let deviceID: UInt32 = header.takeBigEndian()
        let direction: UInt32 = header.takeBigEndian()
        let endpoint: UInt32 = header.takeBigEndian()
        guard direction <= 1 else { throw .broken(rule: "direction \(direction)") }
        let body: Body
        switch command {
        case 1:
            let flags: UInt32 = header.takeBigEndian()
            let length: Int32 = header.takeBigEndian()
            header.removeFirst(4)
            let packets: Int32 = header.takeBigEndian()
            header.removeFirst(4)
            body = .submit(flags: flags, length: length, packets: packets, setup: Array(header))
        case 2: body = .unlink(sequence: header.takeBigEndian())
        case 3:
            let status = TransferStatus(rawValue: header.takeBigEndian())
            body = .submitted(status, length: header.takeBigEndian())
        case 4: body = .unlinked(TransferStatus(rawValue: header.takeBigEndian()))
        default: throw .broken(rule: "command \(command)")
        }
        buffer.removeFirst(byteCount)
        return TransferHeader(
            sequence: sequence, deviceID: deviceID, isIn: direction == 1, endpoint: endpoint, body: body)
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for number in [command, sequence, deviceID, isIn ? 1 : 0, endpoint] { bytes.appendBigEndian(number) }
        switch body {
        case .submit(let flags, let length, let packets, let setup):
            bytes.appendBigEndian(flags)
            for number in [length, 0, packets, 0] { bytes.appendBigEndian(number) }
            bytes += setup
        case .submitted(let status, let length):
            for number in [status.rawValue, length] { bytes.appendBigEndian(number) }
        case .unlink(let sequence): bytes.appendBigEndian(sequence)
        case .unlinked(let status): bytes.appendBigEndian(status.rawValue)
        }
        return bytes + [UInt8](repeating: 0, count: Self.byteCount - bytes.count)
    }

    private var command: UInt32 {
        switch body {
        case .submit: 1
        case .unlink: 2
        case .submitted: 3
        case .unlinked: 4
        }
    }
}
