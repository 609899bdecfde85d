import Glibc
import Testing
import Threads

struct BlockingThreadTests {
    @Test func `work runs on another thread that no signal reaches`() async {
        let caller = pthread_self()
        let seen = await BlockingThread.value("a name of more than fifteen bytes") {
            var mask = sigset_t()
            pthread_sigmask(SIG_SETMASK, nil, &mask)
            return (
                pthread_equal(pthread_self(), caller) == 0, sigismember(&mask, SIGPIPE),
                sigismember(&mask, SIGSEGV)
            )
        }
        #expect(seen?.0 == true)
        #expect(seen?.1 == 1)
        #expect(seen?.2 == 0)
    }
}

struct MonitorTests {
    @Test func `a waiting thread sees what another changed`() async {
        let monitor = Monitor(0)
        let started = BlockingThread.start("changer") {
            for _ in 0..<100 { monitor.change { $0 += 1 } }
        }
        #expect(started)
        let seen = await BlockingThread.value("waiter") { monitor.wait { $0 == 100 ? $0 : nil } }
        #expect(seen == 100)
    }

    @Test func `a wait with a limit ends without a change`() async {
        let monitor = Monitor(0)
        let seen = await BlockingThread.value("waiter") {
            let start = Monotonic.now
            let result: Int? = monitor.wait(atMost: .milliseconds(20)) { $0 > 0 ? $0 : nil }
            return (result, Monotonic.now - start)
        }
        #expect(seen?.0 == nil)
        #expect(seen.map { $0.1 >= .milliseconds(20) } == true)
    }

    @Test(arguments: [(Duration.zero, 0), (.nanoseconds(1), 1), (.milliseconds(5), 5), (.seconds(-1), 0)])
    func `a duration in milliseconds is rounded up and never negative`(duration: Duration, milliseconds: Int)
    {
        #expect(duration.wholeMilliseconds == milliseconds)
    }
}
