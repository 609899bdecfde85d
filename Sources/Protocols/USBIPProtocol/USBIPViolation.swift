/// The peer broke the USB/IP protocol; the connection cannot go on.
package enum USBIPViolation: Error, Equatable, Sendable {
    case version(found: UInt16)
    /// Any other broken rule: lower case, no full stop, with the value at fault.
    case broken(rule: String)
}

extension USBIPViolation: CustomStringConvertible {
    package var description: String {
        switch self {
        case .version(let found):
            "USB/IP peer speaks version 0x\(String(found, radix: 16)), this end "
                + "0x\(String(OperationHeader.version, radix: 16))"
        case .broken(let rule): "USB/IP peer broke the protocol: \(rule)"
        }
    }
}

/// What one connection may ask of this end. The protocol itself names no limits.
package enum USBIPLimits {
    /// The most one transfer moves; Linux's usb-storage stops at 1 MiB.
    package static let transferByteCount = 16 << 20
    /// Transfers in flight on one connection.
    package static let pendingTransfers = 1024
    /// Devices in one list.
    package static let listedDevices = 1024
    /// Interfaces of one listed device: the descriptor's field has eight bits.
    package static let interfaces = 255
}

/// The numbers of Linux's errno that USB/IP carries, negated, as a transfer's status.
package struct TransferStatus: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let success = TransferStatus(rawValue: 0)
    /// ENOENT: unlinked by its submitter, synchronously.
    package static let unlinked = TransferStatus(rawValue: -2)
    /// ENODEV.
    package static let noDevice = TransferStatus(rawValue: -19)
    /// EPIPE: the endpoint is halted, or endpoint 0 refuses the request.
    package static let stalled = TransferStatus(rawValue: -32)
    /// EOVERFLOW: the device sent more than there was room for.
    package static let babble = TransferStatus(rawValue: -75)
    /// ECONNRESET: unlinked by its submitter.
    package static let cancelled = TransferStatus(rawValue: -104)
    /// ESHUTDOWN: the endpoint was disabled under the transfer, or the device left.
    package static let shutDown = TransferStatus(rawValue: -108)
}
