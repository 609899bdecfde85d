internal import Synchronization
internal import WireFormat

/// What a WebSocket has brought and nobody has taken yet: filled on its event loop, emptied by one reader
/// anywhere.
final class WebSocketInbox: Sendable {
    private typealias Reader = CheckedContinuation<[Bytes], Never>
    private struct State {
        var pieces: [Bytes] = []
        var byteCount = 0
        var hasEnded = false
        var isReadWithheld = false
        var reader: Reader?

        /// - Returns: what waits, if there is anything to say.
        mutating func take() -> [Bytes]? {
            guard !pieces.isEmpty || hasEnded else { return nil }
            defer { (pieces, byteCount) = ([], 0) }
            return pieces
        }
    }

    private let state = Mutex(State())
    private let limit: Int
    private let roomMade: @Sendable () -> Void

    /// - Parameters:
    ///   - limit: Bytes that may wait before nothing more is read.
    ///   - roomMade: Called after ``mayRead()`` has said no, once that has changed.
    init(limit: Int, roomMade: @escaping @Sendable () -> Void) {
        self.limit = limit
        self.roomMade = roomMade
    }

    func put(_ pieces: [Bytes]) {
        guard !pieces.isEmpty else { return }
        let reader = state.withLock { state -> Reader? in
            guard !state.hasEnded else { return nil }
            defer { state.reader = nil }
            if state.reader == nil {
                state.pieces += pieces
                state.byteCount += pieces.reduce(0) { $0 + $1.count }
            }
            return state.reader
        }
        reader?.resume(returning: pieces)
    }

    /// Nothing comes any more; what is there can still be taken.
    func end() {
        let reader = state.withLock { state in
            state.hasEnded = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: [])
    }

    /// Whether the connection may read on.
    func mayRead() -> Bool {
        state.withLock { state in
            state.isReadWithheld = state.byteCount >= limit && !state.hasEnded
            return !state.isReadWithheld
        }
    }

    var isReadWithheld: Bool { state.withLock { $0.isReadWithheld } }

    /// Waits for what comes; nothing at the end. There is one reader: whoever asks again has given up the
    /// first time, and gets nothing.
    func next() async -> [Bytes] {
        await withCheckedContinuation { reader in
            let (taken, replaced, hasMadeRoom) = state.withLock { state -> ([Bytes]?, Reader?, Bool) in
                let replaced = state.reader
                let taken = state.take()
                state.reader = taken == nil ? reader : nil
                defer { if taken != nil { state.isReadWithheld = false } }
                return (taken, replaced, taken != nil && state.isReadWithheld)
            }
            replaced?.resume(returning: [])
            if hasMadeRoom { roomMade() }
            if let taken { reader.resume(returning: taken) }
        }
    }
}
