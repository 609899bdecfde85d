import DBusProtocol
import DescriptorPassing
import Glibc
import MessageBus
import Synchronization

/// One connection of a ``SocketServer``: authentication first, then messages both ways.
final class SocketPeer: BusSink, @unchecked Sendable {
    // Unchecked: `outgoing` has its lock; everything else belongs to the loop's thread.

    struct Interest: Equatable {
        var reading = true
        var writing = false
    }

    private struct Queued {
        var packet: Packet
        let sender: ConnectionID?
        /// Whether the bus counts it: authentication is between the peer and us.
        let isMessage: Bool
        var sentBytes = 0
    }

    private struct Outgoing {
        var queue: [Queued] = []
        var mustFinish = false
    }

    /// Packets that one `sendmsg` carries at most.
    private static let packetsPerSend = 32

    let descriptor: CInt
    private let loop: SocketLoop
    private var authentication: ServerAuthentication?
    private var credentials: PeerCredentials?
    private(set) var connection: ConnectionID?
    private let outgoing = Mutex(Outgoing())
    var interest = Interest()

    init(descriptor: CInt, loop: SocketLoop) {
        self.descriptor = descriptor
        self.loop = loop
        if let (userID, processID, groupIDs) = DescriptorSocket.peer(of: descriptor) {
            credentials = PeerCredentials(userID: userID, processID: processID, groupIDs: groupIDs)
        }
        authentication = ServerAuthentication(
            guid: loop.guid, mechanisms: loop.options.mechanisms, peerUserID: credentials?.userID,
            offersDescriptors: true)
    }

    /// Whether more may be read: not while too much of what came is still under way.
    var isReading: Bool { connection.map { !loop.isOverLimit($0) } ?? true }

    func wantedInterest() -> Interest {
        Interest(reading: isReading, writing: outgoing.withLock { !$0.queue.isEmpty })
    }

    // MARK: From the peer

    /// - Returns: `false` when the peer is to be dropped.
    func readOnce() -> Bool {
        var descriptors: [CInt] = []
        var bytes: [UInt8] = []
        let outcome = withUnsafeTemporaryAllocation(byteCount: SocketLoop.readBytes, alignment: 8) { buffer in
            let outcome = DescriptorSocket.receive(into: buffer, descriptors: &descriptors, from: descriptor)
            if case .moved(let count) = outcome { bytes = Array(buffer.prefix(count)) }
            return outcome
        }
        let passed = descriptors.map { PassedDescriptor($0) { close($0) } }
        switch outcome {
        case .wouldBlock: return true
        case .ended: return false
        case .moved: break
        }
        if let connection {
            loop.bus.receive(bytes, descriptors: passed, from: connection)
            return true
        }
        // Nobody may pass descriptors before both sides have agreed on it.
        return passed.isEmpty && authenticate(bytes)
    }

    private func authenticate(_ bytes: [UInt8]) -> Bool {
        guard let progress = try? authentication?.receive(bytes) else { return false }
        if !progress.reply.isEmpty { enqueue(Packet(progress.reply), from: nil, isMessage: false) }
        guard let identity = progress.identity else { return true }
        guard isAdmitted(identity) else { return false }
        authentication = nil
        var known = credentials ?? PeerCredentials(userID: nil, processID: nil)
        known.userID = identity.userID
        let id = loop.bus.attach(self, credentials: known, canPassDescriptors: identity.canPassDescriptors)
        connection = id
        if !progress.rest.isEmpty { loop.bus.receive(progress.rest, from: id) }
        return true
    }

    private func isAdmitted(_ identity: ServerAuthentication.Identity) -> Bool {
        guard let userID = identity.userID else { return true }
        return loop.options.admitsEveryUser || userID == 0 || userID == geteuid()
    }

    /// The time to authenticate is over.
    func expire() { if connection == nil { finish() } }

    // MARK: To the peer

    func deliver(_ packet: Packet, from sender: ConnectionID?) {
        if let sender { loop.startDelivery(packet.bytes.count, of: sender) }
        enqueue(packet, from: sender, isMessage: true)
        loop.touch(self)
    }

    func finish() {
        outgoing.withLock { $0.mustFinish = true }
        loop.touch(self)
    }

    private func enqueue(_ packet: Packet, from sender: ConnectionID?, isMessage: Bool) {
        outgoing.withLock { $0.queue.append(Queued(packet: packet, sender: sender, isMessage: isMessage)) }
    }

    /// Writes as much as the socket takes.
    ///
    /// - Returns: `false` when the peer is to be dropped.
    func writeQueued() -> Bool {
        while true {
            let batch = outgoing.withLock { Self.sendable($0.queue) }
            guard !batch.isEmpty else { return !outgoing.withLock { $0.mustFinish } }
            let descriptors = batch[0].sentBytes == 0 ? batch[0].packet.descriptors : []
            let outcome = DescriptorSocket.send(
                batch.map { $0.packet.bytes[$0.sentBytes...] }, descriptors: descriptors.map(\.number),
                on: descriptor)
            switch outcome {
            case .moved(let count): markSent(count)
            // Who is to be hung up on gets no time to make room.
            case .wouldBlock: return !outgoing.withLock { $0.mustFinish }
            case .ended: return false
            }
        }
    }

    /// The packets at the front that can go together: only the first may carry descriptors.
    private static func sendable(_ queue: [Queued]) -> [Queued] {
        var batch: [Queued] = []
        for queued in queue.prefix(packetsPerSend) {
            if !batch.isEmpty && !queued.packet.descriptors.isEmpty { break }
            batch.append(queued)
        }
        return batch
    }

    private func markSent(_ byteCount: Int) {
        let done = outgoing.withLock { outgoing in
            var rest = byteCount
            var done: [Queued] = []
            while rest > 0 {
                let left = outgoing.queue[0].packet.bytes.count - outgoing.queue[0].sentBytes
                guard left <= rest else {
                    outgoing.queue[0].sentBytes += rest
                    // They have gone with the first byte.
                    outgoing.queue[0].packet.descriptors = []
                    break
                }
                rest -= left
                done.append(outgoing.queue.removeFirst())
            }
            return done
        }
        for queued in done { settle(queued) }
    }

    private func settle(_ queued: Queued) {
        guard queued.isMessage, let connection else { return }
        loop.bus.delivered(queued.packet.bytes.count, to: connection)
        if let sender = queued.sender { loop.endDelivery(queued.packet.bytes.count, of: sender) }
    }

    /// Closes; the bus hears of it, what was queued is given up.
    func tearDown() {
        let queued = outgoing.withLock { outgoing in
            defer { outgoing.queue = [] }
            return outgoing.queue
        }
        for item in queued { settle(item) }
        close(descriptor)
        if let connection { loop.bus.disconnected(connection) }
    }
}
