import BlockStorage
import FaultPoints
import NBDProtocol
import NBDServer

/// Carries out requests that faults have met; the sound ones are `RequestExecution`'s.
struct RequestRun: Sendable {
    let store: any BlockStore
    let execution: RequestExecution
    let replies: Replies
    let earlier: EarlierBytes?

    /// The sound reply with the number of its last bytes that are data.
    typealias Outcome = (bytes: [UInt8], dataBytes: Int)

    func outcome(_ accepted: AcceptedRequest, _ fate: RequestFate) async -> Outcome {
        let request = accepted.request
        switch fate.deed {
        case .refuse(let number): return (replies.error(request, number, "injected"), 0)
        case .shutDown: return (replies.error(request, .shuttingDown, "injected"), 0)
        case .pretend: return (replies.done(request), 0)
        case .failAfterwards(let number):
            _ = await carryOut(accepted, fate)
            return (replies.error(request, number, "injected"), 0)
        case .carryOut: return await carryOut(accepted, fate)
        }
    }

    private func carryOut(_ accepted: AcceptedRequest, _ fate: RequestFate) async -> Outcome {
        let request = accepted.request
        if request.command == .write {
            await earlier?.remember(request.offset, Int(request.length), of: store)
            let isSound =
                fate.tornSectors == nil && !fate.ignoresForceUnitAccess && fate.corruptions.isEmpty
            if !isSound { return (await write(accepted, fate), 0) }
        }
        let reply = await execution.reply(to: accepted)
        var bytes = Array(reply.bytes)
        let dataBytes = reply.dataBytes
        for corruption in fate.corruptions { await corrupt(&bytes, dataBytes, corruption, request) }
        return (bytes, dataBytes)
    }

    /// Changes the data of a read that went well.
    func corrupt(
        _ bytes: inout [UInt8], _ dataBytes: Int, _ corruption: FaultAction.Corruption, _ request: Request
    ) async {
        guard dataBytes > 0 else { return }
        var other: [UInt8]?
        switch corruption {
        case .stale: other = await earlierBytes(request)
        case .shift(let byteCount): other = await shifted(request, by: byteCount)
        case .bitFlip, .zero, .swap: break
        }
        let start = bytes.count - dataBytes
        bytes.withUnsafeMutableBytes { buffer in
            let data = UnsafeMutableRawBufferPointer(rebasing: buffer[start...])
            DataFaults.apply(corruption, to: data) { data, _ in
                if let other, other.count == data.count { data.copyBytes(from: other) }
            }
        }
    }

    private func earlierBytes(_ request: Request) async -> [UInt8]? {
        if let store = store as? FaultyStore {
            return try? await store.earlierContents(at: request.offset, byteCount: Int(request.length))
        }
        return try? await earlier?.contents(request.offset, Int(request.length), of: store)
    }

    /// What lies further on; past the end it goes on at the start.
    private func shifted(_ request: Request, by byteCount: Int) async -> [UInt8]? {
        let length = UInt64(request.length)
        guard store.byteCount > length else { return nil }
        let start = (request.offset + UInt64(max(0, byteCount))) % (store.byteCount - length + 1)
        return try? await store.read(Int(length), at: start)
    }

    private func write(_ accepted: AcceptedRequest, _ fate: RequestFate) async -> [UInt8] {
        let request = accepted.request
        var payload = Array(accepted.payload)
        payload.withUnsafeMutableBytes { data in
            for corruption in fate.corruptions {
                DataFaults.apply(corruption, to: data) { data, other in
                    // A write has no place to look further on, and what was there before is not sent.
                    if case .further(let byteCount) = other { DataFaults.rotate(data, by: byteCount) }
                }
            }
        }
        let isDurable = request.flags.contains(.forceUnitAccess) && !fate.ignoresForceUnitAccess
        let missing = DataFaults.missingSectors(of: payload.count, sectors: fate.tornSectors ?? .max)
        do throws(StorageError) {
            var start = 0
            for gap in missing + [payload.count..<payload.count] {
                let part = Array(payload[start..<gap.lowerBound])
                if !part.isEmpty {
                    try await store.write(part, at: request.offset + UInt64(start), isDurable: isDurable)
                }
                start = gap.upperBound
            }
            return replies.done(request)
        } catch {
            return replies.error(request, error)
        }
    }
}

extension BlockStore {
    func write(_ bytes: [UInt8], at offset: UInt64, isDurable: Bool = false) async throws(StorageError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        try await write(UnsafeRawBufferPointer(buffer), at: offset, isDurable: isDurable)
    }
}
