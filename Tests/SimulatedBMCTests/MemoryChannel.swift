import Glibc
import Synchronization
import VirtualMedia
import WireFormat

/// One end of a connection in memory.
final class MemoryChannel: ByteChannel {
    private struct State {
        var incoming: [UInt8] = []
        var isEnded = false
        var reader: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    nonisolated(unsafe) private weak var peer: MemoryChannel?

    static func pair() -> (MemoryChannel, MemoryChannel) {
        let (one, other) = (MemoryChannel(), MemoryChannel())
        one.peer = other
        other.peer = one
        return (one, other)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) async throws(SystemError) -> Int {
        while true {
            let count = state.withLock { state -> Int? in
                let count = min(buffer.count, state.incoming.count)
                buffer.copyBytes(from: state.incoming[..<count])
                state.incoming.removeFirst(count)
                return count > 0 || state.isEnded ? count : nil
            }
            if let count { return count }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    guard state.incoming.isEmpty && !state.isEnded else { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    func write(_ bytes: Bytes) async throws(SystemError) {
        guard let peer, !state.withLock({ $0.isEnded }) else { throw SystemError(EPIPE, "send") }
        peer.arrive { $0.incoming += bytes }
    }

    func close() {
        arrive { $0.isEnded = true }
        peer?.arrive { $0.isEnded = true }
    }

    private func arrive(_ change: (inout State) -> Void) {
        let reader = state.withLock { state in
            change(&state)
            return state.reader.take()
        }
        reader?.resume()
    }
}

extension ByteChannel {
    /// Exactly that many bytes; `nil` at the end of the stream.
    func read(exactly byteCount: Int) async throws(SystemError) -> [UInt8]? {
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, byteCount), alignment: 1)
        defer { buffer.deallocate() }
        while bytes.count < byteCount {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(byteCount - bytes.count)])
            let count = try await read(into: rest)
            guard count > 0 else { return nil }
            bytes += rest[..<count]
        }
        return bytes
    }
}
