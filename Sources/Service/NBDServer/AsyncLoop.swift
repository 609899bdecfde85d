internal import BlockStorage
import Glibc
internal import NBDProtocol

/// The data plane for stores that suspend: each request is a task on the connection's own thread, a
/// limited number of them at once, answered as they complete. While the limit is reached nothing is
/// received, so that a client that asks too much has to wait.
///
/// All state belongs to the thread; tasks touch it only between their suspensions, on that thread.
final class AsyncLoop: @unchecked Sendable {
    private let socket: ConnectedSocket
    private let store: any BlockStore
    private let limits: ServerLimits
    private let validator: RequestValidator
    private let replies: Replies
    private var input: RequestInput
    private var inFlight = 0
    private var inFlightBytes = 0
    private var writing: PendingWrite?
    private var end: ConnectionEnd?

    /// A write whose payload is still arriving.
    private struct PendingWrite {
        let request: Request
        /// `nil` when the write is refused and its payload only skipped.
        let data: UnsafeMutableRawBufferPointer?
        var filled = 0
        var leftBytes: Int { Int(request.length) - filled }
        let refusal: (ErrorNumber, String)?
    }

    init(
        _ socket: ConnectedSocket, _ store: any BlockStore, _ negotiated: Negotiated,
        _ limits: ServerLimits, _ input: consuming RequestInput
    ) {
        self.socket = socket
        self.store = store
        self.limits = limits
        self.input = input
        validator = RequestValidator(negotiated)
        replies = Replies(isStructured: negotiated.hasStructuredReplies)
    }

    func run() -> ConnectionEnd {
        guard let executor = ConnectionExecutor() else { return .failed("no descriptor for a wake-up") }
        while true {
            executor.runJobs()
            startRequests(executor)
            executor.runJobs()
            if let end, inFlight == 0 {
                writing?.data?.deallocate()
                return end
            }
            wait(executor)
        }
    }

    /// Whether another request may start.
    private var hasRoom: Bool {
        inFlight < limits.maximumInFlight && inFlightBytes < limits.maximumInFlightBytes
    }

    private func wait(_ executor: ConnectionExecutor) {
        let wantsInput = end == nil && hasRoom
        var entries = [
            pollfd(fd: executor.wakeUp, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wantsInput ? socket.number : -1, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&entries, 2, -1) > 0 else { return }
        if entries[0].revents != 0 { executor.clearWakeUp() }
        if entries[1].revents != 0 { receiveMore() }
    }

    private func receiveMore() {
        let count: Int
        if let write = writing, let data = write.data, input.count == 0, write.leftBytes > 0 {
            count = socket.receive(
                data.baseAddress! + write.filled, write.leftBytes, flags: CInt(MSG_DONTWAIT))
            if count > 0 { writing?.filled += count }
        } else {
            count = input.receive(from: socket, flags: CInt(MSG_DONTWAIT))
        }
        if count == 0 || (count < 0 && count != -Int(EAGAIN)) {
            end = input.count == 0 && writing == nil ? .hungUp : .dropped("hung up within a request")
        }
    }

    private func startRequests(_ executor: ConnectionExecutor) {
        while end == nil, hasRoom {
            if writing != nil {
                guard finishPayload(executor) else { return }
                continue
            }
            do throws(ProtocolViolation) {
                guard let request = try input.peekRequest() else { return }
                input.skip(Request.byteCount)
                judge(request, executor)
            } catch {
                end = .dropped("\(error)")
            }
        }
    }

    private func judge(_ request: Request, _ executor: ConnectionExecutor) {
        switch validator.judge(request) {
        case .accept where request.command == .write:
            let data = UnsafeMutableRawBufferPointer.allocate(
                byteCount: Int(request.length), alignment: 4096)
            writing = PendingWrite(request: request, data: data, refusal: nil)
        case .refuse(let number, let text) where request.command == .write:
            writing = PendingWrite(request: request, data: nil, refusal: (number, text))
        case .accept: start(request, nil, executor)
        case .refuse(let number, let text): send(replies.error(request, number, text))
        case .disconnect: end = .disconnected
        case .drop(let reason): end = .dropped(reason)
        }
    }

    /// - Returns: whether the payload is complete, and the write under way.
    private func finishPayload(_ executor: ConnectionExecutor) -> Bool {
        guard var write = writing else { return true }
        if let data = write.data, write.leftBytes > 0 {
            write.filled += input.take(into: data.baseAddress! + write.filled, atMost: write.leftBytes)
        } else {
            let skipped = min(input.count, write.leftBytes)
            input.skip(skipped)
            write.filled += skipped
        }
        writing = write
        guard write.leftBytes == 0 else { return false }
        writing = nil
        if let (number, text) = write.refusal {
            send(replies.error(write.request, number, text))
        } else {
            start(write.request, write.data, executor)
        }
        return true
    }

    private func start(
        _ request: Request, _ payload: UnsafeMutableRawBufferPointer?, _ executor: ConnectionExecutor
    ) {
        inFlight += 1
        let memoryBytes = request.command == .read || request.command == .write ? Int(request.length) : 0
        inFlightBytes += memoryBytes
        nonisolated(unsafe) let payload = payload
        Task(executorPreference: executor) {
            await self.carryOut(request, payload)
            payload?.deallocate()
            self.inFlight -= 1
            self.inFlightBytes -= memoryBytes
        }
    }

    private func send(_ bytes: [UInt8]) {
        if !socket.send(bytes), end == nil { end = .hungUp }
    }
}

extension AsyncLoop {
    private func carryOut(_ request: Request, _ payload: UnsafeMutableRawBufferPointer?) async {
        do throws(StorageError) {
            switch request.command {
            case .read: try await read(request)
            case .blockStatus:
                let length = UInt64(request.length)
                let extents = try await store.extents(at: request.offset, byteCount: length)
                send(replies.blockStatus(request, extents))
            default:
                try await change(request, payload)
                send(replies.done(request))
            }
        } catch {
            send(replies.error(request, error))
        }
    }

    private func read(_ request: Request) async throws(StorageError) {
        guard request.length > 0 else { return send(replies.done(request)) }
        let header = replies.readHeaderBytes
        let whole = UnsafeMutableRawBufferPointer.allocate(
            byteCount: header + Int(request.length), alignment: 16)
        defer { whole.deallocate() }
        try await store.read(into: .init(rebasing: whole[header...]), at: request.offset)
        replies.writeReadHeader(request, to: whole.baseAddress!)
        if !socket.send(whole.baseAddress!, whole.count), end == nil { end = .hungUp }
    }

    private func change(_ request: Request, _ payload: UnsafeMutableRawBufferPointer?)
        async throws(StorageError)
    {
        let length = UInt64(request.length)
        let isDurable = request.flags.contains(.forceUnitAccess)
        switch request.command {
        case .write:
            guard let payload, length > 0 else { return }
            try await store.write(UnsafeRawBufferPointer(payload), at: request.offset, isDurable: isDurable)
        case .flush: try await store.flush()
        case .trim:
            try await store.trim(at: request.offset, byteCount: length)
            if isDurable { try await store.flush() }
        case .writeZeroes:
            try await store.writeZeroes(
                at: request.offset, byteCount: length, mayPunchHole: !request.flags.contains(.noHole),
                isDurable: isDurable)
        default: try await warm(request)
        }
    }

    /// CACHE: reading is what makes a store that caches do so.
    private func warm(_ request: Request) async throws(StorageError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(Int(request.length), DataPlane.inputBytes), alignment: 4096)
        defer { buffer.deallocate() }
        var done: UInt64 = 0
        while done < UInt64(request.length), end == nil {
            let part = min(UInt64(buffer.count), UInt64(request.length) - done)
            try await store.read(into: .init(rebasing: buffer[..<Int(part)]), at: request.offset + done)
            done += part
        }
    }
}
