import DBusProtocol
import Synchronization

/// A connection whose other end is the test.
final class FakeBus: BusConnection {
    let uniqueName = ":1.7"
    let incoming: AsyncStream<Message>
    private let calls: AsyncStream<Message>.Continuation
    private let sent = Mutex<[Message]>([])
    private let serial = Mutex<UInt32>(0)
    private let nameReply: UInt32
    private let isClosed = Mutex(false)

    /// - Parameter nameReply: What the bus answers to RequestName.
    init(nameReply: UInt32 = 1) {
        self.nameReply = nameReply
        (incoming, calls) = AsyncStream.makeStream()
    }

    func call(_ message: Message) async throws(BusError) -> Message {
        .methodReturn(to: message, body: [.uint32(nameReply)])
    }

    func send(_ message: Message) async throws(BusError) {
        guard !isClosed.withLock({ $0 }) else { throw BusError(ErrorName.disconnected, "closed by the test") }
        sent.withLock { $0.append(message) }
    }

    func close() async {
        isClosed.withLock { $0 = true }
        calls.finish()
    }

    var messages: [Message] { sent.withLock { $0 } }

    var signals: [String] {
        messages.filter { $0.kind == .signal && $0.member == "Completion" }.map { "\($0.path!) \($0.body)" }
    }

    /// Sends a call as a client would; returns its serial.
    @discardableResult
    func request(
        _ path: String, _ interface: String?, _ member: String, _ body: [Value] = [],
        descriptors: [PassedDescriptor] = []
    ) -> UInt32 {
        var call = Message.methodCall(
            destination: "xyz.openbmc_project.VirtualMedia", path: path, interface: interface,
            member: member, body: body)
        call.sender = ":1.9"
        call.descriptors = descriptors
        call.serial = serial.withLock {
            $0 += 1
            return $0
        }
        calls.yield(call)
        return call.serial
    }

    /// The answer to a call, if it has come.
    func answer(to serial: UInt32) -> Message? { messages.first { $0.replySerial == serial } }
}
