internal import NIOCore
internal import Synchronization

/// How many bytes of a WebSocket are on their way out, and who waits until there are fewer.
final class WebSocketOutbox: Sendable {
    private struct State {
        var byteCount = 0
        var hasEnded = false
        var waiters: [CheckedContinuation<Bool, Never>] = []
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func began(_ byteCount: Int) { state.withLock { $0.byteCount += byteCount } }

    /// They are the kernel's now, or nobody's.
    func ended(_ byteCount: Int) {
        let waiters = state.withLock { state -> [CheckedContinuation<Bool, Never>] in
            state.byteCount -= byteCount
            // Half of it is to be gone, so that who waits has something to do when it wakes.
            guard state.byteCount <= limit / 2 else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: true) }
    }

    /// Nothing goes out any more.
    func end() {
        let waiters = state.withLock { state in
            state.hasEnded = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: false) }
    }

    /// Returns once there is room for more.
    ///
    /// - Returns: `false` when nothing goes out any more.
    func hasRoom() async -> Bool {
        await withCheckedContinuation { waiter in
            let now = state.withLock { state -> Bool? in
                if state.hasEnded { return false }
                if state.byteCount < limit { return true }
                state.waiters.append(waiter)
                return nil
            }
            if let now { waiter.resume(returning: now) }
        }
    }
}

/// A frame as it goes out (RFC 6455 §5.2), whole and final.
enum WebSocketFrameWriter {
    private static let maximumHeadBytes = 14

    /// Copies the payload once; its mask is put on at the same time.
    ///
    /// - Parameter isMasked: by a client, with a key of its own for each frame.
    static func frame(
        _ opcode: WebSocketFrameReader.Opcode, _ payload: UnsafeRawBufferPointer, isMasked: Bool
    ) -> ByteBuffer {
        var frame = ByteBufferAllocator().buffer(capacity: maximumHeadBytes + payload.count)
        frame.writeInteger(0x80 | opcode.rawValue)
        let masked: UInt8 = isMasked ? 0x80 : 0
        switch payload.count {
        case 0...125: frame.writeInteger(masked | UInt8(payload.count))
        case 126...0xFFFF:
            frame.writeInteger(masked | 126)
            frame.writeInteger(UInt16(payload.count))
        default:
            frame.writeInteger(masked | 127)
            frame.writeInteger(UInt64(payload.count))
        }
        var mask = WebSocketMask.none
        if isMasked {
            let key = UInt32.random(in: .min ... .max)
            frame.writeInteger(key, endianness: .little)
            mask = WebSocketMask(key: key)
        }
        frame.writeWithUnsafeMutableBytes(minimumWritableBytes: payload.count) { target in
            if let start = target.baseAddress { mask.copy(payload, to: start) }
            return payload.count
        }
        return frame
    }
}
