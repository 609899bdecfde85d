internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket
internal import Synchronization
internal import WebFront

/// What the application answered to a wish for a WebSocket that it did not grant.
final class UpgradeRefusal: Sendable {
    struct Refused: Error {}
    private let answer = Mutex<WebAnswer?>(nil)

    func put(_ refused: WebAnswer) { answer.withLock { $0 = refused } }

    /// Of the one request that it belongs to.
    func take() -> WebAnswer? {
        answer.withLock { answer in
            defer { answer = nil }
            return answer
        }
    }
}

/// Changes a connection over to a WebSocket if the application says so.
struct WebSocketUpgrade {
    let upgrader: NIOWebSocketServerUpgrader
    let refusal: UpgradeRefusal

    init(_ application: any WebApplication, _ limits: WebServerLimits, _ work: RunningWork, peer: String) {
        let refusal = UpgradeRefusal()
        let granted = Mutexed<WebSocketService?>(nil)
        self.refusal = refusal
        upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: limits.frameByteCount, automaticErrorHandling: false,
            shouldUpgrade: { channel, head in
                guard let request = HTTPRequest(head) else {
                    return channel.eventLoop.makeFailedFuture(UpgradeRefusal.Refused())
                }
                let fields = channel.eventLoop.makePromise(of: HTTPHeaders?.self)
                _ = work.begin(on: LoopExecutor(channel.eventLoop)) {
                    switch await application.openWebSocket(WebRequest(request, peer: peer)) {
                    case .refused(let answer):
                        refusal.put(answer)
                        fields.fail(UpgradeRefusal.Refused())
                    case .accepted(let service):
                        granted.value.withLock { $0 = service }
                        var headers = HTTPHeaders()
                        if let chosen = service.subprotocol {
                            headers.add(name: "Sec-WebSocket-Protocol", value: chosen)
                        }
                        fields.succeed(headers)
                    }
                }
                return fields.futureResult
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    guard let service = granted.value.withLock({ $0 }) else { throw UpgradeRefusal.Refused() }
                    let link = try WebSocketFrames.add(to: channel, limits, isClient: false)
                    Task {
                        await service.serve(link)
                        await link.close(.normal, "")
                    }
                }
            })
    }
}

/// A mutex that can be shared.
private final class Mutexed<Value: Sendable>: Sendable {
    let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
}
