import FaultPoints
import Synchronization
import VirtualMedia

/// What a served connection sends, and where faults cut it off.
final class Outlet: Sendable {
    enum Cut: Equatable {
        case close, reset
        /// Nothing more comes, and the connection stays open.
        case stall
        /// The client sees the end, and can still send.
        case halfClose
    }

    private struct State {
        var cut: (Cut, leftBytes: Int)?
        var isSilent = false
    }

    private let channel: MemoryChannel
    private let state = Mutex(State())

    init(_ channel: MemoryChannel) { self.channel = channel }

    var sentBytes: UInt64 { channel.sentBytes }

    /// Cuts the stream off after so many more bytes; of several cuts the first to come counts.
    func cut(_ cut: Cut, afterBytes byteCount: Int) async {
        state.withLock { state in
            if let pending = state.cut, pending.leftBytes <= byteCount { return }
            state.cut = (cut, byteCount)
        }
        if byteCount <= 0 { try? await send([]) }
    }

    /// - Parameter portionBytes: the most that the client gets by one read.
    func send(_ bytes: [UInt8], portionBytes: Int = .max) async throws(SystemError) {
        let (part, cut) = state.withLock { state -> (ArraySlice<UInt8>, Cut?) in
            guard !state.isSilent else { return ([], nil) }
            guard let (cut, leftBytes) = state.cut else { return (bytes[...], nil) }
            guard leftBytes <= bytes.count else {
                state.cut = (cut, leftBytes - bytes.count)
                return (bytes[...], nil)
            }
            state.cut = nil
            state.isSilent = cut == .stall
            return (bytes.prefix(max(0, leftBytes)), cut)
        }
        if !part.isEmpty { try await channel.write(part, portionBytes: portionBytes) }
        switch cut {
        case .close: channel.close()
        case .reset: channel.reset()
        case .halfClose: channel.closeWriting()
        case .stall, nil: break
        }
    }
}

extension FaultAction {
    /// The action as a cut of a stream, with the bytes that still come.
    var asCut: (Outlet.Cut, afterBytes: Int)? {
        switch self {
        case .close(let byteCount): (.close, byteCount)
        case .reset(let byteCount): (.reset, byteCount)
        case .special("stall-after", let byteCount): (.stall, Int(byteCount))
        case .special("half-close", let byteCount): (.halfClose, Int(byteCount))
        default: nil
        }
    }
}
