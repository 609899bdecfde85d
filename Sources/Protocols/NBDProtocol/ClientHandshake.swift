package import WireFormat

/// The client side of the fixed newstyle handshake: bytes in, actions out.
///
///     awaitingGreeting ─▶ awaitingOptionReply(STRUCTURED_REPLY?) ─▶ awaitingOptionReply(GO)
///          └─ GO unsupported ─▶ awaitingExportHeader (EXPORT_NAME) ─▶ transmission
package struct ClientHandshake: Sendable {
    package enum Action: Equatable, Sendable {
        case send([UInt8])
        /// The connection is in transmission. `leftover` are bytes already past the handshake.
        case ready(ExportInfo, leftover: Bytes)
        /// The server refused, politely: the cause in its own words where it gave any.
        case refused(HandshakeRefusal)
    }

    package init(exportName: String, wantsStructuredReplies: Bool = false) {
        fatalError("being built")
    }

    /// Feeds whatever bytes have arrived, in any portions.
    package mutating func receive(_ bytes: Bytes) throws(ProtocolViolation) -> [Action] {
        fatalError("being built")
    }
}

/// Why a server turned the client away during option haggling.
package struct HandshakeRefusal: Error, Equatable, Sendable {
    /// The option reply type, bit 31 set (NBD protocol, "Option reply types").
    package var replyType: UInt32
    package var message: String

    package init(replyType: UInt32, message: String) {
        self.replyType = replyType
        self.message = message
    }
}
