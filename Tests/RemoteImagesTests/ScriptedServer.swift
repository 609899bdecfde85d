import RemoteImages
import SimulatedTime
import Synchronization
import VirtualMedia

/// A server that answers every request rightly, after a time, unless told to fail some.
final class ScriptedServer: RangeConnector {
    let image: [UInt8]
    let clock: SimulatedClock
    let latency: Duration
    /// What the request of this number ends with, from 0.
    let failures: [Int: FetchFailure]
    private let state = Mutex<(requests: [Range<UInt64>?], open: Int)>(([], 0))

    init(_ image: [UInt8], _ clock: SimulatedClock, latency: Duration, failures: [Int: FetchFailure] = [:]) {
        self.image = image
        self.clock = clock
        self.latency = latency
        self.failures = failures
    }

    /// Ranges that were asked for, in order.
    var requests: [Range<UInt64>?] { state.withLock { $0.requests } }
    var openConnections: Int { state.withLock { $0.open } }

    func connection(
        to location: HTTPSLocation, options: HTTPSOptions, authorization: AuthorizationHeader?
    ) -> any RangeConnection {
        state.withLock { $0.open += 1 }
        return Connection(server: self)
    }

    fileprivate func note(_ range: Range<UInt64>?) -> Int {
        state.withLock { state in
            state.requests.append(range)
            return state.requests.count - 1
        }
    }

    fileprivate func noteEnd() { state.withLock { $0.open -= 1 } }

    private final class Connection: RangeConnection {
        let server: ScriptedServer

        init(server: ScriptedServer) { self.server = server }

        func perform(
            _ method: RangeMethod, range: Range<UInt64>?, precondition: String?, timeout: Duration,
            into sink: ResponseSink
        ) async throws(FetchFailure) {
            let number = server.note(range)
            do { try await server.clock.sleep(for: server.latency) } catch {
                throw FetchFailure(.cancelled, "given up on request")
            }
            if let failure = server.failures[number] { throw failure }
            let range = range ?? 0..<0
            let head = [
                "HTTP/1.1 206 Partial Content",
                "Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(server.image.count)",
                "ETag: \"1\"", "",
            ]
            for line in head {
                let bytes = Array("\(line)\r\n".utf8)
                guard bytes.withUnsafeBytes({ sink.receive(headerLine: $0) }) else { throw sink.refusal! }
            }
            let body = Array(server.image[Int(range.lowerBound)..<Int(range.upperBound)])
            guard body.withUnsafeBytes({ sink.receive(body: $0) }) else { throw sink.refusal! }
        }

        func disconnect() { server.noteEnd() }
    }
}

final class Counter: Sendable {
    private let value = Mutex(0)

    /// From 0.
    func next() -> Int {
        value.withLock { value in
            defer { value += 1 }
            return value
        }
    }
}
