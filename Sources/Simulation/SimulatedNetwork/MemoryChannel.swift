import FaultPoints
import Synchronization
package import VirtualMedia
package import WireFormat

/// One end of a connection in memory, with the manners of a connected stream socket.
///
/// Both ends live as long as anybody has one of them; nothing is closed by letting go of it.
package final class MemoryChannel: ByteChannel {
    package let link: MemoryLink
    private let incoming: MemoryPipe
    private let outgoing: MemoryPipe
    private let isClient: Bool
    private let wasClosed = Atomic(false)

    init(link: MemoryLink, isClient: Bool, incoming: MemoryPipe, outgoing: MemoryPipe) {
        self.link = link
        self.isClient = isClient
        self.incoming = incoming
        self.outgoing = outgoing
    }

    /// - Returns: 0 at the end of the stream, and after a reset too, as `SocketChannel` says it.
    package func read(into buffer: UnsafeMutableRawBufferPointer) async throws(SystemError) -> Int {
        try await incoming.read(into: buffer)
    }

    /// - Throws: EPIPE once either end has closed, ECONNRESET once after a reset.
    package func write(_ bytes: Bytes) async throws(SystemError) {
        try await write(bytes, portionBytes: .max)
    }

    /// - Parameter portionBytes: the most that the peer gets by one read.
    package func write(_ bytes: Bytes, portionBytes: Int) async throws(SystemError) {
        try await link.send(bytes, portionBytes: portionBytes, isFromClient: isClient)
    }

    package var isClosed: Bool { wasClosed.load(ordering: .relaxed) }

    package func close() {
        wasClosed.store(true, ordering: .relaxed)
        closeWriting()
        closeReading()
    }

    /// The peer sees the end of the stream; it can still send (shutdown SHUT_WR).
    package func closeWriting() { outgoing.closeWriting() }

    /// What has arrived is still read, then comes the end; the peer cannot send any more (SHUT_RD).
    package func closeReading() { incoming.closeReading() }

    /// Ends the connection at once and in disorder, as closing with SO_LINGER of zero does.
    package func reset() { link.reset() }

    /// The peer takes nothing any more: it has closed both directions, or the connection was reset.
    package var isPeerGone: Bool { outgoing.isUnread }

    /// Bytes that this end has sent so far.
    package var sentBytes: UInt64 { outgoing.sentBytes }
}

/// A connection in memory, as the path between its ends sees it.
package final class MemoryLink: Sendable {
    package struct Options: Sendable {
        package var toServer = LinkModel.local
        package var toClient = LinkModel.local
        /// What one direction holds of what was written and not yet read: net.core.wmem_default.
        package var bufferBytes = 212_992
        package init() {}
        package init(_ both: LinkModel) { (toServer, toClient) = (both, both) }
    }

    /// What it leads to: a socket's path, a slot.
    package let name: String
    /// Counted from 0 for its name.
    package let number: Int
    private let slot: String?
    private let toServer: MemoryPipe
    private let toClient: MemoryPipe
    private let surroundings: NetworkSurroundings

    /// - Returns: the client's end and the server's.
    package static func connect(
        _ name: String, number: Int = 0, slot: String? = nil, options: Options = Options(),
        in surroundings: NetworkSurroundings
    ) -> (client: MemoryChannel, server: MemoryChannel) {
        let link = MemoryLink(name, number, slot, options, surroundings)
        return (
            MemoryChannel(link: link, isClient: true, incoming: link.toClient, outgoing: link.toServer),
            MemoryChannel(link: link, isClient: false, incoming: link.toServer, outgoing: link.toClient)
        )
    }

    private init(
        _ name: String, _ number: Int, _ slot: String?, _ options: Options,
        _ surroundings: NetworkSurroundings
    ) {
        self.name = name
        self.number = number
        self.slot = slot
        self.surroundings = surroundings
        let occasion = FaultOccasion(
            .resource, "socket-buffer", on: name, slot: slot, connection: number,
            at: surroundings.clock.now)
        let capacity = Self.bufferBytes(options.bufferBytes, surroundings.faults.met(occasion))
        func pipe(_ direction: String, _ model: LinkModel) -> MemoryPipe {
            MemoryPipe(
                "link \(name) \(number) \(direction)", capacity: capacity, model: model,
                random: surroundings.random.stream("link \(name) \(number) \(direction)"),
                clock: surroundings.clock, spawner: surroundings.spawner)
        }
        toServer = pipe("send", options.toServer)
        toClient = pipe("receive", options.toClient)
        for pipe in [toServer, toClient] { pipe.onReset { [weak self] in self?.reset() } }
    }

    /// Both directions end; what is in flight is lost.
    package func reset() {
        toServer.reset()
        toClient.reset()
    }

    /// Changes both directions; what is in flight keeps the time of its arrival.
    package func change(_ body: (inout LinkModel) -> Void) {
        toServer.change(body)
        toClient.change(body)
    }

    fileprivate func send(_ bytes: Bytes, portionBytes: Int, isFromClient: Bool) async throws(SystemError) {
        let pipe = isFromClient ? toServer : toClient
        let start = pipe.sentBytes
        let occasion = FaultOccasion(
            .network, isFromClient ? "send" : "receive", on: name, slot: slot, connection: number,
            direction: isFromClient ? .up : .down, bytes: start..<start + UInt64(bytes.count),
            at: surroundings.clock.now)
        let actions = surroundings.faults.met(occasion)
        var handling = MemoryPipe.Handling()
        handling.portionBytes = portionBytes
        for action in actions { apply(action, to: &handling, pipe) }
        try await pipe.write(bytes, handling)
    }

    private func apply(
        _ action: FaultAction, to handling: inout MemoryPipe.Handling, _ pipe: MemoryPipe
    ) {
        switch action {
        case .delay(let span): handling.delay += span
        case .hold(let hold): handling.hold = hold
        case .slice(let byteCount): handling.portionBytes = min(handling.portionBytes, byteCount)
        case .reset(let afterBytes): handling.resetAfter = afterBytes
        case .bandwidth(let rate): pipe.change { $0.bytesPerSecond = rate }
        default: preconditionFailure("\(action) is nothing that a path can do")
        }
    }

    private static func bufferBytes(_ usual: Int, _ actions: [FaultAction]) -> Int {
        actions.reduce(usual) { bytes, action in
            guard case .special("tiny", let tiny) = action else { return bytes }
            return Int(max(1, tiny))
        }
    }
}
