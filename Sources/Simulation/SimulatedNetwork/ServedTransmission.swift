import BlockStorage
import NBDServer
import Synchronization
import VirtualMedia

/// The transmission phase of one connection: one task receives, and each request that has to wait has
/// a task of its own.
final class ServedTransmission: Sendable {
    private struct State: ~Copyable {
        var transmission: ServerTransmission
        /// The loop, while it waits for a request to be finished.
        var idle: CheckedContinuation<Void, Never>?
        /// A request was finished since the loop looked last.
        var hasNews = false
    }

    /// Memory of the transmission that only the receiving loop touches between two of its calls.
    private struct Target: @unchecked Sendable {
        let memory: UnsafeMutableRawBufferPointer
    }

    private let service: ServedConnection.Service
    private let channel: MemoryChannel
    private let execution: RequestExecution
    private let state: Mutex<State>
    private let tasks: SpawnedTasks
    private let name: String

    init(
        _ service: ServedConnection.Service, _ channel: MemoryChannel,
        _ transmission: consuming ServerTransmission, _ tasks: SpawnedTasks, _ name: String
    ) {
        self.service = service
        self.channel = channel
        self.tasks = tasks
        self.name = name
        execution = RequestExecution(store: service.store, replies: transmission.replies)
        state = Mutex(State(transmission: transmission))
    }

    func run() async -> ConnectionEnd {
        while true {
            state.withLock { $0.hasNews = false }
            while let step = state.withLock({ $0.transmission.next() }) { await perform(step) }
            let (end, isOver, wantsInput) = state.withLock {
                ($0.transmission.end, $0.transmission.isOver, $0.transmission.wantsInput)
            }
            if isOver, let end { return end }
            if wantsInput { await receiveMore() } else { await waitForFinish() }
        }
    }

    private func receiveMore() async {
        let target = state.withLock { Target(memory: $0.transmission.receiveTarget()) }
        let count: Int
        do throws(SystemError) { count = try await channel.read(into: target.memory) } catch { count = 0 }
        state.withLock { $0.transmission.received(count) }
    }

    private func perform(_ step: ServerTransmission.Step) async {
        switch step {
        case .reply(_, let bytes): await send(bytes)
        case .carryOut(let accepted):
            // A store that never suspends is served in order, by this task alone.
            if service.store.directAccess != nil { return await carryOut(accepted) }
            tasks.spawn("\(name) request") { [self] in await carryOut(accepted) }
        }
    }

    private func carryOut(_ accepted: AcceptedRequest) async {
        let reply = await execution.reply(to: accepted) { self.isAlive }
        await send(Array(reply.bytes))
        let idle = state.withLock { state in
            state.transmission.finished(accepted)
            state.hasNews = true
            return state.idle.take()
        }
        idle?.resume()
    }

    private func send(_ bytes: [UInt8]) async {
        do throws(SystemError) { try await channel.write(bytes[...]) } catch {
            state.withLock { $0.transmission.finish(.hungUp) }
        }
    }

    private var isAlive: Bool { state.withLock { $0.transmission.end == nil } }

    private func waitForFinish() async {
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                if !state.hasNews { state.idle = continuation }
                return !state.hasNews
            }
            if !mustWait { continuation.resume() }
        }
    }
}
