internal import BlockStorage
package import NBDProtocol
package import WireFormat

/// The server's side of transmission where requests overlap: a limited number of them is carried out
/// at once, and while the limit is reached nothing is received, so that a client that asks too much
/// has to wait. It decides; a shell receives, carries out and sends.
///
///     while !transmission.isOver {
///         while let step = transmission.next() { carry out or send }
///         if transmission.wantsInput { receive into transmission.receiveTarget(), tell received(_:) }
///         else { wait for a request to be finished(_:) }
///     }
package struct ServerTransmission: ~Copyable, Sendable {
    package enum Step: Sendable {
        /// Carry it out, send the reply, then tell ``finished(_:)``.
        case carryOut(AcceptedRequest)
        /// Send this: the request was refused.
        case reply(Request, [UInt8])
    }

    /// A write whose payload is still arriving.
    private struct PendingWrite {
        let request: Request
        /// `nil` when the write is refused and its payload only skipped.
        let accepted: AcceptedRequest?
        var filled = 0
        var leftBytes: Int { Int(request.length) - filled }
        var refusal: (ErrorNumber, String)?
    }

    /// How the connection came to its end; `nil` while it lives. Requests in flight are still answered.
    package private(set) var end: ConnectionEnd?
    package let replies: Replies
    private let limits: ServerLimits
    private let validator: RequestValidator
    private var input: RequestInput
    private var writing: PendingWrite?
    /// Nothing more will arrive; what has arrived is still worked off.
    private var isInputOver = false
    private var inFlight = 0
    private var inFlightBytes = 0

    /// - Parameter leftover: requests that came with the handshake, at most 256 KiB.
    package init(_ negotiated: Negotiated, leftover: Bytes, limits: ServerLimits) {
        self.init(negotiated, RequestInput(leftover: leftover), limits)
    }

    init(_ negotiated: Negotiated, _ input: consuming RequestInput, _ limits: ServerLimits) {
        self.limits = limits
        self.input = input
        validator = RequestValidator(negotiated)
        replies = Replies(isStructured: negotiated.hasStructuredReplies)
    }

    package var isOver: Bool { end != nil && inFlight == 0 }
    package var wantsInput: Bool { end == nil && !isInputOver && hasRoom }

    /// Whether another request may start.
    private var hasRoom: Bool {
        inFlight < limits.maximumInFlight && inFlightBytes < limits.maximumInFlightBytes
    }

    /// Where the next bytes belong: the memory of a write under way, or behind what has arrived. Valid
    /// until ``received(_:)``, and never empty while ``wantsInput``.
    package mutating func receiveTarget() -> UnsafeMutableRawBufferPointer {
        if let write = writing, let accepted = write.accepted, input.count == 0, write.leftBytes > 0 {
            return UnsafeMutableRawBufferPointer(rebasing: accepted.memory[write.filled...])
        }
        return input.makeRoom()
    }

    /// Tells how many bytes were put at the front of ``receiveTarget()``; 0 for the end of the stream.
    package mutating func received(_ byteCount: Int) {
        guard byteCount > 0 else {
            isInputOver = true
            return
        }
        if let write = writing, write.accepted != nil, input.count == 0, write.leftBytes > 0 {
            writing?.filled += byteCount
        } else {
            input.filled(byteCount)
        }
    }

    /// - Returns: `nil` when there is nothing to do until more has arrived or something was finished.
    package mutating func next() -> Step? {
        while end == nil, hasRoom {
            if writing != nil {
                guard takePayload() else { return endIfInputIsOver() }
                return finishWrite()
            }
            do throws(ProtocolViolation) {
                guard let request = try input.peekRequest() else { return endIfInputIsOver() }
                input.skip(Request.byteCount)
                if let step = judge(request) { return step }
            } catch {
                end = .dropped("\(error)")
            }
        }
        return nil
    }

    package mutating func finished(_ accepted: AcceptedRequest) {
        inFlight -= 1
        inFlightBytes -= accepted.dataBytes
    }

    /// The connection cannot go on; the first reason counts.
    package mutating func finish(_ reason: ConnectionEnd) {
        if end == nil { end = reason }
    }

    private mutating func endIfInputIsOver() -> Step? {
        if isInputOver {
            end = input.count == 0 && writing == nil ? .hungUp : .dropped("hung up within a request")
        }
        return nil
    }

    private mutating func judge(_ request: Request) -> Step? {
        switch validator.judge(request) {
        case .accept where request.command == .write:
            writing = PendingWrite(request: request, accepted: AcceptedRequest(request))
        case .refuse(let number, let text) where request.command == .write:
            writing = PendingWrite(request: request, accepted: nil, refusal: (number, text))
        case .accept: return start(AcceptedRequest(request))
        case .refuse(let number, let text): return .reply(request, replies.error(request, number, text))
        case .disconnect: end = .disconnected
        case .drop(let reason): end = .dropped(reason)
        }
        return nil
    }

    /// - Returns: whether the payload is complete.
    private mutating func takePayload() -> Bool {
        guard var write = writing else { return true }
        if let accepted = write.accepted, write.leftBytes > 0 {
            write.filled += input.take(
                into: accepted.memory.baseAddress! + write.filled, atMost: write.leftBytes)
        } else {
            let skipped = min(input.count, write.leftBytes)
            input.skip(skipped)
            write.filled += skipped
        }
        writing = write
        return write.leftBytes == 0
    }

    private mutating func finishWrite() -> Step? {
        guard let write = writing.take() else { return nil }
        if let (number, text) = write.refusal {
            return .reply(write.request, replies.error(write.request, number, text))
        }
        return write.accepted.map { start($0) }
    }

    private mutating func start(_ accepted: AcceptedRequest) -> Step {
        inFlight += 1
        inFlightBytes += accepted.dataBytes
        return .carryOut(accepted)
    }
}

/// A request that the rules let pass, with the payload if it is a write.
package final class AcceptedRequest: @unchecked Sendable {
    package let request: Request
    /// Filled by the connection before the request starts, and then only read.
    let memory: UnsafeMutableRawBufferPointer

    init(_ request: Request) {
        self.request = request
        let byteCount = request.command == .write ? Int(request.length) : 0
        memory = .allocate(byteCount: byteCount, alignment: 4096)
    }

    deinit { memory.deallocate() }

    package var payload: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

    /// What it takes of ``ServerLimits/maximumInFlightBytes``.
    var dataBytes: Int {
        request.command == .read || request.command == .write ? Int(request.length) : 0
    }
}
