import NBDProtocol
import Synchronization
import VirtualMedia
import WireFormat

/// The threads of one NBD connection: one writes requests, one reads replies, neither ever makes
/// the kernel wait, and the kernel never makes them wait.
///
/// Payloads are received straight into the memory that the page cache keeps and the host is given.
final class NBDTransport: Sendable {
    /// Requests and write payloads up to this size share one write.
    private static let coalescedBytes = 16 << 10

    /// What a reply must look like, by the slot in its cookie.
    private struct Expectation {
        var cookie: UInt64
        var payloadBytes: Int
    }

    private struct Outbox {
        var pieces: [Bytes] = []
        var isClosed = false
    }

    let linkNumber: Int
    private let channel: any ByteChannel
    private let mailbox: LinkMailbox
    private let expectations: Mutex<[Expectation?]>
    private let outbox = Mutex(Outbox())
    private let outboxFilled: AsyncStream<Void>.Continuation
    private let outboxSignals: AsyncStream<Void>
    private let tasks = Mutex<[any SpawnedTask]>([])

    init(linkNumber: Int, channel: any ByteChannel, queueDepth: Int, mailbox: LinkMailbox) {
        self.linkNumber = linkNumber
        self.channel = channel
        self.mailbox = mailbox
        expectations = Mutex(Array(repeating: nil, count: queueDepth))
        (outboxSignals, outboxFilled) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func start(name: String, spawner: any Spawner) {
        let receiver = spawner.spawn("\(name) receive", .ownThread) { [self] in await receiveReplies() }
        let sender = spawner.spawn("\(name) send", .ownThread) { [self] in await sendRequests() }
        tasks.withLock { $0 = [receiver, sender] }
    }

    /// - Parameters:
    ///   - cookie: its low 16 bits are the slot.
    ///   - payloadBytes: what follows a reply without error.
    func send(_ request: Request, payload: [Bytes], payloadBytes: Int) {
        let slot = Int(request.cookie & 0xFFFF)
        expectations.withLock {
            $0[slot] = Expectation(cookie: request.cookie, payloadBytes: payloadBytes)
        }
        var header: [UInt8] = []
        header.reserveCapacity(Request.byteCount)
        request.encode(into: &header)
        post([header[...]] + payload)
    }

    /// NBD_CMD_DISC, which has no reply.
    func sendDisconnect() {
        var header: [UInt8] = []
        Request(command: .disconnect, cookie: 0).encode(into: &header)
        post([header[...]])
    }

    /// Sends what is queued, then ends; the receiver sees the end of the stream.
    func finish() {
        outbox.withLock { $0.isClosed = true }
        outboxFilled.yield()
    }

    /// Ends both directions at once.
    func shutDown() {
        channel.close()
        finish()
    }

    /// Returns once both threads have ended.
    func finished() async {
        for task in tasks.withLock({ $0 }) { await task.finished() }
    }

    private func post(_ pieces: [Bytes]) {
        outbox.withLock { $0.pieces.append(contentsOf: pieces) }
        outboxFilled.yield()
    }

    // MARK: The sending thread

    private func sendRequests() async {
        for await _ in outboxSignals {
            let (pieces, isClosed) = outbox.withLock { outbox in
                defer { outbox.pieces = [] }
                return (outbox.pieces, outbox.isClosed)
            }
            do throws(SystemError) {
                try await write(pieces)
            } catch {
                mailbox.post(.dead(link: linkNumber, reason: error.description))
                channel.close()
            }
            if isClosed { break }
        }
        channel.close()
    }

    private func write(_ pieces: [Bytes]) async throws(SystemError) {
        var small: [UInt8] = []
        for piece in pieces {
            if piece.count < Self.coalescedBytes && small.count < Self.coalescedBytes {
                small += piece
                continue
            }
            if !small.isEmpty { try await channel.write(small[...]) }
            small = []
            try await channel.write(piece)
        }
        if !small.isEmpty { try await channel.write(small[...]) }
    }

    // MARK: The receiving thread

    private func receiveReplies() async {
        let reason: String
        do throws(LinkFailure) {
            while true { mailbox.post(try await receiveReply()) }
        } catch {
            reason = error.reason
        }
        mailbox.post(.dead(link: linkNumber, reason: reason))
        channel.close()
    }

    private func receiveReply() async throws(LinkFailure) -> LinkEvent {
        let header = try await receive(SimpleReply.byteCount)
        var bytes = header[...]
        let reply: SimpleReply
        do throws(ProtocolViolation) {
            guard let decoded = try SimpleReply.decode(from: &bytes) else { throw .broken(rule: "short") }
            reply = decoded
        } catch {
            throw LinkFailure(reason: error.description)
        }
        let expected = expectations.withLock { slots -> Expectation? in
            let slot = Int(reply.cookie & 0xFFFF)
            guard slot < slots.count, slots[slot]?.cookie == reply.cookie else { return nil }
            return slots[slot].take()
        }
        guard let expected else {
            throw LinkFailure(reason: "unexpected reply, cookie 0x\(String(reply.cookie, radix: 16))")
        }
        let payload = reply.error == 0 ? try await receive(expected.payloadBytes) : []
        return .reply(link: linkNumber, cookie: reply.cookie, error: reply.error, payload)
    }

    /// Exactly `byteCount` bytes, in memory of their own.
    private func receive(_ byteCount: Int) async throws(LinkFailure) -> [UInt8] {
        guard byteCount > 0 else { return [] }
        var start: UnsafeMutablePointer<UInt8>?
        let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            start = buffer.baseAddress
            count = byteCount
        }
        // The array's storage is filled through this pointer across suspensions, which a closure
        // could not span. Nobody else has the array yet, and it is not touched until it is full.
        nonisolated(unsafe) let memory = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
        var filled = 0
        while filled < byteCount {
            let count: Int
            do throws(SystemError) {
                count = try await channel.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: memory[filled...]))
            } catch {
                throw LinkFailure(reason: error.description)
            }
            guard count > 0 else { throw LinkFailure(reason: "end of stream") }
            filled += count
        }
        return withExtendedLifetime(bytes) { bytes }
    }
}

struct LinkFailure: Error {
    let reason: String
}

/// What the threads of a device's connections tell the kernel.
enum LinkEvent: Sendable {
    case reply(link: Int, cookie: UInt64, error: UInt32, [UInt8])
    case dead(link: Int, reason: String)
}

/// Where they leave it, without waiting.
final class LinkMailbox: Sendable {
    private let events = Mutex<[LinkEvent]>([])
    private let filled: AsyncStream<Void>.Continuation
    /// One element for any number of events posted since the last one.
    let signals: AsyncStream<Void>

    init() { (signals, filled) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func post(_ event: LinkEvent) {
        events.withLock { $0.append(event) }
        filled.yield()
    }

    /// Everything posted so far, in order.
    func takeAll() -> [LinkEvent] { events.withLock { events in events.take() } }

    func close() { filled.finish() }
}

extension Array {
    fileprivate mutating func take() -> [Element] {
        defer { self = [] }
        return self
    }
}
