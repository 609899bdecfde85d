import FaultPoints
import Glibc
import NBDProtocol
import NBDServer
import VirtualMedia
import WireFormat

/// The handshake of one connection, with what faults make of it.
struct ServedHandshake {
    enum Outcome {
        case transmit(Negotiated, leftover: Bytes)
        case over(ConnectionEnd)
    }

    /// Received at once.
    private static let receiveBytes = 4096
    private static let clientFlagsBytes = 4

    private let parts: ServedConnection.Parts

    init(_ parts: ServedConnection.Parts) { self.parts = parts }

    func run() async -> Outcome {
        do throws(SystemError) { return try await haggle() } catch { return .over(.hungUp) }
    }

    private func haggle() async throws(SystemError) -> Outcome {
        let export = parts.service.export
        var distortion = HandshakeDistortion()
        let greetingBytes = UInt64(ServerHandshake.greeting.count)
        for action in parts.meet("handshake", 0..<greetingBytes, .down) {
            if let lives = await parts.patience.wait(for: action) {
                guard lives else { return .over(.hungUp) }
            } else if let (cut, afterBytes) = action.asCut {
                await parts.outlet.cut(cut, afterBytes: afterBytes)
            } else {
                distortion.add(action)
            }
        }
        try await send(distortion.greeting(for: export))
        if distortion.isOldStyle { return .transmit(Negotiated(export: export), leftover: []) }
        var core = ServerHandshake(exports: [export])
        var clientFlags: [UInt8] = []
        var intake = Intake()
        var pending: Bytes = []
        while true {
            if pending.isEmpty { pending = try await receive(&intake) }
            guard !pending.isEmpty else { return .over(.hungUp) }
            clientFlags += pending.prefix(Self.clientFlagsBytes - clientFlags.count)
            var isRefused = false
            let actions = core.receive(pending)
            pending = []
            for action in actions {
                switch action {
                case .send(let sound): isRefused = try await sendAnswer(sound, &distortion)
                case .transmit(let negotiated, let leftover):
                    guard isRefused else { return .transmit(negotiated, leftover: leftover) }
                    // The client was told no: it goes on asking, of a handshake that has granted nothing.
                    core = ServerHandshake(exports: [export])
                    _ = core.receive(clientFlags[...])
                    if negotiated.hasStructuredReplies {
                        _ = core.receive(OptionRequest.encode(.structuredReply)[...])
                    }
                    pending = leftover
                case .close(let reason): return .over(ConnectionEnd(handshakeClosed: reason))
                }
            }
        }
    }

    /// What was received so far, and where faults end it.
    private struct Intake {
        var receivedBytes: UInt64 = 0
        var cut: (Outlet.Cut, leftBytes: Int)?
    }

    /// - Returns: whether the answer refuses what the sound one granted.
    private func sendAnswer(_ sound: [UInt8], _ distortion: inout HandshakeDistortion)
        async throws(SystemError) -> Bool
    {
        let start = parts.outlet.sentBytes
        for action in parts.meet("option", start..<start + UInt64(sound.count), .down) {
            distortion.add(action)
        }
        let (bytes, isRefusal) = distortion.answer(sound)
        guard !bytes.isEmpty else { throw SystemError(EPIPE, "answer EXPORT_NAME with an error") }
        try await send(bytes)
        return isRefusal
    }

    private func send(_ bytes: [UInt8]) async throws(SystemError) {
        let start = parts.outlet.sentBytes
        var portionBytes = Int.max
        for action in parts.meet("handshake-send", start..<start + UInt64(bytes.count), .down) {
            if let lives = await parts.patience.wait(for: action) {
                guard lives else { throw SystemError(EPIPE, "send") }
            } else if let (cut, afterBytes) = action.asCut {
                await parts.outlet.cut(cut, afterBytes: afterBytes)
            } else if case .slice(let byteCount) = action {
                portionBytes = max(1, byteCount)
            }
        }
        try await parts.outlet.send(bytes, portionBytes: portionBytes)
    }

    private func receive(_ intake: inout Intake) async throws(SystemError) -> Bytes {
        if let (cut, leftBytes) = intake.cut, leftBytes == 0 { return end(cut) }
        var bytes = try await parts.channel.readSome(atMost: Self.receiveBytes)
        guard !bytes.isEmpty else { return [] }
        let start = intake.receivedBytes
        for action in parts.meet("handshake-receive", start..<start + UInt64(bytes.count), .up) {
            if let lives = await parts.patience.wait(for: action) {
                guard lives else { return [] }
            } else if let (cut, afterBytes) = action.asCut {
                intake.cut = (cut, afterBytes)
            }
        }
        if let (cut, leftBytes) = intake.cut {
            // What comes before the end is still looked at.
            bytes = bytes.prefix(max(0, leftBytes))
            intake.cut = (cut, max(0, leftBytes) - bytes.count)
            if bytes.isEmpty { return end(cut) }
        }
        intake.receivedBytes += UInt64(bytes.count)
        return bytes
    }

    private func end(_ cut: Outlet.Cut) -> Bytes {
        if cut == .reset { parts.channel.reset() }
        return []
    }
}

extension ByteChannel {
    /// - Returns: whatever has arrived; empty at the end of the stream.
    func readSome(atMost byteCount: Int) async throws(SystemError) -> Bytes {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { buffer.deallocate() }
        let count = try await read(into: buffer)
        return Array(buffer.prefix(count))[...]
    }
}
