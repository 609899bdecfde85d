package import WireFormat

/// One request to the kernel and its answer: which bytes to send, and what each datagram that comes
/// means. It has no socket.
package struct NetlinkExchange: Sendable {
    package enum Progress: Equatable, Sendable {
        /// More datagrams are to come.
        case waiting
        /// Everything that was answered before the kernel acknowledged, in order.
        case done([NetlinkMessage])
        /// The kernel's errno, positive.
        case failed(CInt)
    }

    /// What to send, in one datagram.
    package let outgoing: [UInt8]
    private let sequence: UInt32
    private var answers: [NetlinkMessage] = []

    /// - Parameter sequence: tells the answer from those of other requests on the socket.
    package init(_ body: GenericNetlinkBody, to family: GenericNetlinkFamily, sequence: UInt32) {
        self.sequence = sequence
        outgoing =
            NetlinkMessage(
                kind: family.kind, flags: [.request, .acknowledge], sequence: sequence,
                payload: body.encoded()
            ).encoded()
    }

    /// Takes a datagram, which may hold several messages. What belongs to another request, or to none,
    /// is passed over.
    ///
    /// - Throws: for bytes that are no messages, and ``NetlinkViolation/badLength(_:)`` for a message
    ///   that the datagram does not hold whole.
    package mutating func receive(_ datagram: Bytes) throws(NetlinkViolation) -> Progress {
        var rest = datagram
        while !rest.isEmpty {
            let available = rest.count
            guard let message = try NetlinkMessage.decode(from: &rest) else { throw .badLength(available) }
            guard message.sequence == sequence else { continue }
            switch message.kind {
            case .error:
                var payload = message.payload[...]
                guard payload.count >= 4 else { throw .tooShort("error message") }
                let code = payload.takeHostOrder(as: Int32.self)
                return code == 0 ? .done(answers) : .failed(-code)
            case .done: return .done(answers)
            case .nothing: continue
            case .overrun: throw .missing("end: data was lost")
            default: answers.append(message)
            }
        }
        return .waiting
    }
}
