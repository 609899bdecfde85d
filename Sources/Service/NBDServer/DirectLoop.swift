internal import BlockStorage
import Glibc
internal import NBDProtocol

/// The data plane for stores that never suspend: one thread, one loop. All requests that have arrived
/// are carried out before anything is sent; small replies gather in one buffer and leave in one call,
/// large reads go from file to socket by sendfile behind them.
struct DirectLoop: ~Copyable {
    private let socket: ConnectedSocket
    private let store: any DirectBlockStore
    private let file: CInt?
    private let validator: RequestValidator
    private let replies: Replies
    private let looksForHoles: Bool
    private var input: RequestInput
    private let output: UnsafeMutableRawPointer
    private var outputCount = 0
    private var bounce = BounceBuffer()

    init(
        _ socket: ConnectedSocket, _ store: any DirectBlockStore, _ negotiated: Negotiated,
        _ input: consuming RequestInput
    ) {
        self.socket = socket
        self.store = store
        self.input = input
        file = store.sendableDescriptor
        validator = RequestValidator(negotiated)
        replies = Replies(isStructured: negotiated.hasStructuredReplies)
        output = .allocate(byteCount: DataPlane.outputBytes, alignment: 4096)
        let extents = try? store.extentsNow(at: 0, byteCount: store.byteCount)
        looksForHoles = negotiated.hasStructuredReplies && extents?.contains { $0.readsAsZero } == true
    }

    deinit { output.deallocate() }

    /// Why the loop cannot go on.
    private struct Ended: Error {
        let reason: ConnectionEnd
        init(_ reason: ConnectionEnd) { self.reason = reason }
    }

    mutating func run() -> ConnectionEnd {
        do throws(Ended) {
            while true {
                try handleArrived()
                try flush()
                try receiveMore()
            }
        } catch {
            return error.reason
        }
    }

    private mutating func receiveMore() throws(Ended) {
        try checkReceived(input.receive(from: socket))
    }

    private func checkReceived(_ count: Int) throws(Ended) {
        guard count > 0 else {
            throw Ended(input.count == 0 ? .hungUp : .dropped("hung up within a request"))
        }
    }

    private mutating func handleArrived() throws(Ended) {
        while input.count >= Request.byteCount {
            let request: Request
            do throws(ProtocolViolation) {
                guard let next = try input.peekRequest() else { return }
                request = next
            } catch {
                // Replies to what came before are still owed.
                try flush()
                throw Ended(.dropped("\(error)"))
            }
            input.skip(Request.byteCount)
            try handle(request)
        }
    }

    private mutating func handle(_ request: Request) throws(Ended) {
        switch validator.judge(request) {
        case .accept: try carryOut(request)
        case .refuse(let number, let message):
            if request.command == .write { try skipPayload(Int(request.length)) }
            try reply(replies.error(request, number, message))
        case .disconnect:
            try flush()
            throw Ended(.disconnected)
        case .drop(let reason):
            try flush()
            throw Ended(.dropped(reason))
        }
    }

    private mutating func carryOut(_ request: Request) throws(Ended) {
        let length = UInt64(request.length)
        let isDurable = request.flags.contains(.forceUnitAccess)
        switch request.command {
        case .read: try read(request)
        case .write: try write(request, isDurable: isDurable)
        case .blockStatus: try answerBlockStatus(request)
        case .flush: try answer(request) { store throws(StorageError) in try store.flushNow() }
        case .trim:
            try answer(request) { store throws(StorageError) in
                try store.trimNow(at: request.offset, byteCount: length)
                if isDurable { try store.flushNow() }
            }
        case .writeZeroes:
            try answer(request) { store throws(StorageError) in
                try store.writeZeroesNow(
                    at: request.offset, byteCount: length,
                    mayPunchHole: !request.flags.contains(.noHole), isDurable: isDurable)
            }
        default:  // CACHE, for nothing else is accepted.
            if let file { posix_fadvise(file, off_t(request.offset), off_t(length), POSIX_FADV_WILLNEED) }
            try replyDone(request)
        }
    }

    private mutating func answer(
        _ request: Request, _ body: (any DirectBlockStore) throws(StorageError) -> Void
    ) throws(Ended) {
        do throws(StorageError) {
            try body(store)
        } catch {
            return try reply(replies.error(request, error))
        }
        try replyDone(request)
    }

    private mutating func answerBlockStatus(_ request: Request) throws(Ended) {
        let bytes: [UInt8]
        do throws(StorageError) {
            let extents = try store.extentsNow(at: request.offset, byteCount: UInt64(request.length))
            bytes = replies.blockStatus(request, extents)
        } catch {
            bytes = replies.error(request, error)
        }
        try reply(bytes)
    }
}

// Reads.
extension DirectLoop {
    private mutating func read(_ request: Request) throws(Ended) {
        let length = Int(request.length)
        if length == 0 { return try replyDone(request) }
        if looksForHoles, length >= DataPlane.holeLookupBytes, !request.flags.contains(.doNotFragment) {
            return try readSparse(request)
        }
        if let file, length >= DataPlane.sendfileBytes {
            return try readByFile(request, file)
        }
        if length <= DataPlane.outputBytes - replies.readHeaderBytes {
            return try readIntoOutput(request)
        }
        try readByBounce(request)
    }

    private mutating func readIntoOutput(_ request: Request) throws(Ended) {
        let length = Int(request.length)
        try makeRoom(replies.readHeaderBytes + length)
        let header = output + outputCount
        let data = UnsafeMutableRawBufferPointer(start: header + replies.readHeaderBytes, count: length)
        do throws(StorageError) {
            try store.readNow(into: data, at: request.offset)
        } catch {
            return try reply(replies.error(request, error))
        }
        replies.writeReadHeader(request, to: header)
        outputCount += replies.readHeaderBytes + length
    }

    private mutating func readByFile(_ request: Request, _ file: CInt) throws(Ended) {
        do throws(StorageError) {
            try store.prepareToSend(at: request.offset, byteCount: UInt64(request.length))
        } catch {
            return try reply(replies.error(request, error))
        }
        try makeRoom(replies.readHeaderBytes)
        replies.writeReadHeader(request, to: output + outputCount)
        outputCount += replies.readHeaderBytes
        try sendFile(file, at: request.offset, Int(request.length))
    }

    private mutating func readByBounce(_ request: Request) throws(Ended) {
        let data = bounce.take(Int(request.length))
        do throws(StorageError) {
            try store.readNow(into: data, at: request.offset)
        } catch {
            return try reply(replies.error(request, error))
        }
        try makeRoom(replies.readHeaderBytes)
        replies.writeReadHeader(request, to: output + outputCount)
        outputCount += replies.readHeaderBytes
        try flush(more: true)
        guard socket.send(data.baseAddress!, data.count) else { throw Ended(.hungUp) }
    }

    /// Data as data, holes as holes: a chunk for each run.
    private mutating func readSparse(_ request: Request) throws(Ended) {
        let end = request.offset + UInt64(request.length)
        var position = request.offset
        while position < end {
            let runs: [Extent]
            do throws(StorageError) {
                try store.prepareToSend(at: position, byteCount: end - position)
                runs = try store.extentsNow(at: position, byteCount: end - position)
            } catch {
                return try reply(replies.error(request, error))
            }
            for run in runs where position < end {
                let length = min(run.byteCount, end - position)
                let isDone = position + length == end
                if run.readsAsZero {
                    let chunk = StructuredReply.hole(
                        offset: position, length: UInt32(length), isDone: isDone, cookie: request.cookie)
                    try reply(chunk)
                } else {
                    guard try sendChunk(request, position, Int(length), isDone: isDone) else { return }
                }
                position += length
            }
        }
    }

    /// - Returns: false when an error chunk has ended the reply.
    private mutating func sendChunk(_ request: Request, _ offset: UInt64, _ length: Int, isDone: Bool)
        throws(Ended) -> Bool
    {
        var data: UnsafeMutableRawBufferPointer?
        if file == nil {
            let buffer = bounce.take(length)
            do throws(StorageError) {
                try store.readNow(into: buffer, at: offset)
            } catch {
                try reply(replies.error(request, error))
                return false
            }
            data = buffer
        }
        try makeRoom(replies.readHeaderBytes)
        replies.writeChunkHeader(
            request.cookie, offset, UInt32(length), isDone: isDone, to: output + outputCount)
        outputCount += replies.readHeaderBytes
        if let file {
            try sendFile(file, at: offset, length)
        } else if let data {
            try flush(more: true)
            guard socket.send(data.baseAddress!, data.count) else { throw Ended(.hungUp) }
        }
        return true
    }

    private mutating func sendFile(_ file: CInt, at offset: UInt64, _ byteCount: Int) throws(Ended) {
        try flush(more: true)
        guard socket.sendFile(file, at: offset, byteCount) else {
            throw Ended(.failed("\(byteCount) bytes at \(offset) could not be sent as promised"))
        }
        store.didSend(byteCount: byteCount)
    }
}

// Writes and output.
extension DirectLoop {
    private mutating func write(_ request: Request, isDurable: Bool) throws(Ended) {
        let length = Int(request.length)
        let outcome: Result<Void, StorageError>
        if length <= input.count {
            outcome = store.written(
                UnsafeRawBufferPointer(start: input.front, count: length), request, isDurable)
            input.skip(length)
        } else {
            // Replies that are ready must not wait for a slow payload.
            try flush()
            let data = bounce.take(length)
            var filled = input.take(into: data.baseAddress!, atMost: length)
            while filled < length {
                let count = socket.receive(data.baseAddress! + filled, length - filled)
                guard count > 0 else { throw Ended(.dropped("hung up within a request")) }
                filled += count
            }
            outcome = store.written(UnsafeRawBufferPointer(data), request, isDurable)
        }
        switch outcome {
        case .success: try replyDone(request)
        case .failure(let error): try reply(replies.error(request, error))
        }
    }

    private mutating func skipPayload(_ byteCount: Int) throws(Ended) {
        var left = byteCount
        while true {
            let skipped = min(left, input.count)
            input.skip(skipped)
            left -= skipped
            if left == 0 { return }
            try flush()
            try receiveMore()
        }
    }

    private mutating func reply(_ bytes: [UInt8]) throws(Ended) {
        try makeRoom(bytes.count)
        bytes.withUnsafeBytes {
            (output + outputCount).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
        }
        outputCount += bytes.count
    }

    private mutating func replyDone(_ request: Request) throws(Ended) {
        try makeRoom(Replies.maximumDoneBytes)
        outputCount += replies.writeDone(request, to: output + outputCount)
    }

    private mutating func makeRoom(_ byteCount: Int) throws(Ended) {
        if outputCount + byteCount > DataPlane.outputBytes { try flush() }
    }

    private mutating func flush(more: Bool = false) throws(Ended) {
        guard outputCount > 0 else { return }
        let isSent = socket.send(output, outputCount, more: more)
        outputCount = 0
        if !isSent { throw Ended(.hungUp) }
    }
}

extension DirectBlockStore {
    fileprivate func written(_ data: UnsafeRawBufferPointer, _ request: Request, _ isDurable: Bool)
        -> Result<Void, StorageError>
    {
        Result { () throws(StorageError) in
            if !data.isEmpty { try writeNow(data, at: request.offset, isDurable: isDurable) }
        }
    }
}

/// Memory for what does not fit the fixed buffers; grows to the largest request seen.
struct BounceBuffer: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer?

    deinit { memory?.deallocate() }

    mutating func take(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
        if let memory, memory.count >= byteCount { return .init(rebasing: memory[..<byteCount]) }
        memory?.deallocate()
        let new = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(byteCount, DataPlane.inputBytes), alignment: 4096)
        memory = new
        return .init(rebasing: new[..<byteCount])
    }
}
