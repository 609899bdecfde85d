import Synchronization
import VirtualMedia

/// Hands elements to one waiting task at a time, in order, or gives up at a deadline.
final class Mailbox<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var waiting: (ticket: UInt64, continuation: CheckedContinuation<Element?, Never>)?
        var nextTicket: UInt64 = 0
        /// The last wait whose deadline passed, which may be before it began to wait.
        var expiredTicket: UInt64 = 0
    }

    /// What is kept for a reader that does not come; older elements go first.
    private static var maximumElements: Int { 1024 }

    private let state = Mutex(State())

    func put(_ element: Element) {
        let waiting = state.withLock { state in
            defer { state.waiting = nil }
            if let waiting = state.waiting {
                return waiting.continuation as CheckedContinuation<Element?, Never>?
            }
            if state.elements.count == Self.maximumElements { state.elements.removeFirst() }
            state.elements.append(element)
            return nil
        }
        waiting?.resume(returning: element)
    }

    /// - Returns: the next element, or `nil` when none came in time.
    func next(within limit: Duration, _ clock: any MediaClock, _ spawner: any Spawner) async -> Element? {
        let deadline = clock.now + limit
        let (element, ticket) = state.withLock { state -> (Element?, UInt64) in
            state.nextTicket += 1
            return (state.elements.isEmpty ? nil : state.elements.removeFirst(), state.nextTicket)
        }
        if let element { return element }
        let alarm = spawner.spawn("mailbox deadline", .shared) { [self] in
            do { try await clock.sleep(until: deadline) } catch { return }
            expire(ticket)
        }
        defer { alarm.cancel() }
        return await withCheckedContinuation { continuation in
            let (element, isSettled) = state.withLock { state -> (Element?, Bool) in
                precondition(state.waiting == nil, "two tasks read one mailbox")
                if !state.elements.isEmpty { return (state.elements.removeFirst(), true) }
                if state.expiredTicket == ticket { return (nil, true) }
                state.waiting = (ticket, continuation)
                return (nil, false)
            }
            if isSettled { continuation.resume(returning: element) }
        }
    }

    private func expire(_ ticket: UInt64) {
        let waiting = state.withLock { state -> CheckedContinuation<Element?, Never>? in
            state.expiredTicket = ticket
            guard let waiting = state.waiting, waiting.ticket == ticket else { return nil }
            state.waiting = nil
            return waiting.continuation
        }
        waiting?.resume(returning: nil)
    }
}
