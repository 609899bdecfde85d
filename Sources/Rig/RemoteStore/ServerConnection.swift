import Glibc

/// One connection from its handshake to its end, on its own thread.
struct ServerConnection {
    let server: ImageServer
    let number: Int
    let stream: TLSConnection

    /// Image bytes per write; OpenSSL cuts them into records of 16 KiB.
    private static let bodyUnitBytes = 128 << 10
    private static let readUnitBytes = 4096

    private enum After { case nextRequest, close, closeSilently, reset }

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
                case .nextRequest: continue
                case .close: return stream.sendCloseNotify()
                case .closeSilently: return
                case .reset: return stream.resetOnClose()
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

    private func answer(_ head: HTTPRequestHead) -> After {
        let request = ReceivedRequest(number: server.nextRequestNumber(), connection: number, head: head)
        let plan = server.configuration.planner(request)
        if plan.delay > .zero { server.pause(plan.delay) }
        if plan.dropsRequest { return plan.sendsCloseNotify ? .close : .closeSilently }
        // A body would be taken for the next request.
        let hasBody = head.has("transfer-encoding") || (head.value("content-length") ?? "0") != "0"
        if hasBody || !["GET", "HEAD"].contains(head.method) {
            let status = hasBody ? 400 : 405
            return send(
                ImageResponse(status: status, fields: ["Allow: GET, HEAD"], closes: true), nil, request, plan)
        }
        if let status = plan.status {
            return send(ImageResponse(status: status, fields: plan.extraFields), nil, request, plan)
        }
        guard server.admits(head) else {
            return send(
                ImageResponse(status: 401, fields: ["WWW-Authenticate: Basic realm=\"images\""]), nil,
                request, plan)
        }
        guard let image = server.image(at: request.path)?.open() else {
            return send(ImageResponse(status: 404), nil, request, plan)
        }
        let response = ImageResponse(to: head, for: image.subject, plan: plan)
        return send(response, image, request, plan)
    }

    private func send(
        _ response: ImageResponse, _ image: OpenedImage?, _ request: ReceivedRequest, _ plan: ResponsePlan
    ) -> After {
        guard stream.write(response.head) else { return .closeSilently }
        if let image, let range = response.body, !request.isHead {
            if let early = send(range, of: image, isChunked: response.isChunked, plan.body) { return early }
        }
        let isLast =
            plan.closesAfterwards || !request.head.keepsAlive || response.fields.contains("Connection: close")
        return isLast ? (plan.sendsCloseNotify ? .close : .closeSilently) : .nextRequest
    }

    /// - Returns: how the connection ends when the body did not come to its end.
    private func send(
        _ range: Range<UInt64>, of image: OpenedImage, isChunked: Bool, _ fault: ResponsePlan.BodyFault?
    ) -> After? {
        let (stop, after) = Self.stop(fault, range)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bodyUnitBytes, alignment: 4096)
        defer { buffer.deallocate() }
        var position = range.lowerBound
        while position < stop {
            let count = Int(min(UInt64(buffer.count), stop - position))
            let unit = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            guard image.read(into: unit, at: position),
                write(UnsafeRawBufferPointer(unit), isChunked: isChunked)
            else { return .closeSilently }
            position += UInt64(count)
        }
        if case .grows(let extra)? = fault {
            guard write(Array(repeating: 0xEE, count: extra), isChunked: isChunked) else {
                return .closeSilently
            }
        }
        if case .stalls? = fault { stall() }
        if after == nil, isChunked { return stream.write(Array("0\r\n\r\n".utf8)) ? nil : .closeSilently }
        return after
    }

    private static func stop(_ fault: ResponsePlan.BodyFault?, _ range: Range<UInt64>) -> (UInt64, After?) {
        switch fault {
        case nil, .grows: (range.upperBound, nil)
        case .closes(let count): (min(range.lowerBound + count, range.upperBound), .closeSilently)
        case .resets(let count): (min(range.lowerBound + count, range.upperBound), .reset)
        case .stalls(let count): (min(range.lowerBound + count, range.upperBound), .closeSilently)
        }
    }

    private func write(_ bytes: [UInt8], isChunked: Bool) -> Bool {
        bytes.withUnsafeBytes { write($0, isChunked: isChunked) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, isChunked: Bool) -> Bool {
        guard isChunked else { return stream.write(bytes) }
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
