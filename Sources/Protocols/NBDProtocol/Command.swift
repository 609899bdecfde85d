/// An NBD command type (NBD protocol, "Request types"). An open set: unknown ones decode, and the
/// server answers them `EINVAL`.
package struct Command: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let read = Command(rawValue: 0)
    package static let write = Command(rawValue: 1)
    package static let disconnect = Command(rawValue: 2)
    package static let flush = Command(rawValue: 3)
    package static let trim = Command(rawValue: 4)
    package static let cache = Command(rawValue: 5)
    package static let writeZeroes = Command(rawValue: 6)
    package static let blockStatus = Command(rawValue: 7)
}

/// Flags of one request (NBD protocol, "Command flags").
package struct CommandFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let forceUnitAccess = CommandFlags(rawValue: 1 << 0)
    package static let noHole = CommandFlags(rawValue: 1 << 1)
    package static let doNotFragment = CommandFlags(rawValue: 1 << 2)
    package static let requireOneExtent = CommandFlags(rawValue: 1 << 3)
    package static let fastZero = CommandFlags(rawValue: 1 << 4)
}

/// What the server says of an export (NBD protocol, "Transmission flags").
package struct TransmissionFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let hasFlags = TransmissionFlags(rawValue: 1 << 0)
    package static let isReadOnly = TransmissionFlags(rawValue: 1 << 1)
    package static let sendFlush = TransmissionFlags(rawValue: 1 << 2)
    package static let sendForceUnitAccess = TransmissionFlags(rawValue: 1 << 3)
    package static let isRotational = TransmissionFlags(rawValue: 1 << 4)
    package static let sendTrim = TransmissionFlags(rawValue: 1 << 5)
    package static let sendWriteZeroes = TransmissionFlags(rawValue: 1 << 6)
    package static let sendDoNotFragment = TransmissionFlags(rawValue: 1 << 7)
    package static let canMultiConnect = TransmissionFlags(rawValue: 1 << 8)
    package static let sendCache = TransmissionFlags(rawValue: 1 << 10)
    package static let sendFastZero = TransmissionFlags(rawValue: 1 << 11)
}
