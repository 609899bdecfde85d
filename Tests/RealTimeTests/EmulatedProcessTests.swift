import LinuxPlatform
import Synchronization
import TestSupport
import Testing
import VirtualMedia

@testable import RealTime

struct EmulatedProcessTests {
    /// Counts, and tells who waits for a count.
    final class Tally: Sendable {
        private let state = Mutex<(count: Int, waiting: [(Int, CheckedContinuation<Void, Never>)])>((0, []))
        var count: Int { state.withLock { $0.count } }
        func add() {
            let due = state.withLock { state in
                state.count += 1
                let due = state.waiting.filter { $0.0 <= state.count }.map(\.1)
                state.waiting.removeAll { $0.0 <= state.count }
                return due
            }
            for waiter in due { waiter.resume() }
        }
        func reaches(_ wanted: Int) async {
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    if state.count < wanted { state.waiting.append((wanted, continuation)) }
                    return state.count >= wanted
                }
                if isThere { continuation.resume() }
            }
        }
    }

    /// Passes one token at a time from outside into a process.
    struct Inlet {
        let stream: AsyncStream<Int>
        let feed: AsyncStream<Int>.Continuation
        init() { (stream, feed) = AsyncStream.makeStream(of: Int.self) }
    }

    static func consumer(
        of inlet: Inlet, in process: EmulatedProcess, _ placement: TaskPlacement, _ tally: Tally
    ) {
        process.spawner.spawn("consumer", placement) {
            for await _ in inlet.stream { tally.add() }
        }
    }

    @Test(arguments: [false, true])
    func `a killed process does nothing any more, wherever its tasks were`(hasOwnThread: Bool) async {
        let process = EmulatedProcess("victim")
        let other = EmulatedProcess("witness")
        defer { other.kill() }
        let (inlet, tally, seen) = (Inlet(), Tally(), Tally())
        Self.consumer(of: inlet, in: process, hasOwnThread ? .ownThread : .shared, tally)
        inlet.feed.yield(1)
        await tally.reaches(1)
        let died = Tally()
        process.atDeath { died.add() }
        process.kill()
        process.kill()
        #expect(!process.isAlive && died.count == 1)
        inlet.feed.yield(2)
        // Whoever lives goes on meanwhile.
        let witnessed = Inlet()
        Self.consumer(of: witnessed, in: other, .shared, seen)
        witnessed.feed.yield(1)
        await seen.reaches(1)
        #expect(tally.count == 1)
        process.atDeath { died.add() }
        #expect(died.count == 2)
        process.spawner.spawn("late", .shared) { tally.add() }
        #expect(tally.count == 1)
    }

    @Test(arguments: [false, true])
    func `a stopped process does later what came meanwhile, in order`(hasOwnThread: Bool) async {
        let process = EmulatedProcess("sleeper")
        defer { process.kill() }
        let order = Mutex<[Int]>([])
        let inlet = Inlet()
        let tally = Tally()
        process.spawner.spawn("consumer", hasOwnThread ? .ownThread : .shared) {
            for await number in inlet.stream {
                order.withLock { $0.append(number) }
                tally.add()
            }
        }
        inlet.feed.yield(0)
        await tally.reaches(1)
        process.pause()
        for number in 1...5 { inlet.feed.yield(number) }
        #expect(tally.count == 1)
        process.resume()
        await tally.reaches(6)
        #expect(order.withLock { $0 } == [0, 1, 2, 3, 4, 5])
    }

    @Test func `a task that may block has a thread where it may, and ends with its body`() async {
        let process = EmulatedProcess("blocker")
        defer { process.kill() }
        let mayBlock = Mutex<[Bool]>([])
        await process.spawner.spawn("own", .ownThread) {
            mayBlock.withLock { $0.append(ThreadExecutor.isBlockingAllowed) }
        }.finished()
        await process.spawner.spawn("shared", .shared) {
            mayBlock.withLock { $0.append(ThreadExecutor.isBlockingAllowed) }
        }.finished()
        #expect(mayBlock.withLock { $0 } == [true, false])
    }

    /// An actor that belongs to no thread takes its turns on those of its callers.
    actor Counter {
        var count = 0
        func add() { count += 1 }
    }

    @Test func `an actor outlives the thread of the task that called it first`() async {
        let process = EmulatedProcess("actors")
        defer { process.kill() }
        let counter = Counter()
        let tasks = (0..<40).map { number in
            process.spawner.spawn("call \(number)", number.isMultiple(of: 2) ? .ownThread : .shared) {
                for _ in 0..<50 { await counter.add() }
            }
        }
        for task in tasks { await task.finished() }
        #expect(await counter.count == 2000)
    }
}
