/// One D-Bus message (D-Bus specification, "Message protocol").
package struct Message: Equatable, Sendable {
    package enum Kind: UInt8, Sendable {
        case methodCall = 1
        case methodReturn = 2
        case error = 3
        case signal = 4
    }

    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let noReplyExpected = Flags(rawValue: 1)
        package static let noAutoStart = Flags(rawValue: 2)
        package static let allowInteractiveAuthorization = Flags(rawValue: 4)
    }

    package var kind: Kind
    package var flags: Flags = []
    /// Set by the sending connection; never 0 on the wire.
    package var serial: UInt32 = 0
    package var path: String?
    package var interface: String?
    package var member: String?
    package var errorName: String?
    package var replySerial: UInt32?
    package var destination: String?
    package var sender: String?
    package var body: [Value] = []
    /// Descriptors that travel beside the bytes; ``Value/unixFD(_:)`` indexes them.
    package var descriptors: [PassedDescriptor] = []

    package init(kind: Kind) { self.kind = kind }

    package var signature: String { body.map(\.typeCode).joined() }
}

/// A file descriptor in a message: closed with its last reference unless taken.
///
/// The protocol room cannot close descriptors, so whoever received it says how.
package final class PassedDescriptor: Sendable, Equatable {
    package let number: CInt
    private let onRelease: @Sendable (CInt) -> Void

    package init(_ number: CInt, onRelease: @escaping @Sendable (CInt) -> Void) {
        self.number = number
        self.onRelease = onRelease
    }

    deinit { onRelease(number) }

    package static func == (left: PassedDescriptor, right: PassedDescriptor) -> Bool { left === right }
}
