/// The client side of a connection after authentication, without the wire: it numbers what is sent
/// and tells replies from what others ask.
package struct ClientSession {
    package enum Event: Equatable, Sendable {
        /// The answer, of either kind, to the call of that serial.
        case reply(to: UInt32, Message)
        /// A method call or a signal.
        case incoming(Message)
    }

    /// Calls that may wait for their replies at a time.
    package static let pendingCalls = 65_536

    private var decoder = MessageDecoder()
    private var lastSerial: UInt32 = 0
    private var pending: Set<UInt32> = []
    private let canPassDescriptors: Bool

    package init(canPassDescriptors: Bool) { self.canPassDescriptors = canPassDescriptors }

    /// Marshals a message under the next serial.
    ///
    /// - Parameter awaitsReply: a call whose reply is to come out as ``Event/reply(to:_:)``.
    package mutating func send(_ message: Message, awaitsReply: Bool) throws(BusError) -> (
        serial: UInt32, packet: Packet
    ) {
        guard canPassDescriptors || message.descriptors.isEmpty else {
            throw BusError(ErrorName.notSupported, "This connection cannot pass file descriptors")
        }
        guard !awaitsReply || pending.count < Self.pendingCalls else {
            throw BusError(ErrorName.limitsExceeded, "\(pending.count) calls wait for replies")
        }
        var numbered = message
        numbered.serial = nextSerial()
        if awaitsReply { numbered.flags.remove(.noReplyExpected) }
        do throws(WireViolation) {
            let packet = try MessageEncoder.encode(numbered)
            if awaitsReply { pending.insert(numbered.serial) }
            return (numbered.serial, packet)
        } catch {
            throw BusError(ErrorName.inconsistentMessage, error.description)
        }
    }

    /// The caller has given up; a reply that comes all the same is dropped.
    package mutating func forget(_ serial: UInt32) { pending.remove(serial) }

    package mutating func receive(_ bytes: some Collection<UInt8>, descriptors: [PassedDescriptor])
        throws(WireViolation) -> [Event]
    {
        decoder.append(bytes, descriptors: descriptors)
        var events: [Event] = []
        while let envelope = try decoder.next() {
            let message = try envelope.message()
            switch message.kind {
            case .methodCall, .signal: events.append(.incoming(message))
            case .methodReturn, .error:
                guard let serial = message.replySerial, pending.remove(serial) != nil else { continue }
                events.append(.reply(to: serial, message))
            }
        }
        return events
    }

    private mutating func nextSerial() -> UInt32 {
        repeat { lastSerial = lastSerial == .max ? 1 : lastSerial + 1 } while pending.contains(lastSerial)
        return lastSerial
    }
}
