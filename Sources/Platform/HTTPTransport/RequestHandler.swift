internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import WebFront

/// Gathers the requests of one HTTP/1.1 connection, or the one of an HTTP/2 stream, and writes their answers.
final class RequestHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let application: any WebApplication
    private let limits: WebServerLimits
    private let work: RunningWork
    private let peer: String
    private let refusal: UpgradeRefusal?

    private var context: ChannelHandlerContext?
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    /// The request is answered already, before its end.
    private var isAnsweredEarly = false
    /// From a request's head until its answer has been written.
    private var isInRequest = false
    private var deadline: MovingDeadline?
    private var answering: Task<Void, Never>?

    /// - Parameter refusal: holds what the application answered to a wish for a WebSocket, if it did not grant it.
    init(
        _ application: any WebApplication, _ limits: WebServerLimits, _ work: RunningWork, peer: String,
        _ refusal: UpgradeRefusal? = nil
    ) {
        self.application = application
        self.limits = limits
        self.work = work
        self.peer = peer
        self.refusal = refusal
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let channel = context.channel
        // No limit is shorter than that of a head.
        let patience = min(limits.headTime, limits.bodyTime, limits.stalledTime, limits.idleTime)
        deadline = MovingDeadline(on: context.eventLoop, patience: patience) { channel.close(promise: nil) }
        deadline?.move(to: limits.headTime)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        deadline?.cancel()
        deadline = nil
        answering?.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        answering?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
            (isAnsweredEarly, isInRequest) = (false, true)
            deadline?.move(to: limits.bodyTime)
            if head.uri.utf8.count > limits.targetByteCount {
                answerEarly(.uriTooLong)
            } else if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }),
                length > limits.bodyByteCount
            {
                answerEarly(.contentTooLarge)
            } else if head.headers["expect"].contains(where: { $0.lowercased() == "100-continue" }) {
                context.writeAndFlush(
                    wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))),
                    promise: nil)
            }
        case .body(let piece):
            guard !isAnsweredEarly else { return }
            guard body.count + piece.readableBytes <= limits.bodyByteCount else {
                return answerEarly(.contentTooLarge)
            }
            body.append(contentsOf: piece.readableBytesView)
        case .end:
            guard !isAnsweredEarly, let head else { return }
            deadline?.stop()
            guard let request = HTTPRequest(head) else { return answerEarly(.badRequest) }
            answer(WebRequest(request, body: body, peer: peer), isKeptAlive: head.isKeepAlive)
            body = []
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A WebSocket that was not granted; the request goes on as any other.
        if error is UpgradeRefusal.Refused { return }
        context.close(promise: nil)
    }

    // MARK: Answers

    private func answer(_ request: WebRequest, isKeptAlive: Bool) {
        guard let context else { return }
        let (application, limits, refused) = (application, limits, refusal?.take())
        let (channel, loop) = (context.channel, context.eventLoop)
        let me = NIOLoopBound(self, eventLoop: loop)
        answering = work.begin(on: LoopExecutor(loop)) {
            let answer: WebAnswer
            if let refused { answer = refused } else { answer = await application.answer(request) }
            switch answer.body {
            case .bytes(let bytes):
                me.value.write(answer.head, bytes, request.head.method, isKeptAlive)
            case .pieces(let pieces):
                await limits.send(answer.head, pieces, on: channel)
            }
        }
    }

    private func write(
        _ head: HTTPResponse, _ bytes: [UInt8], _ method: HTTPRequest.Method, _ isKeptAlive: Bool
    ) {
        guard let context else { return }
        var answer = HTTPResponseHead(head)
        if head.status.code >= 200, head.status.code != 204, head.status.code != 304,
            !answer.headers.contains(name: "content-length")
        {
            answer.headers.add(name: "content-length", value: "\(bytes.count)")
        }
        let isLast = !isKeptAlive && self.head?.version.major == 1
        if isLast { answer.headers.replaceOrAdd(name: "connection", value: "close") }
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        if method != .head, !bytes.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
        }
        let done = context.eventLoop.makePromise(of: Void.self)
        deadline?.move(to: limits.stalledTime)
        let (channel, me) = (context.channel, NIOLoopBound(self, eventLoop: context.eventLoop))
        done.futureResult.whenComplete { _ in
            if isLast { channel.close(promise: nil) } else { me.value.isIdle() }
        }
        isInRequest = false
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: done)
    }

    /// Answers a request that is not worth to be read to its end, which costs the connection.
    private func answerEarly(_ status: HTTPResponse.Status) {
        isAnsweredEarly = true
        write(HTTPResponse(status: status), [], .get, false)
    }

    /// The answer is out. Another request may have begun meanwhile, which has a time of its own.
    private func isIdle() {
        if !isInRequest { deadline?.move(to: limits.idleTime) }
    }
}

extension WebServerLimits {
    /// Sends a body without a known end, as fast as the peer takes it.
    func send(_ head: HTTPResponse, _ pieces: any WebPieces, on channel: any Channel) async {
        func write(_ part: HTTPServerResponsePart) async throws {
            let stalled = channel.eventLoop.scheduleTask(in: TimeAmount(stalledTime)) {
                channel.close(promise: nil)
            }
            defer { stalled.cancel() }
            try await channel.writeAndFlush(part)
        }
        do {
            try await write(.head(HTTPResponseHead(head)))
            while let piece = await pieces.next() {
                try await write(.body(.byteBuffer(ByteBuffer(bytes: piece))))
            }
            try await write(.end(nil))
        } catch {
            // The peer has left, or has taken nothing for too long: the connection is closed.
        }
    }
}

extension HTTPRequest {
    /// - Returns: `nil` for a method or field name that is none.
    init?(_ head: HTTPRequestHead) {
        guard let method = Method(head.method.rawValue) else { return nil }
        var fields = HTTPFields()
        for (name, value) in head.headers {
            guard let name = HTTPField.Name(name) else { return nil }
            fields.append(HTTPField(name: name, value: value))
        }
        self.init(
            method: method, scheme: "https", authority: head.headers.first(name: "host"), path: head.uri,
            headerFields: fields)
    }
}

extension HTTPResponseHead {
    init(_ head: HTTPResponse) {
        self.init(
            version: .http1_1,
            status: HTTPResponseStatus(statusCode: head.status.code, reasonPhrase: head.status.reasonPhrase))
        for field in head.headerFields { headers.add(name: field.name.rawName, value: field.value) }
    }
}

/// The other end of a connection.
enum Peer {
    static func address(of channel: any Channel) -> String { channel.remoteAddress?.ipAddress ?? "" }
}
