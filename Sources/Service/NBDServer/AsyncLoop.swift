internal import BlockStorage
import Glibc
internal import NBDProtocol

/// The data plane for stores that suspend: each request is a task on the connection's own thread,
/// answered as they complete.
///
/// All state belongs to the thread; tasks touch it only between their suspensions, on that thread.
final class AsyncLoop: @unchecked Sendable {
    private let socket: ConnectedSocket
    private let execution: RequestExecution
    private var transmission: ServerTransmission

    init(
        _ socket: ConnectedSocket, _ store: any BlockStore, _ negotiated: Negotiated,
        _ limits: ServerLimits, _ input: consuming RequestInput
    ) {
        self.socket = socket
        transmission = ServerTransmission(negotiated, input, limits)
        execution = RequestExecution(store: store, replies: transmission.replies)
    }

    func run() -> ConnectionEnd {
        guard let executor = ConnectionExecutor() else { return .failed("no descriptor for a wake-up") }
        while true {
            executor.runJobs()
            while let step = transmission.next() { perform(step, executor) }
            executor.runJobs()
            if transmission.isOver, let end = transmission.end { return end }
            wait(executor)
        }
    }

    private func wait(_ executor: ConnectionExecutor) {
        var entries = [
            pollfd(fd: executor.wakeUp, events: Int16(POLLIN), revents: 0),
            pollfd(fd: transmission.wantsInput ? socket.number : -1, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&entries, 2, -1) > 0 else { return }
        if entries[0].revents != 0 { executor.clearWakeUp() }
        if entries[1].revents != 0 { receiveMore() }
    }

    private func receiveMore() {
        let target = transmission.receiveTarget()
        let count = socket.receive(target.baseAddress!, target.count, flags: CInt(MSG_DONTWAIT))
        if count != -Int(EAGAIN) { transmission.received(max(0, count)) }
    }

    private func perform(_ step: ServerTransmission.Step, _ executor: ConnectionExecutor) {
        switch step {
        case .reply(_, let bytes):
            if !socket.send(bytes) { transmission.finish(.hungUp) }
        case .carryOut(let accepted):
            Task(executorPreference: executor) {
                let reply = await self.execution.reply(to: accepted) { self.transmission.end == nil }
                if !self.socket.send(reply.bytes.baseAddress!, reply.bytes.count) {
                    self.transmission.finish(.hungUp)
                }
                self.transmission.finished(accepted)
            }
        }
    }
}
