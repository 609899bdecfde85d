import BlockStorage
import FaultPoints
import Glibc
import HTTPRanges
import RemoteImages
import VirtualMedia

/// One request and its answer, seen from the server: its clock is the clients' half a round trip before
/// they see what it does.
struct RangeExchange {
    let connection: SimulatedRangeConnection
    let request: RangeRequest
    /// On the client's clock.
    let deadline: Duration
    var wait: BoundedWait

    /// Image bytes read at once, as a server on sockets does.
    static let unitBytes = 128 << 10
    /// What is sent at once on a link with a limit: time is counted per segment, and connections take turns.
    static let segmentBytes = 64 << 10

    private var server: SimulatedImageServer { connection.server }
    private var clock: any MediaClock { connection.server.clock }

    /// - Returns: whether the connection can be used again. `false` too when the sink refused the answer.
    func run(on stream: inout ServerStream, into sink: ResponseSink) async throws(TransferFault) -> Bool {
        let half = server.network.roundTrip / 2
        let sentAt = clock.now
        try await wait.sleep(
            until: sentAt + half, Patience(deadline: deadline, fault: .requestTimeout))
        var wire = Wire(
            half: half, requestDeadline: deadline - half, stallTimeout: connection.options.stallTimeout,
            lastByteAt: sentAt - half, sink: sink)
        guard !stream.end.isReleased else { return try await end(wire) }
        let head = parsedHead()
        try await sendRequest(&wire, stream)
        if wire.hasEnded { return try await end(wire) }
        try await standStill(wire)
        let (answer, sendsEnd) = answerFaults(head, stream)
        for pause in answer.pauses {
            _ = try await wait.pause(pause, wire.patience)
        }
        try await wait.sleep(until: clock.now + answer.plan.delay, wire.patience)
        if answer.isSilent { try await wait.forever(wire.patience) }
        if answer.plan.dropsRequest { return try await end(wire) }
        wire.cut = [
            answer.cutAfter, stream.cutAfter.map { max(0, $0 - stream.sentBytes) }, sendsEnd,
        ].compactMap { $0 }.min()
        wire.sliceBytes = answer.sliceBytes
        wire.bytesPerSecond = [answer.bytesPerSecond, stream.bytesPerSecond].compactMap { $0 }.min()
        wire.freeAt = stream.freeAt

        let (response, version) = try await decide(head, answer.plan, wire.patience)
        try await send(head: response, &wire, &stream)
        if !wire.isOver, let version, let range = response.body, request.method == .get {
            try await send(range, of: version, response, answer, &wire, &stream)
        }
        stream.freeAt = wire.freeAt
        try await wait.sleep(until: wire.freeAt, wire.patience)
        if wire.hasEnded { return try await end(wire) }
        try await arrive(wire)
        guard sink.refusal == nil else { return false }
        return response.end(after: head, plan: answer.plan) == .staysOpen && !wire.hasSurplus
    }

    // MARK: What to answer

    private func parsedHead() -> HTTPRequestHead {
        let bytes = request.head(connection.location, connection.authorization)
        guard case .complete(let head, _) = HTTPRequestHead.parse(bytes[...]) else {
            preconditionFailure("a request that no server understands: \(connection.location.shown)")
        }
        return head
    }

    /// - Returns: and after how many bytes of the answer TLS ends without saying so, if it does.
    private func answerFaults(_ head: HTTPRequestHead, _ stream: ServerStream) -> (AnswerFaults, Int?) {
        let received = ReceivedRequest(
            number: server.nextRequestNumber(), connection: stream.number, head: head)
        let path = head.path ?? head.target
        let imageBytes = head.path.flatMap(server.archive.current)?.subject.byteCount ?? 0
        let asked =
            if case .part(let range) = RequestedRange(head.value("range"), imageBytes: imageBytes) {
                range
            } else { 0..<imageBytes }
        let actions = server.faults(
            .http, request.method == .get ? "get" : "head", on: path, connection: stream.number,
            bytes: request.range)
        var answer = AnswerFaults(
            actions, to: server.planner(received), isHead: received.isHead, asked: asked,
            imageBytes: imageBytes)
        var sendsEnd: Int?
        for action in server.faults(.tls, "close", on: path, connection: stream.number, bytes: request.range)
        {
            switch action {
            case .close(let count): sendsEnd = count
            case .drop: answer.plan.sendsCloseNotify = false
            default: preconditionFailure("\(action) is in no table of the image server")
            }
        }
        return (answer, sendsEnd)
    }

    /// - Returns: the answer, and the version that it speaks of.
    private func decide(_ head: HTTPRequestHead, _ plan: ResponsePlan, _ patience: Patience)
        async throws(TransferFault) -> (ImageResponse, ImageVersion?)
    {
        var asksForImage = false
        let refusal = ImageResponse(to: head, plan: plan, credentials: server.credentials) {
            asksForImage = true
            return nil
        }
        guard asksForImage, let path = head.path else { return (refusal, nil) }
        switch try await StoreReader(server: server, wait: wait, path: path).open(patience) {
        case .failed(let status): return (ImageResponse(status: status), nil)
        case .opened(let version, let subject):
            var plan = plan
            if !version.isDated, plan.lastModified == nil { plan.lastModified = "" }
            let response = ImageResponse(to: head, plan: plan, credentials: server.credentials) { subject }
            return (response, version)
        }
    }

    // MARK: Sending

    private func send(head response: ImageResponse, _ wire: inout Wire, _ stream: inout ServerStream)
        async throws(TransferFault)
    {
        var rest = response.head[...]
        try await leave(byteCount: rest.count, &wire, &stream)
        while !rest.isEmpty, !wire.isOver {
            let end = rest.firstIndex(of: 10).map { $0 + 1 } ?? rest.endIndex
            try await transmit(Array(rest[..<end]), isHead: true, &wire, &stream)
            rest = rest[end...]
        }
        wire.expect(response, isHead: request.method == .head)
    }

    private func send(
        _ range: Range<UInt64>, of version: ImageVersion, _ response: ImageResponse, _ answer: AnswerFaults,
        _ wire: inout Wire, _ stream: inout ServerStream
    ) async throws(TransferFault) {
        let plan = BodyPlan(range, fault: answer.plan.body)
        let reader = StoreReader(server: server, wait: wait, path: connection.path, version: version)
        try await transmit(response.framing.before, isHead: false, &wire, &stream)
        // A fault of the data as a whole needs it as a whole.
        let unit = answer.corruptions.isEmpty ? Self.unitBytes : Int(plan.sent.count)
        var position = plan.sent.lowerBound
        while position < plan.sent.upperBound, !wire.isOver {
            let part = position..<min(position + UInt64(unit), plan.sent.upperBound)
            guard var bytes = try await reader.read(part, wire.patience) else {
                wire.hasEnded = true
                return
            }
            for corruption in answer.corruptions {
                bytes = await reader.corrupted(bytes, corruption, at: part)
            }
            try await leave(byteCount: bytes.count, &wire, &stream)
            try await transmit(bytes, isHead: false, &wire, &stream)
            position = part.upperBound
        }
        try await transmit(
            Array(repeating: 0xEE, count: plan.extraByteCount), isHead: false, &wire, &stream)
        if wire.isOver { return }
        if plan.stallsAfterwards { try await wait.forever(wire.patience) }
        if plan.cutBy != nil {
            wire.hasEnded = true
            return
        }
        try await transmit(response.framing.after, isHead: false, &wire, &stream)
        try await awaitMissing(response, answer.plan, &wire)
    }

    /// What the network does to the request.
    private func sendRequest(_ wire: inout Wire, _ stream: ServerStream) async throws(TransferFault) {
        let byteCount = request.head(connection.location, connection.authorization).count
        let actions = server.faults(
            .network, "send", on: connection.location.server, connection: stream.number,
            bytes: 0..<UInt64(byteCount))
        for action in actions {
            if try await wait.pause(action, wire.patience) { continue }
            switch action {
            case .reset: wire.hasEnded = true
            case .bandwidth(let rate):
                let time = ServerNetwork.time(byteCount, at: max(1, rate))
                try await wait.sleep(until: clock.now + time, wire.patience)
            case .slice: continue  // A server puts the pieces of a request together.
            default: preconditionFailure("\(action) is in no table of the image server")
            }
        }
    }

    /// What the network does to the next bytes from the server.
    private func leave(byteCount: Int, _ wire: inout Wire, _ stream: inout ServerStream)
        async throws(TransferFault)
    {
        guard !wire.isOver else { return }
        let first = UInt64(stream.sentBytes)
        let actions = server.faults(
            .network, "receive", on: connection.location.server, connection: stream.number,
            bytes: first..<first + UInt64(byteCount))
        for action in actions {
            if try await wait.pause(action, wire.patience) { continue }
            switch action {
            case .reset(let count): wire.cut = min(count, wire.cut ?? .max)
            case .bandwidth(let rate):
                stream.bytesPerSecond = max(1, rate)
                wire.bytesPerSecond = min(max(1, rate), wire.bytesPerSecond ?? .max)
            case .slice(let count): wire.sliceBytes = max(1, count)
            default: preconditionFailure("\(action) is in no table of the image server")
            }
        }
    }

    /// As long as the server does.
    private func standStill(_ wire: Wire) async throws(TransferFault) {
        if let hold = server.pauseHold { try await wait.released(hold, wire.patience) }
    }

    /// A client that was promised more waits for it.
    private func awaitMissing(_ response: ImageResponse, _ plan: ResponsePlan, _ wire: inout Wire)
        async throws(TransferFault)
    {
        guard !wire.isOver, wire.missingBytes > 0 else { return }
        if plan.closesAfterwards {
            wire.hasEnded = true
        } else {
            try await wait.forever(wire.patience)
        }
    }

    /// Sends bytes at the pace of the link, as far as the connection lives and the client wants them.
    private func transmit(
        _ bytes: [UInt8], isHead: Bool, _ wire: inout Wire, _ stream: inout ServerStream
    ) async throws(TransferFault) {
        var rest = bytes[...]
        while !rest.isEmpty, !wire.isOver {
            guard !stream.end.isReleased else {
                wire.hasEnded = true
                return
            }
            try await standStill(wire)
            let network = server.network
            let isPaced = network.bytesPerSecond != nil || wire.bytesPerSecond != nil
            let count = min(rest.count, wire.segment(isPaced: isPaced), wire.cut ?? .max)
            let piece = rest[..<(rest.startIndex + count)]
            rest = rest[piece.endIndex...]
            let now = clock.now
            var departure = server.link.departure(
                of: count, at: now, bytesPerSecond: network.bytesPerSecond)
            if let rate = wire.bytesPerSecond {
                departure = max(departure, max(now, wire.freeAt) + ServerNetwork.time(count, at: rate))
            }
            wire.freeAt = departure
            // Shorter spans add up; each by itself would cost more steps than it is worth.
            if departure > now + Wire.granularity {
                try await wait.sleep(until: departure, wire.patience)
            }
            wire.lastByteAt = clock.now
            stream.sentBytes += count
            server.noteSent(count)
            wire.deliver(piece, isHead: isHead)
        }
    }

    /// The time for what was sent last to reach the client.
    private func arrive(_ wire: Wire) async throws(TransferFault) {
        try await wait.sleep(until: clock.now + wire.half)
    }

    private func end(_ wire: Wire) async throws(TransferFault) -> Bool {
        try await arrive(wire)
        throw .connectionEnded
    }
}

extension SimulatedRangeConnection {
    /// Decoded, as the server looks for it.
    var path: String {
        let head = RangeRequest(method: .get).head(location, nil)
        guard case .complete(let request, _) = HTTPRequestHead.parse(head[...]) else {
            return location.target
        }
        return request.path ?? location.target
    }
}
