import Glibc
import HTTPRanges

/// One connection from its handshake to its end, on its own thread.
struct ServerConnection {
    let server: ImageServer
    let number: Int
    let stream: TLSConnection
    let handshake: HandshakeFaults

    /// Image bytes per write; OpenSSL cuts them into records of 16 KiB.
    private static let bodyUnitBytes = 128 << 10
    private static let readUnitBytes = 4096

    func run() {
        if server.configuration.handshake == .stalls { return stall() }
        if handshake.delay > .zero { server.pause(handshake.delay) }
        for hold in handshake.holds { server.wait(for: hold) }
        if let end = handshake.end { return stream.breakHandshake(end) }
        guard stream.handshake() else { return }
        var received: [UInt8] = []
        while !server.isStopping {
            switch HTTPRequestHead.parse(received[...]) {
            case .incomplete:
                guard receive(&received) else { return stream.sendCloseNotify() }
            case .refused(let status):
                _ = stream.write(ImageResponse(status: status, closes: true).head)
                return stream.sendCloseNotify()
            case .complete(let head, let byteCount):
                received.removeFirst(byteCount)
                switch answer(head) {
                case .staysOpen: continue
                case .closes: return stream.sendCloseNotify()
                case .closesSilently: return
                case .resets: return stream.resetOnClose()
                }
            }
        }
    }

    private func receive(_ received: inout [UInt8]) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: Self.readUnitBytes, alignment: 16) { buffer in
            let count = stream.read(into: buffer)
            received.append(contentsOf: buffer[..<count])
            return count > 0
        }
    }

    private func answer(_ head: HTTPRequestHead) -> ResponseEnd {
        let request = ReceivedRequest(number: server.nextRequestNumber(), connection: number, head: head)
        let faults =
            server.configuration.answerFaults?(request)
            ?? AnswerFaults(server.configuration.planner(request))
        let plan = faults.plan
        if plan.delay > .zero { server.pause(plan.delay) }
        for hold in faults.holds { server.wait(for: hold) }
        if faults.isNeverAnswered {
            stall()
            return .closesSilently
        }
        if plan.dropsRequest { return plan.sendsCloseNotify ? .closes : .closesSilently }
        var image: OpenedImage?
        var failure = ServedFailure.missing
        var response = ImageResponse(to: head, plan: plan, credentials: server.credentials) {
            switch server.image(for: head)?.open() {
            case .success(let opened)?: image = opened
            case .failure(let reason)?: failure = reason
            case nil: break
            }
            return image?.subject
        }
        if response.status == 404, failure != .missing { response = ImageResponse(status: failure.status) }
        let writer = AnswerWriter(stream, server, faults)
        guard writer.write(response.head) else { return writer.end }
        if let image, let range = response.body, !request.isHead {
            if let early = send(range, of: image, response, faults, writer) { return early }
        }
        return response.end(after: head, plan: plan)
    }

    /// - Returns: how the connection ends when the body did not come to its end.
    private func send(
        _ range: Range<UInt64>, of image: OpenedImage, _ response: ImageResponse, _ faults: AnswerFaults,
        _ writer: AnswerWriter
    ) -> ResponseEnd? {
        let plan = BodyPlan(range, fault: faults.plan.body)
        let isChunked = response.isChunked
        let body = CorruptedBody(corruptions: faults.corruptions, range: range, image: image)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bodyUnitBytes, alignment: 4096)
        defer { buffer.deallocate() }
        var gzip = faults.isGzipped ? StoredGzip() : nil
        let start = response.framing.before + (gzip == nil ? [] : StoredGzip.head)
        guard write(start, to: writer, isChunked: isChunked) else { return writer.end }
        var position = plan.sent.lowerBound
        while position < plan.sent.upperBound {
            let count = Int(min(UInt64(buffer.count), plan.sent.upperBound - position))
            let unit = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            guard body.read(into: unit, at: position) else { return .closesSilently }
            let isWritten =
                if let encoded = gzip?.encode(UnsafeRawBufferPointer(unit)) {
                    write(encoded, to: writer, isChunked: isChunked)
                } else {
                    write(UnsafeRawBufferPointer(unit), to: writer, isChunked: isChunked)
                }
            guard isWritten else { return writer.end }
            position += UInt64(count)
        }
        let extra = [UInt8](repeating: 0xEE, count: plan.extraByteCount)
        guard write(extra, to: writer, isChunked: isChunked) else { return writer.end }
        if plan.stallsAfterwards { stall() }
        if let end = plan.cutBy { return end }
        let finish = (gzip?.end() ?? []) + response.framing.after
        guard write(finish, to: writer, isChunked: isChunked) else { return writer.end }
        return isChunked && !writer.write(Array("0\r\n\r\n".utf8)) ? writer.end : nil
    }

    private func write(_ bytes: [UInt8], to writer: AnswerWriter, isChunked: Bool) -> Bool {
        bytes.withUnsafeBytes { write($0, to: writer, isChunked: isChunked) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, to writer: AnswerWriter, isChunked: Bool) -> Bool {
        guard !bytes.isEmpty else { return true }
        // A chunk of nothing would be the last.
        guard isChunked else { return writer.write(bytes) }
        return writer.write(Array("\(String(bytes.count, radix: 16))\r\n".utf8)) && writer.write(bytes)
            && writer.write([13, 10])
    }

    /// Silent until the client hangs up or the server stops, which interrupts the socket.
    private func stall() {
        let steps = ImageServer.idleTimeout.components.seconds
        for _ in 0..<steps where !server.isStopping {
            if stream.waitForHangUp(milliseconds: 1000) { return }
        }
    }
}
