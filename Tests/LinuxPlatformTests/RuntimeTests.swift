import LinuxPlatform
import Synchronization
import Testing
import VirtualMedia

private final class Recorder: Sendable {
    let numbers = Mutex<[Int]>([])
    func record(_ number: Int) { numbers.withLock { $0.append(number) } }
}

struct RuntimeTests {
    @Test func `a thread runs its jobs one at a time and in order`() async {
        let executor = ThreadExecutor(name: "ordered")
        let seen = Recorder()
        let tasks = (0..<1000).map { number in
            Task(executorPreference: executor) { seen.record(number) }
        }
        for task in tasks { await task.value }
        #expect(seen.numbers.withLock { $0 } == Array(0..<1000))
        executor.stop()
    }

    @Test func `jobs that come after the stop still run, in order`() async {
        let executor = ThreadExecutor(name: "late")
        executor.stop()
        let seen = Recorder()
        for round in 0..<20 {
            let tasks = (0..<10).map { number in
                Task(executorPreference: executor) { seen.record(round * 10 + number) }
            }
            for task in tasks { await task.value }
        }
        #expect(seen.numbers.withLock { $0 } == Array(0..<200))
    }

    @Test func `the clock moves forward and its sleep does not end early`() async throws {
        let clock = SystemClock()
        let deadline = clock.now + .milliseconds(5)
        try await clock.sleep(until: deadline)
        #expect(clock.now >= deadline)
        try await clock.sleep(until: .zero)
    }

    @Test func `a cancelled sleep ends with a cancellation`() async {
        let task = SystemSpawner().spawn("sleeper", .shared) {
            await #expect(throws: CancellationError.self) {
                try await SystemClock().sleep(until: SystemClock().now + .seconds(3600))
            }
        }
        task.cancel()
        await task.finished()
    }

    @Test func `a task with a thread of its own may block there`() async {
        let seen = Recorder()
        let task = SystemSpawner().spawn("blocker", .ownThread) {
            seen.record(ThreadExecutor.isBlockingAllowed ? 1 : 0)
        }
        await task.finished()
        #expect(seen.numbers.withLock { $0 } == [1])
    }
}
