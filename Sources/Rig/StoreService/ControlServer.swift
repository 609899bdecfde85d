import Glibc
import HTTPRanges
import Threads

/// A small HTTP/1.1 server for the control interface, on loopback or a unix socket. One thread for each
/// connection.
package final class ControlServer: Sendable {
    /// More connections than this are closed at once.
    package static let maximumConnections = 32
    /// A longer body is refused with 413.
    package static let maximumBodyBytes = 1 << 20
    /// A connection on which nothing comes is closed after this.
    package static let idleTimeout = Duration.seconds(30)

    /// With the port that was chosen.
    package let address: ControlAddress
    private let listener: CInt
    private let handler: @Sendable (ControlRequest) -> ControlResponse
    private let state = Monitor(State())

    private struct State {
        var isStopping = false
        var isListening = true
        var sockets: Set<CInt> = []
    }

    /// Listens when it returns.
    package init(
        at address: ControlAddress, _ handler: @escaping @Sendable (ControlRequest) -> ControlResponse
    ) throws(StoreFailure) {
        self.handler = handler
        (listener, self.address) = try Self.listen(at: address)
        guard BlockingThread.start("store control", { [self] in acceptLoop() }) else {
            close(listener)
            throw StoreFailure("start a thread", errno: EAGAIN)
        }
    }

    /// Returns when no thread and no socket is left.
    package func stop() {
        let sockets = state.change { state in
            state.isStopping = true
            return state.sockets
        }
        shutdown(listener, CInt(SHUT_RDWR))
        for socket in sockets { shutdown(socket, CInt(SHUT_RDWR)) }
        _ = state.wait { !$0.isListening && $0.sockets.isEmpty ? true : nil }
    }

    // MARK: Connections

    private func acceptLoop() {
        while true {
            let socket = accept(listener, nil, nil)
            if socket >= 0 {
                admit(socket)
            } else if errno != EINTR && errno != ECONNABORTED {
                break
            }
        }
        close(listener)
        if case .unix(let path) = address { unlink(path) }
        state.change { $0.isListening = false }
    }

    private func admit(_ socket: CInt) {
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        var time = timeval(tv_sec: Int(Self.idleTimeout.components.seconds), tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, size)
        let isWanted = state.withLock { state in
            guard !state.isStopping, state.sockets.count < Self.maximumConnections else { return false }
            state.sockets.insert(socket)
            return true
        }
        guard isWanted else {
            close(socket)
            return
        }
        let isStarted = BlockingThread.start("store request") { [self] in
            serve(socket)
            remove(socket)
        }
        if !isStarted { remove(socket) }
    }

    private func remove(_ socket: CInt) {
        state.change { state in
            state.sockets.remove(socket)
            close(socket)
        }
    }

    private func serve(_ socket: CInt) {
        var received: [UInt8] = []
        while true {
            switch HTTPRequestHead.parse(received[...]) {
            case .incomplete:
                guard receive(socket, &received) else { return }
            case .refused(let status):
                return send(socket, Self.refusal(status, "this is no HTTP request"))
            case .complete(let head, let byteCount):
                received.removeFirst(byteCount)
                guard let body = receiveBody(socket, head, &received) else { return }
                send(socket, answer(head, body))
                guard head.keepsAlive else { return }
            }
        }
    }

    /// - Returns: `nil` when the connection is of no more use.
    private func receiveBody(_ socket: CInt, _ head: HTTPRequestHead, _ received: inout [UInt8]) -> [UInt8]? {
        guard !head.has("transfer-encoding"), let count = Int(head.value("content-length") ?? "0"), count >= 0
        else {
            send(socket, Self.refusal(411, "send the body with a Content-Length"))
            return nil
        }
        guard count <= Self.maximumBodyBytes else {
            send(socket, Self.refusal(413, "a body has at most \(Self.maximumBodyBytes) bytes"))
            return nil
        }
        if head.value("expect")?.lowercased() == "100-continue" {
            send(socket, Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        }
        while received.count < count { guard receive(socket, &received) else { return nil } }
        defer { received.removeFirst(count) }
        return Array(received[..<count])
    }

    private func answer(_ head: HTTPRequestHead, _ body: [UInt8]) -> ControlResponse {
        // A web page must not control a store behind its reader's back.
        guard !head.has("origin") else { return Self.refusal(403, "not for web pages") }
        return handler(ControlRequest(head.method, target: head.target, body: body))
    }

    static func refusal(_ status: Int, _ reason: String) -> ControlResponse {
        ControlResponse(status: status, json: StoreJSON.text(["error": reason]))
    }

    private func receive(_ socket: CInt, _ received: inout [UInt8]) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { buffer in
            let count = recv(socket, buffer.baseAddress, buffer.count, 0)
            if count > 0 { received.append(contentsOf: buffer[..<count]) }
            return count > 0
        }
    }

    private func send(_ socket: CInt, _ response: ControlResponse) { send(socket, response.bytes) }

    private func send(_ socket: CInt, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest.removeFirst(count)
        }
    }

    // MARK: Listening

    private static func listen(at address: ControlAddress) throws(StoreFailure) -> (CInt, ControlAddress) {
        let descriptor = address.newSocket()
        guard descriptor >= 0 else { throw StoreFailure("make a socket", errno: errno) }
        if case .unix(let path) = address {
            guard !isAnswered(address) else {
                close(descriptor)
                throw StoreFailure("\(address): another store answers there; choose another with --control")
            }
            unlink(path)
        }
        var on: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        // The file is its owner's alone from its first moment.
        let mask = umask(0o177)
        let isBound = address.withSocketAddress { bind(descriptor, $0, $1) } == 0
        let number = errno
        umask(mask)
        guard isBound, Glibc.listen(descriptor, 16) == 0 else {
            close(descriptor)
            throw StoreFailure("listen at \(address)", errno: isBound ? errno : number)
        }
        guard case .loopback = address else { return (descriptor, address) }
        var bound = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutableBytes(of: &bound) { bytes in
            _ = getsockname(descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), &size)
        }
        return (descriptor, .loopback(port: UInt16(bigEndian: bound.sin_port)))
    }

    private static func isAnswered(_ address: ControlAddress) -> Bool {
        let probe = address.newSocket()
        guard probe >= 0 else { return false }
        defer { close(probe) }
        return address.withSocketAddress { connect(probe, $0, $1) } == 0
    }
}
