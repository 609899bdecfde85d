import Glibc
import HTTPRanges

/// One connection from its handshake to its end, on its own thread.
struct ServerConnection {
    let server: ImageServer
    let number: Int
    let stream: TLSConnection

    /// Image bytes per write; OpenSSL cuts them into records of 16 KiB.
    private static let bodyUnitBytes = 128 << 10
    private static let readUnitBytes = 4096

    func run() {
        if server.configuration.handshake == .stalls { return stall() }
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
        let plan = server.configuration.planner(request)
        if plan.delay > .zero { server.pause(plan.delay) }
        if plan.dropsRequest { return plan.sendsCloseNotify ? .closes : .closesSilently }
        var image: OpenedImage?
        let response = ImageResponse(to: head, plan: plan, credentials: server.credentials) {
            image = server.image(for: head)?.open()
            return image?.subject
        }
        guard stream.write(response.head) else { return .closesSilently }
        if let image, let range = response.body, !request.isHead {
            if let early = send(range, of: image, response, plan.body) { return early }
        }
        return response.end(after: head, plan: plan)
    }

    /// - Returns: how the connection ends when the body did not come to its end.
    private func send(
        _ range: Range<UInt64>, of image: OpenedImage, _ response: ImageResponse,
        _ fault: ResponsePlan.BodyFault?
    ) -> ResponseEnd? {
        let plan = BodyPlan(range, fault: fault)
        let isChunked = response.isChunked
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bodyUnitBytes, alignment: 4096)
        defer { buffer.deallocate() }
        guard write(response.framing.before, isChunked: isChunked) else { return .closesSilently }
        var position = plan.sent.lowerBound
        while position < plan.sent.upperBound {
            let count = Int(min(UInt64(buffer.count), plan.sent.upperBound - position))
            let unit = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            guard image.read(into: unit, at: position),
                write(UnsafeRawBufferPointer(unit), isChunked: isChunked)
            else { return .closesSilently }
            position += UInt64(count)
        }
        guard write(Array(repeating: 0xEE, count: plan.extraByteCount), isChunked: isChunked) else {
            return .closesSilently
        }
        if plan.stallsAfterwards { stall() }
        if let end = plan.cutBy { return end }
        guard write(response.framing.after, isChunked: isChunked) else { return .closesSilently }
        return isChunked && !stream.write(Array("0\r\n\r\n".utf8)) ? .closesSilently : nil
    }

    private func write(_ bytes: [UInt8], isChunked: Bool) -> Bool {
        bytes.withUnsafeBytes { write($0, isChunked: isChunked) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, isChunked: Bool) -> Bool {
        // A chunk of nothing would be the last.
        guard isChunked, !bytes.isEmpty else { return stream.write(bytes) }
        return stream.write(Array("\(String(bytes.count, radix: 16))\r\n".utf8)) && stream.write(bytes)
            && stream.write([13, 10])
    }

    /// Silent until the client hangs up or the server stops, which interrupts the socket.
    private func stall() {
        let steps = ImageServer.idleTimeout.components.seconds
        for _ in 0..<steps where !server.isStopping {
            if stream.waitForHangUp(milliseconds: 1000) { return }
        }
    }
}
