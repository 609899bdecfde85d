import CLinux
import DBusProtocol
import DescriptorPassing
import Glibc
import Synchronization
import Threads

/// A thread that moves packets between a ``WiredBusConnection`` and its socket.
final class SocketTransport: PacketTransport {
    /// Bytes that may wait for a bus that does not read; more, and the connection ends.
    static let outgoingBytes = 256 << 20
    private static let readBytes = 1 << 16

    private struct State {
        var queue: [Packet] = []
        var queuedBytes = 0
        /// Of the first packet, what has gone already.
        var sentBytes = 0
        var mustEnd = false
        /// Until the thread has closed them.
        var isOpen = true
    }

    private let descriptor: CInt
    private let wakeUp: CInt
    private let state = Mutex(State())

    init(descriptor: CInt) {
        self.descriptor = descriptor
        wakeUp = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
        precondition(wakeUp >= 0, "eventfd: errno \(errno)")
    }

    /// - Parameter rest: bytes of the stream that came during authentication.
    func start(_ connection: WiredBusConnection, received rest: [UInt8]) {
        // The thread must not keep a connection alive that nobody uses any more.
        let isStarted = BlockingThread.start("bus") { [weak connection] in
            if !rest.isEmpty { connection?.received(rest) }
            while self.exchange(connection) {}
            connection?.end()
            self.release()
        }
        guard !isStarted else { return }
        connection.end()
        release()
    }

    /// Nobody uses the descriptors any more.
    private func release() {
        state.withLock { state in
            state.isOpen = false
            state.queue = []
            Glibc.close(descriptor)
            Glibc.close(wakeUp)
        }
    }

    func transmit(_ packet: Packet) {
        state.withLock { state in
            guard state.isOpen else { return }
            state.queue.append(packet)
            state.queuedBytes += packet.bytes.count
            if state.queuedBytes > Self.outgoingBytes { state.mustEnd = true }
            wake()
        }
    }

    func close() {
        state.withLock { state in
            guard state.isOpen else { return }
            state.mustEnd = true
            wake()
        }
    }

    private func wake() {
        var one: UInt64 = 1
        _ = write(wakeUp, &one, 8)
    }

    /// One round: wait, send what can be sent, read what there is.
    ///
    /// - Returns: `false` at the end.
    private func exchange(_ connection: WiredBusConnection?) -> Bool {
        let (isWriting, mustEnd) = state.withLock { (!$0.queue.isEmpty, $0.mustEnd) }
        // Closing sends what is queued first, if the bus takes it at once.
        if mustEnd { return isWriting && sendQueued() && false }
        var entries = [
            pollfd(fd: descriptor, events: Int16(POLLIN | (isWriting ? POLLOUT : 0)), revents: 0),
            pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&entries, 2, -1) > 0 else { return errno == EINTR }
        if entries[1].revents != 0 {
            var count: UInt64 = 0
            _ = read(wakeUp, &count, 8)
        }
        if !sendQueued() { return false }
        return entries[0].revents & Int16(POLLIN | POLLHUP | POLLERR) == 0 || receive(connection)
    }

    private func sendQueued() -> Bool {
        while let (packet, sentBytes) = state.withLock({ state in
            state.queue.first.map { ($0, state.sentBytes) }
        }) {
            let outcome = DescriptorSocket.send(
                [packet.bytes[sentBytes...]],
                descriptors: sentBytes == 0 ? packet.descriptors.map(\.number) : [], on: descriptor)
            switch outcome {
            case .wouldBlock: return true
            case .ended: return false
            case .moved(let count):
                state.withLock { state in
                    state.sentBytes += count
                    state.queuedBytes -= count
                    guard state.sentBytes == packet.bytes.count else { return }
                    state.queue.removeFirst()
                    state.sentBytes = 0
                }
            }
        }
        return true
    }

    private func receive(_ connection: WiredBusConnection?) -> Bool {
        guard let connection else { return false }
        var descriptors: [CInt] = []
        var bytes: [UInt8] = []
        let outcome = withUnsafeTemporaryAllocation(byteCount: Self.readBytes, alignment: 8) { buffer in
            let outcome = DescriptorSocket.receive(into: buffer, descriptors: &descriptors, from: descriptor)
            if case .moved(let count) = outcome { bytes = Array(buffer.prefix(count)) }
            return outcome
        }
        let passed = descriptors.map { PassedDescriptor($0) { Glibc.close($0) } }
        switch outcome {
        case .wouldBlock: return true
        case .ended: return false
        case .moved:
            connection.received(bytes, descriptors: passed)
            return true
        }
    }
}
