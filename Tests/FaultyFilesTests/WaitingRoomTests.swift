import FaultPoints
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import FaultyFiles

struct WaitingRoomTests {
    private static func plan(_ change: (inout OperationPlan) -> Void) -> OperationPlan {
        var plan = OperationPlan()
        change(&plan)
        return plan
    }

    /// One wait, until its end.
    private static func end(
        _ room: WaitingRoom, _ plan: OperationPlan, then act: (Waiting?) -> Void = { _ in }
    ) async -> WaitingRoom.End {
        let (stream, continuation) = AsyncStream.makeStream(of: WaitingRoom.End.self)
        act(room.wait(for: plan) { continuation.yield($0) })
        for await end in stream { return end }
        return .failed(Errno(0))
    }

    @Test func `thousands wait on two threads, and all go on together`() async {
        let room = WaitingRoom()
        defer { room.stop() }
        let hold = FaultHold()
        let count = 10_000
        let ends = AsyncStream.makeStream(of: WaitingRoom.End.self)
        for _ in 0..<count { room.wait(for: Self.plan { $0.holds = [hold] }) { ends.continuation.yield($0) } }
        #expect(room.waitingCount == count)
        hold.release()
        var over = 0
        for await end in ends.stream {
            #expect(end == .over)
            over += 1
            if over == count { break }
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `what is due first comes first, and of two together the one that came first`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = DueQueue<Int>()
        var expected: [(due: Int, element: Int)] = []
        for element in 0..<200 {
            let due = Int.random(in: 0..<40, using: &random)
            queue.insert(element, due: .milliseconds(due))
            expected.append((due, element))
            guard element.isMultiple(of: 3) else { continue }
            expected.sort { $0 < $1 }
            #expect(queue.firstDue == .milliseconds(expected[0].due))
            #expect(queue.removeFirst() == expected.removeFirst().element)
        }
        expected.sort { $0 < $1 }
        for one in expected { #expect(queue.removeFirst() == one.element, "seed \(seed)") }
        #expect(queue.firstDue == nil)
    }

    @Test func `a delay ends by itself`() async {
        let room = WaitingRoom()
        defer { room.stop() }
        #expect(await Self.end(room, Self.plan { $0.delay = .milliseconds(1) }) == .over)
    }

    @Test func `an interruption ends a hold, but not one that survives it`() async {
        let room = WaitingRoom()
        defer { room.stop() }
        let hold = FaultHold()
        #expect(await Self.end(room, Self.plan { $0.holds = [hold] }) { $0?.interrupt() } == .interrupted)
        let stubborn = Self.plan {
            $0.holds = [hold]
            $0.survivesInterruption = true
        }
        let end = await Self.end(room, stubborn) { waiting in
            waiting?.interrupt()
            hold.release()
        }
        #expect(end == .over)
    }

    @Test func `healing ends a hang, a crash fails it, and a room that is closed lets nobody wait`() async {
        let room = WaitingRoom()
        let hang = Self.plan { $0.hangs = true }
        #expect(await Self.end(room, hang) { _ in room.endHangs() } == .over)
        #expect(await Self.end(room, hang) { _ in room.endAll(with: Errno(EIO)) } == .failed(Errno(EIO)))
        room.stop()
        #expect(await Self.end(room, hang) == .failed(Errno(ENOTCONN)))
        #expect(room.waitUntilEmpty(atMost: .seconds(10)))
    }

    @Test func `more than the limit do not wait`() async {
        let room = WaitingRoom()
        defer { room.stop() }
        let hold = FaultHold()
        for _ in 0..<WaitingRoom.maximumWaiting { room.wait(for: Self.plan { $0.holds = [hold] }) { _ in } }
        #expect(await Self.end(room, Self.plan { $0.holds = [hold] }) == .failed(Errno(EBUSY)))
    }

    @Test func `bandwidth makes each operation wait behind those before it`() {
        let file = FileState(path: "disk.img")
        #expect(file.reserve(byteCount: 1000, bytesPerSecond: 1000, now: .seconds(5)) == .seconds(1))
        #expect(file.reserve(byteCount: 500, bytesPerSecond: 1000, now: .seconds(5)) == .milliseconds(1500))
        #expect(file.reserve(byteCount: 100, bytesPerSecond: 1000, now: .seconds(60)) == .milliseconds(100))
    }
}
