package import BlockStorage
import CLinux
import Glibc
package import HTTPTransport
import LinuxPlatform
import NBDServer
import Synchronization
package import VirtualMedia
import WebFront
import WireFormat

/// Serves an image to a BMC over its WebSocket, as its web page does, without a browser.
package struct ImageAttachment: Sendable {
    package struct Target: Sendable {
        package var host: String
        package var port: Int
        /// "/nbd/0"
        package var path: String
        /// Header fields that say who is there: "Authorization" or "X-Auth-Token".
        package var fields: [(name: String, value: String)]

        package init(host: String, port: Int, path: String, fields: [(name: String, value: String)]) {
            self.host = host
            self.port = port
            self.path = path
            self.fields = fields
        }
    }

    package enum News: Equatable, Sendable {
        case connected
        /// Lost; it is tried again, for the so-many-th time.
        case lost(String, attempt: Int)
    }

    /// How it ended.
    package enum End: Equatable, Sendable {
        /// Ejected, by the host or by somebody else, or stopped here.
        case done
        /// The BMC said why it does not go on.
        case refused(String)
        /// The BMC could not be reached any more.
        case unreachable(String)
    }

    package struct Limits: Sendable {
        /// How long a lost connection is sought; a BMC waits for half a minute by default.
        package var reconnect = Duration.seconds(30)
        /// Before another attempt; doubles each time.
        package var firstPause = Duration.milliseconds(100)
        package var longestPause = Duration.seconds(2)
        /// What is read from the server of the image at a time, and sent as one message: no more than others
        /// are known to take.
        package var messageBytes = 128 << 10

        package init() {}
    }

    private let target: Target
    private let client: WebSocketClient
    private let store: any BlockStore
    private let clock: any MediaClock
    private let spawner: any Spawner
    private let limits: Limits
    private let news: @Sendable (News) -> Void
    private let stopping: Stopping

    /// - Parameter store: what it allows to be written is what the host may write.
    package init(
        _ store: any BlockStore, to target: Target, _ client: WebSocketClient, clock: any MediaClock,
        spawner: any Spawner, limits: Limits = Limits(), news: @escaping @Sendable (News) -> Void = { _ in }
    ) {
        self.target = target
        self.client = client
        self.clock = clock
        self.spawner = spawner
        self.limits = limits
        self.news = news
        self.store = store
        stopping = Stopping()
    }

    /// Serves until the medium is ejected, ``stop()`` is called, or the BMC is out of reach for too long.
    package func run() async -> End {
        defer { stopping.over() }
        var attempt = 0
        var lostAt = clock.now
        var wasConnected = false
        while true {
            let failure: String
            do throws(WebSocketRefused) {
                let link = try await client.open(
                    host: target.host, port: target.port, path: target.path, fields: target.fields)
                (attempt, wasConnected) = (0, true)
                news(.connected)
                let isWanted = stopping.began(link)
                if !isWanted { await link.close(.normal, "") }
                await serve(link)
                stopping.ended()
                if let end = Self.end(link.closing) { return end }
                failure = link.closing.map { "closed with \($0.rawValue)" } ?? "the connection was lost"
                lostAt = clock.now
            } catch {
                // A server that answers at all means what it says; one that is not there may come back.
                if error.status != nil { return .refused(error.description) }
                failure = error.description
                if !wasConnected { return .unreachable(failure) }
            }
            if stopping.isStopped { return .done }
            guard clock.now - lostAt < limits.reconnect else { return .unreachable(failure) }
            attempt += 1
            news(.lost(failure, attempt: attempt))
            let pause = min(limits.firstPause * (1 << min(attempt - 1, 10)), limits.longestPause)
            do { try await clock.sleep(until: clock.now + pause) } catch { return .done }
        }
    }

    /// Closes the connection in good order: the BMC takes the medium from the host, which loses what it has not
    /// flushed. A medium that a host writes to is ejected first; see ``SlotEjection``.
    package func stop() async { await stopping.stop()?.close(.normal, "") }

    /// Whether a BMC is served at this moment; while a connection is sought nothing can be stored.
    package var isServing: Bool { stopping.isServing }

    /// Returns once a BMC is served, or this has ended.
    package func servingBegins() async { await stopping.servingBegins() }

    /// - Returns: `nil` if it is worth to connect again.
    private static func end(_ code: WebSocketCloseCode?) -> End? {
        switch code {
        case .normal?: .done
        case .slotInUse?: .refused("the slot is in use")
        case .loginEnded?: .refused("the login has ended")
        case .mountFailed?: .refused("the medium could not be inserted")
        case .mediumLost?: .refused("the BMC had to give the medium up")
        case .internalError?: .refused("something failed in the BMC")
        default: nil
        }
    }

    // MARK: Bytes

    /// One connection, from its handshake to its end.
    private func serve(_ link: any WebSocketLink) async {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &ends) == 0
        else { return await link.close(.internalError, "no socket is left") }
        let channel = SocketChannel(owning: ends[0])
        // One server for one connection: one that has stopped serves nobody any more.
        let server = NBDServer(store: store, exportName: "")
        guard server.serve(descriptor: ends[1]) != nil else {
            return await link.close(.internalError, "no thread is left")
        }
        let messageBytes = limits.messageBytes
        let sending = spawner.spawn("attach send", .ownThread) {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: messageBytes, alignment: 16)
            defer { memory.deallocate() }
            while true {
                let count: Int
                do throws(SystemError) { count = try await channel.read(into: memory) } catch { break }
                guard count > 0 else { break }
                do throws(WebSocketEnded) { try await link.send(Array(memory[..<count])) } catch { break }
            }
        }
        receiving: while true {
            let pieces = await link.receive()
            if pieces.isEmpty { break }
            for piece in pieces {
                do throws(SystemError) { try await channel.write(piece) } catch { break receiving }
            }
        }
        channel.close()
        await sending.finished()
        await server.stop()
    }
}

/// Whether, and what, is to be stopped.
private final class Stopping: Sendable {
    private struct State {
        var isStopped = false
        var isOver = false
        var link: (any WebSocketLink)?
        var waiting: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// - Returns: whether it is still wanted.
    func began(_ link: any WebSocketLink) -> Bool {
        let (isWanted, waiting) = state.withLock { state in
            state.link = link
            defer { state.waiting = [] }
            return (!state.isStopped, state.waiting)
        }
        for one in waiting { one.resume() }
        return isWanted
    }

    func servingBegins() async {
        await withCheckedContinuation { waiting in
            let isNow = state.withLock { state in
                guard state.link == nil, !state.isOver else { return true }
                state.waiting.append(waiting)
                return false
            }
            if isNow { waiting.resume() }
        }
    }

    func over() {
        let waiting = state.withLock { state in
            state.isOver = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for one in waiting { one.resume() }
    }

    var isServing: Bool { state.withLock { $0.link != nil } }

    func ended() { state.withLock { $0.link = nil } }

    func stop() -> (any WebSocketLink)? {
        state.withLock { state in
            state.isStopped = true
            return state.link
        }
    }
}
