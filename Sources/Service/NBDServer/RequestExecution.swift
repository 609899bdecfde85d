package import BlockStorage
internal import NBDProtocol

/// Carries accepted requests out on a store that may suspend, and words the replies.
package struct RequestExecution: Sendable {
    private let store: any BlockStore
    private let replies: Replies

    package init(store: any BlockStore, replies: Replies) {
        self.store = store
        self.replies = replies
    }

    /// - Parameter isWanted: asked between the parts of a long request whose reply nobody may be left
    ///   to read.
    /// - Returns: the whole reply, whether it went well or not.
    package func reply(to accepted: AcceptedRequest, isWanted: () -> Bool = { true }) async -> ReplyBuffer {
        let request = accepted.request
        do throws(StorageError) {
            switch request.command {
            case .read: return try await read(request)
            case .blockStatus:
                let length = UInt64(request.length)
                let extents = try await store.extents(at: request.offset, byteCount: length)
                return ReplyBuffer(replies.blockStatus(request, extents))
            default:
                try await change(accepted, isWanted)
                return ReplyBuffer(replies.done(request))
            }
        } catch {
            return ReplyBuffer(replies.error(request, error))
        }
    }

    private func read(_ request: Request) async throws(StorageError) -> ReplyBuffer {
        guard request.length > 0 else { return ReplyBuffer(replies.done(request)) }
        let header = replies.readHeaderBytes
        let whole = ReplyBuffer(byteCount: header + Int(request.length), dataBytes: Int(request.length))
        try await store.read(into: .init(rebasing: whole.memory[header...]), at: request.offset)
        replies.writeReadHeader(request, to: whole.memory.baseAddress!)
        return whole
    }

    private func change(_ accepted: AcceptedRequest, _ isWanted: () -> Bool) async throws(StorageError) {
        let request = accepted.request
        let length = UInt64(request.length)
        let isDurable = request.flags.contains(.forceUnitAccess)
        switch request.command {
        case .write:
            guard length > 0 else { return }
            try await store.write(accepted.payload, at: request.offset, isDurable: isDurable)
        case .flush: try await store.flush()
        case .trim:
            try await store.trim(at: request.offset, byteCount: length)
            if isDurable { try await store.flush() }
        case .writeZeroes:
            try await store.writeZeroes(
                at: request.offset, byteCount: length, mayPunchHole: !request.flags.contains(.noHole),
                isDurable: isDurable)
        default: try await warm(request, isWanted)
        }
    }

    /// CACHE: reading is what makes a store that caches do so.
    private func warm(_ request: Request, _ isWanted: () -> Bool) async throws(StorageError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(Int(request.length), DataPlane.inputBytes), alignment: 4096)
        defer { buffer.deallocate() }
        var done: UInt64 = 0
        while done < UInt64(request.length), isWanted() {
            let part = min(UInt64(buffer.count), UInt64(request.length) - done)
            try await store.read(into: .init(rebasing: buffer[..<Int(part)]), at: request.offset + done)
            done += part
        }
    }
}

/// The bytes of one reply, header and data, in memory of their own that was never zeroed.
package final class ReplyBuffer: @unchecked Sendable {
    let memory: UnsafeMutableRawBufferPointer
    /// How many of its last bytes are what was read.
    package let dataBytes: Int

    init(byteCount: Int, dataBytes: Int) {
        memory = .allocate(byteCount: byteCount, alignment: 16)
        self.dataBytes = dataBytes
    }

    convenience init(_ bytes: [UInt8]) {
        self.init(byteCount: bytes.count, dataBytes: 0)
        memory.copyBytes(from: bytes)
    }

    deinit { memory.deallocate() }

    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }
}
