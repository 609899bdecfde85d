package import WireFormat

/// The client side of the transmission phase. It pulls: ``next`` says what to receive, so that a shell
/// can receive the payload of a read straight into its own memory.
///
///     header(16) ─simple─▶ payload? ─▶ header(16)
///         └─structured─▶ header(4) ─▶ header(n) of the chunk ─▶ payload? ─▶ header(16)
package struct ClientTransmission: Sendable {
    package enum Step: Equatable, Sendable {
        /// Receive exactly so many bytes and hand them to ``received(header:)``.
        case header(byteCount: Int)
        /// Receive up to `byteCount` bytes to `offset` (from the start of the request) in the memory of
        /// the read `cookie`, then tell ``receivedPayload(byteCount:)``.
        case payload(cookie: UInt64, offset: Int, byteCount: Int)
    }

    package enum Event: Equatable, Sendable {
        /// This part of the read's memory, from the start of the request, is zeroes.
        case hole(cookie: UInt64, offset: Int, byteCount: Int)
        /// Runs with the flags of the metadata context, from the start of the request on.
        case blockStatus(cookie: UInt64, context: UInt32, [StatusRun])
        /// The reply is complete; `nil` for success.
        case completed(cookie: UInt64, RequestFailure?)
    }

    /// Requests without a complete reply; a shell stops sending there.
    package static let maximumInFlight = 1024
    /// An error chunk: number, text length, text, offset.
    private static let maximumErrorBytes = 4 + 2 + Handshake.maximumStringBytes + 8
    /// Runs in one block status chunk that are believed.
    package static let maximumStatusRuns = 65_536

    private enum State {
        case awaitingHeader
        case awaitingChunkHeader(start: [UInt8])
        case awaitingChunkBody(StructuredReply)
        case awaitingPayload(cookie: UInt64, offset: Int, leftBytes: Int, isDone: Bool)
    }

    private let hasStructuredReplies: Bool
    private var pending: [UInt64: PendingReply] = [:]
    private var state = State.awaitingHeader

    package init(_ info: ExportInfo) { hasStructuredReplies = info.hasStructuredReplies }

    package var inFlight: Int { pending.count }

    /// Notes a request whose header is about to be sent.
    ///
    /// - Precondition: its cookie is not in use, fewer than ``maximumInFlight`` are in flight, and it is
    ///   not DISC, which has no reply.
    /// - Returns: the header to send; the payload of a write follows it.
    package mutating func begin(_ request: Request) -> [UInt8] {
        precondition(pending[request.cookie] == nil, "cookie \(request.cookie) is in use")
        precondition(pending.count < Self.maximumInFlight, "too many requests in flight")
        precondition(request.command != .disconnect, "DISC has no reply")
        pending[request.cookie] = PendingReply(request)
        var bytes: [UInt8] = []
        request.encode(into: &bytes)
        return bytes
    }

    package var next: Step {
        switch state {
        case .awaitingHeader: .header(byteCount: SimpleReply.byteCount)
        case .awaitingChunkHeader: .header(byteCount: StructuredReply.byteCount - SimpleReply.byteCount)
        case .awaitingChunkBody(let chunk): .header(byteCount: Self.bodyBytes(chunk))
        case .awaitingPayload(let cookie, let offset, let leftBytes, _):
            .payload(cookie: cookie, offset: offset, byteCount: leftBytes)
        }
    }

    /// - Precondition: ``next`` asked for a header of exactly this many bytes.
    package mutating func received(header bytes: Bytes) throws(ProtocolViolation) -> [Event] {
        precondition(next == .header(byteCount: bytes.count), "\(bytes.count) bytes were not asked for")
        var rest = bytes
        switch state {
        case .awaitingHeader:
            let magic = rest.takeBigEndian(as: UInt32.self)
            if magic == StructuredReply.magic, hasStructuredReplies {
                state = .awaitingChunkHeader(start: Array(rest))
                return []
            }
            guard magic == SimpleReply.magic else {
                throw .badMagic(found: UInt64(magic), expected: UInt64(SimpleReply.magic))
            }
            return try handleSimple(error: rest.takeBigEndian(), cookie: rest.takeBigEndian())
        case .awaitingChunkHeader(let start):
            return try handleChunkHeader(try StructuredReply.decodeAfterMagic((start + bytes)[...]))
        case .awaitingChunkBody(let chunk):
            return try handleChunkBody(chunk, bytes)
        case .awaitingPayload:
            preconditionFailure("payload was asked for")
        }
    }

    /// - Precondition: ``next`` asked for a payload of at least this many bytes.
    package mutating func receivedPayload(byteCount: Int) throws(ProtocolViolation) -> [Event] {
        guard case .awaitingPayload(let cookie, let offset, let leftBytes, let isDone) = state,
            byteCount <= leftBytes
        else { preconditionFailure("\(byteCount) bytes of payload were not asked for") }
        guard byteCount == leftBytes else {
            state = .awaitingPayload(
                cookie: cookie, offset: offset + byteCount, leftBytes: leftBytes - byteCount, isDone: isDone)
            return []
        }
        state = .awaitingHeader
        return isDone ? try complete(cookie) : []
    }
}

// Simple replies and the start of chunks.
extension ClientTransmission {
    private mutating func handleSimple(error: UInt32, cookie: UInt64) throws(ProtocolViolation) -> [Event] {
        let reply = try find(cookie)
        guard !reply.hasChunks else { throw .broken(rule: "simple reply amid the chunks of \(cookie)") }
        let isRead = reply.request.command == .read
        if hasStructuredReplies, isRead || reply.request.command == .blockStatus {
            throw .broken(rule: "simple reply to command \(reply.request.command.rawValue) of \(cookie)")
        }
        if error != 0 {
            pending[cookie] = nil
            return [.completed(cookie: cookie, RequestFailure(ErrorNumber(rawValue: error), ""))]
        }
        guard isRead, reply.request.length > 0 else {
            pending[cookie] = nil
            return [.completed(cookie: cookie, nil)]
        }
        pending[cookie]?.coveredBytes = Int(reply.request.length)
        state = .awaitingPayload(
            cookie: cookie, offset: 0, leftBytes: Int(reply.request.length), isDone: true)
        return []
    }

    private func find(_ cookie: UInt64) throws(ProtocolViolation) -> PendingReply {
        guard let reply = pending[cookie] else { throw .broken(rule: "reply to unknown cookie \(cookie)") }
        return reply
    }

    /// Bytes before the payload, which only OFFSET_DATA has.
    private static func bodyBytes(_ chunk: StructuredReply) -> Int {
        chunk.type == .offsetData ? 8 : Int(chunk.length)
    }

    private mutating func handleChunkHeader(_ chunk: StructuredReply) throws(ProtocolViolation) -> [Event] {
        let reply = try find(chunk.cookie)
        pending[chunk.cookie]?.hasChunks = true
        let length = Int(chunk.length)
        let isSound: Bool
        switch chunk.type {
        case .none: isSound = length == 0 && chunk.isDone
        case .offsetData: isSound = length > 8 && reply.request.command == .read
        case .offsetHole: isSound = length == 12 && reply.request.command == .read
        case .blockStatus:
            isSound =
                length >= 12 && length % 8 == 4 && length <= 4 + 8 * Self.maximumStatusRuns
                && reply.request.command == .blockStatus
        case let type where type.isError: isSound = (6...Self.maximumErrorBytes).contains(length)
        default: isSound = false
        }
        guard isSound else {
            throw .broken(
                rule: "chunk type \(chunk.type.rawValue) of \(length) bytes, done \(chunk.isDone), for "
                    + "command \(reply.request.command.rawValue)")
        }
        if chunk.type == .none {
            state = .awaitingHeader
            return try complete(chunk.cookie)
        }
        state = .awaitingChunkBody(chunk)
        return []
    }

    private mutating func complete(_ cookie: UInt64) throws(ProtocolViolation) -> [Event] {
        let reply = try find(cookie)
        pending[cookie] = nil
        if let failure = reply.failure { return [.completed(cookie: cookie, failure)] }
        guard reply.isWhole else {
            throw .broken(
                rule: "reply to \(cookie) is done with \(reply.coveredBytes) of \(reply.request.length) bytes"
            )
        }
        return [.completed(cookie: cookie, nil)]
    }
}

// Bodies of chunks.
extension ClientTransmission {
    private mutating func handleChunkBody(_ chunk: StructuredReply, _ bytes: Bytes)
        throws(ProtocolViolation) -> [Event]
    {
        var rest = bytes
        state = .awaitingHeader
        var events: [Event] = []
        switch chunk.type {
        case .offsetData:
            let count = Int(chunk.length) - 8
            let offset = try cover(chunk.cookie, rest.takeBigEndian(), count)
            state = .awaitingPayload(
                cookie: chunk.cookie, offset: offset, leftBytes: count, isDone: chunk.isDone)
            return []
        case .offsetHole:
            let start = rest.takeBigEndian(as: UInt64.self)
            let count = Int(rest.takeBigEndian(as: UInt32.self))
            guard count > 0 else { throw .broken(rule: "a hole of no bytes") }
            let offset = try cover(chunk.cookie, start, count)
            events.append(.hole(cookie: chunk.cookie, offset: offset, byteCount: count))
        case .blockStatus:
            events.append(try blockStatus(chunk.cookie, rest))
        default:
            let reply = try find(chunk.cookie)
            let failure = try RequestFailure.decode(rest, chunk.type, for: reply.request)
            if reply.failure == nil { pending[chunk.cookie]?.failure = failure }
        }
        if chunk.isDone { events += try complete(chunk.cookie) }
        return events
    }

    /// - Returns: the offset from the start of the request.
    private mutating func cover(_ cookie: UInt64, _ start: UInt64, _ count: Int) throws(ProtocolViolation)
        -> Int
    {
        var reply = try find(cookie)
        let offset = try reply.cover(start, count)
        pending[cookie] = reply
        return offset
    }

    private mutating func blockStatus(_ cookie: UInt64, _ bytes: Bytes) throws(ProtocolViolation) -> Event {
        var rest = bytes
        let request = try find(cookie).request
        let context = rest.takeBigEndian(as: UInt32.self)
        var runs: [StatusRun] = []
        var total: UInt64 = 0
        while !rest.isEmpty {
            guard total < UInt64(request.length) else {
                throw .broken(rule: "block status goes on past the request")
            }
            let run = StatusRun(byteCount: rest.takeBigEndian(), flags: rest.takeBigEndian())
            guard run.byteCount > 0 else { throw .broken(rule: "block status of no bytes") }
            total += UInt64(run.byteCount)
            runs.append(run)
        }
        if request.flags.contains(.requireOneExtent), runs.count != 1 || total > UInt64(request.length) {
            throw .broken(rule: "\(runs.count) extents of \(total) bytes where one was asked for")
        }
        pending[cookie]?.hasStatus = true
        return .blockStatus(cookie: cookie, context: context, runs)
    }
}
