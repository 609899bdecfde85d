import FaultPoints
package import RemoteImages
import Synchronization
import VirtualMedia

/// A network in memory with image servers in it, as the client sees it.
package struct SimulatedRangeConnector: RangeConnector {
    private let servers: [SimulatedImageServer]

    package init(to servers: SimulatedImageServer...) {
        precondition(!servers.isEmpty, "a network without servers")
        self.servers = servers
    }

    /// A host that is no server's does not exist; at a host that is, other ports refuse.
    package func connection(
        to location: HTTPSLocation, options: HTTPSOptions, authorization: AuthorizationHeader?
    ) -> any RangeConnection {
        let atHost = servers.filter { $0.host == location.host }
        return SimulatedRangeConnection(
            server: atHost.first { $0.port == location.port } ?? atHost.first ?? servers[0],
            hostExists: !atHost.isEmpty, location: location, options: options, authorization: authorization)
    }
}

/// A connection as the server knows it.
struct ServerStream {
    let number: Int
    /// Released once the server has ended the connection.
    let end: FaultHold
    /// Of heads and bodies.
    var sentBytes = 0
    /// Ends the connection after so many.
    var cutAfter: Int?
    var bytesPerSecond: Int?
    /// When the last byte of ``bytesPerSecond`` is through.
    var freeAt = Duration.zero
}

/// Both ends of one connection. One task walks with each request to the server and with the answer
/// back, so the order of everything follows from the clock alone.
///
/// It keeps, throws and times as libcurl's does: requests that a kept connection lost before any byte of
/// an answer are repeated once on a new one.
final class SimulatedRangeConnection: RangeConnection {
    let server: SimulatedImageServer
    private let hostExists: Bool
    let location: HTTPSLocation
    let options: HTTPSOptions
    let authorization: AuthorizationHeader?
    private let wait: BoundedWait
    private let stream = Mutex<ServerStream?>(nil)

    init(
        server: SimulatedImageServer, hostExists: Bool, location: HTTPSLocation, options: HTTPSOptions,
        authorization: AuthorizationHeader?
    ) {
        self.server = server
        self.hostExists = hostExists
        self.location = location
        self.options = options
        self.authorization = authorization
        wait = BoundedWait(clock: server.clock, spawner: server.spawner)
    }

    func disconnect() { stream.withLock { $0 = nil } }

    func perform(
        _ method: RangeMethod, range: Range<UInt64>?, precondition: String?, timeout: Duration,
        into sink: ResponseSink
    ) async throws(FetchFailure) {
        let limit = min(timeout, options.requestTimeout)
        guard limit > .zero else { throw failure(.noTimeLeft) }
        let deadline = server.clock.now + limit
        let request = RangeRequest(method: method, range: range, precondition: precondition)
        do throws(TransferFault) {
            try await transfer(request, deadline, sink)
        } catch {
            disconnect()
            throw sink.refusal ?? failure(error)
        }
        if let refusal = sink.refusal { throw refusal }
        guard sink.bodyBytes == sink.bodyCapacity else {
            throw failure(.incomplete(byteCount: sink.bodyBytes, of: sink.bodyCapacity))
        }
    }

    private func transfer(_ request: RangeRequest, _ deadline: Duration, _ sink: ResponseSink)
        async throws(TransferFault)
    {
        while true {
            let kept = stream.withLock { $0 }
            var connected: ServerStream
            if let kept { connected = kept } else { connected = try await connect(deadline) }
            do throws(TransferFault) {
                var exchange = RangeExchange(
                    connection: self, request: request, deadline: deadline, wait: wait)
                exchange.wait.peerEnd = connected.end
                let isKept = try await exchange.run(on: &connected, into: sink)
                stream.withLock { $0 = isKept ? connected : nil }
                return
            } catch {
                stream.withLock { $0 = nil }
                guard kept != nil, error == .connectionEnded, sink.receivedBytes == 0, sink.refusal == nil
                else { throw error }
            }
        }
    }

    private func failure(_ fault: TransferFault) -> FetchFailure {
        .transfer(fault, of: location, options: options)
    }

    // MARK: Connecting

    private func connect(_ deadline: Duration) async throws(TransferFault) -> ServerStream {
        let clock = server.clock
        let patience = Patience(
            deadline: min(deadline, clock.now + options.connectTimeout), fault: .connectTimeout)
        guard hostExists else { throw .hostNotFound }
        try await resolve(patience)
        var stream = try await connectTCP(patience)
        try await shakeHands(&stream, patience)
        return stream
    }

    private func resolve(_ patience: Patience) async throws(TransferFault) {
        for action in server.faults(.network, "resolve", on: location.host) {
            if try await pause(action, patience) { continue }
            // The resolver tells both the same way.
            throw .hostNotFound
        }
    }

    private func connectTCP(_ patience: Patience) async throws(TransferFault) -> ServerStream {
        let clock = server.clock
        let number = server.nextConnectionNumber()
        var stream = ServerStream(number: number, end: server.end)
        for action in server.faults(.network, "connect", on: location.server, connection: number) {
            if try await pause(action, patience) { continue }
            switch action {
            case .drop: try await wait.forever(patience)
            case .fail(let errno):
                try await wait.sleep(until: clock.now + server.network.roundTrip, patience)
                throw TransferFault(connecting: errno)
            case .reset(let count), .close(let count): stream.cutAfter = count
            case .bandwidth(let rate): stream.bytesPerSecond = max(1, rate)
            default: preconditionFailure("\(action) is in no table of the image server")
            }
        }
        try await wait.sleep(until: clock.now + server.network.roundTrip, patience)
        guard server.isListening, server.port == location.port, !stream.end.isReleased else {
            throw .connectionRefused
        }
        return stream
    }

    private func shakeHands(_ stream: inout ServerStream, _ patience: Patience) async throws(TransferFault) {
        let clock = server.clock
        let actions = server.faults(.tls, "handshake", on: location.server, connection: stream.number)
        var end = server.certificate.map { TransferFault.untrusted($0) }
        if stream.cutAfter == 0 { end = .tlsFailed("the connection ended in the handshake") }
        for action in actions {
            if try await pause(action, patience) { continue }
            switch action {
            case .drop: try await wait.forever(patience)
            case .close, .reset: end = .tlsFailed("the connection ended in the handshake")
            case .special(let word, _): end = TransferFault.handshakeFault(word)
            default: preconditionFailure("\(action) is in no table of the image server")
            }
        }
        if let hold = server.pauseHold { try await wait.released(hold, patience) }
        // TLS 1.3 needs one round trip.
        try await wait.sleep(until: clock.now + server.network.roundTrip, patience)
        if stream.end.isReleased { end = .tlsFailed("the connection ended in the handshake") }
        if let end { throw end }
    }

    /// - Returns: whether that is all the action asks for.
    private func pause(_ action: FaultAction, _ patience: Patience) async throws(TransferFault) -> Bool {
        try await wait.pause(action, patience)
    }
}

/// What the client asks for.
struct RangeRequest {
    var method: RangeMethod
    var range: Range<UInt64>?
    /// A whole header line.
    var precondition: String?

    /// As sent, with the empty line.
    func head(_ location: HTTPSLocation, _ authorization: AuthorizationHeader?) -> [UInt8] {
        var lines = [
            "\(method.rawValue) \(location.target) HTTP/1.1", "Host: \(location.server)",
            "Accept-Encoding: identity",
        ]
        if let range { lines.append("Range: bytes=\(range.lowerBound)-\(range.upperBound - 1)") }
        if let precondition { lines.append(precondition) }
        if let authorization { lines.append(String(cString: authorization.pointer)) }
        return Array((lines + ["", ""]).joined(separator: "\r\n").utf8)
    }
}
