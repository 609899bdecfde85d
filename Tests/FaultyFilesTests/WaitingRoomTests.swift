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

    @Test func `shorter delays end before longer ones, in whatever order they came`() async {
        let room = WaitingRoom()
        defer { room.stop() }
        let delays = [40, 5, 90, 20, 60]
        let ends = AsyncStream.makeStream(of: Int.self)
        for delay in delays {
            room.wait(for: Self.plan { $0.delay = .milliseconds(delay) }) { _ in
                ends.continuation.yield(delay)
            }
        }
        var order: [Int] = []
        for await delay in ends.stream {
            order.append(delay)
            if order.count == delays.count { break }
        }
        #expect(order == delays.sorted())
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
