import Testing

@testable import VirtualMedia

/// Active and Recovering.
struct SlotSupervisionTests {
    typealias Change = @Sendable (inout Observation) -> Void

    static let losses: [(String, Change)] = [
        ("the host has ejected the medium", { $0.backingFile = "" }),
        ("the gadget was unbound from its USB device controller", { $0.controller = "" }),
        ("the nbd device was disconnected", { $0.isAttached = false }),
    ]

    @Test(arguments: losses.indices, [SlotMachine.State.active, .recovering])
    func `a medium that the host no longer has is taken down`(index: Int, state: SlotMachine.State) {
        let (reason, change) = Self.losses[index]
        var driver = SlotMachineDriver.inState(state)
        if state == .recovering {
            driver.finish(.failed(SlotFailure(.connectionRefused, "nobody there")))
            driver.send(.hint)
        }
        var seen = SlotMachineDriver.healthy
        change(&seen)
        driver.finish(.observed(seen))
        #expect(driver.machine.state == .deactivating)
        #expect(driver.machine.lastFailure?.message == reason)
        #expect(driver.completions == ["mount done"])
    }

    @Test func `one look that fails means nothing and five in a row mean loss`() {
        var driver = SlotMachineDriver.inState(.active)
        for _ in 0..<4 {
            driver.finish(.failed(SlotFailure(.inputOutput, "unreadable")))
            #expect(driver.machine.state == .active)
            driver.wait()
        }
        driver.finish(.failed(SlotFailure(.inputOutput, "unreadable")))
        #expect(driver.machine.state == .deactivating)
    }

    @Test func `a hint during a look leads to one more look`() {
        var driver = SlotMachineDriver.inState(.active)
        driver.send(.hint)
        driver.send(.hint)
        #expect(
            driver.finish(.observed(SlotMachineDriver.healthy)).map(\.summary) == ["publish", "run observe"])
        #expect(driver.finish(.observed(SlotMachineDriver.healthy)).map(\.summary) == ["publish"])
    }

    // MARK: Inactivity

    /// Looks once a second, with a host that reads at the given seconds; returns when the medium went.
    static func secondsUntilEjected(
        limit: Int?, reads: (Int) -> Bool, statistics: String? = nil, until end: Int
    ) -> (seconds: Int?, cacheDrops: Int) {
        let limits = SlotMachine.Limits(activation: .seconds(30), inactivity: limit.map { .seconds($0) })
        var driver = SlotMachineDriver.inState(.active, limits: limits)
        let start = driver.machine.lastActivity
        var seen = SlotMachineDriver.healthy
        seen.lunStatistics = statistics
        var lastSecond = 0
        while driver.now - start < .seconds(end) {
            let second = Int((driver.now - start).components.seconds)
            if reads(second), second != lastSecond { seen.readBytes += 4096 }
            lastSecond = second
            driver.finish(driver.lastTicket?.step == .observe ? .observed(seen) : .done)
            guard driver.machine.state == .active else {
                return (second, driver.steps.filter { $0 == .dropCache }.count)
            }
            if driver.machine.running == nil { driver.wait() }
        }
        return (nil, driver.steps.filter { $0 == .dropCache }.count)
    }

    @Test func `a medium that nobody reads goes after the inactivity timeout`() {
        let (seconds, drops) = Self.secondsUntilEjected(limit: 1800, reads: { _ in false }, until: 4000)
        #expect(seconds == 1800)
        #expect(drops == 3)
    }

    @Test func `traffic puts the end off`() {
        let (seconds, _) = Self.secondsUntilEjected(limit: 1800, reads: { $0 == 1700 }, until: 4000)
        #expect(seconds == 3500)
    }

    @Test func `without a limit a medium stays for ever`() {
        let (seconds, drops) = Self.secondsUntilEjected(limit: nil, reads: { _ in false }, until: 90_000)
        #expect(seconds == nil)
        #expect(drops == 0)
    }

    @Test func `counters of the LUN need no dropped caches`() {
        let (seconds, drops) = Self.secondsUntilEjected(
            limit: 60, reads: { _ in false }, statistics: "read cnt: 1", until: 100)
        #expect(seconds == 60)
        #expect(drops == 0)
    }

    // MARK: Recovery

    @Test func `a lost source is sought with growing pauses, then errors, then the medium goes`() {
        var driver = SlotMachineDriver.inState(.recovering)
        let start = driver.now
        var attempts: [Duration] = []
        var failingSince: Duration?
        while driver.machine.state == .recovering {
            if driver.lastTicket?.step == .reconnect, driver.machine.running != nil {
                attempts.append(driver.now - start)
                driver.finish(.failed(SlotFailure(.connectionRefused, "nobody listens")))
            } else if driver.machine.running != nil {
                driver.finish(.observed(SlotMachineDriver.disconnected))
            }
            driver.wait()
            if driver.machine.isFailingRequests, failingSince == nil { failingSince = driver.now - start }
        }
        #expect(
            attempts.prefix(5) == [
                .zero, .milliseconds(250), .milliseconds(750), .milliseconds(1750), .milliseconds(3750),
            ])
        #expect(failingSince == .seconds(20))
        #expect(driver.now - start == .seconds(80))
        #expect(driver.machine.lastFailure?.code == .connectionLost)
        #expect(driver.machine.lastFailure?.message.contains("nobody listens") == true)
    }

    @Test func `a source that comes back is used and the host sees nothing`() {
        var driver = SlotMachineDriver.inState(.recovering)
        driver.finish(.failed(SlotFailure(.connectionRefused, "nobody listens")))
        driver.wait()
        #expect(driver.finish(.done).map(\.summary) == ["publish", "run observe"])
        #expect(driver.machine.state == .active)
        #expect(driver.machine.lastFailure == nil)
        #expect(driver.completions == ["mount done"])
    }

    @Test func `another image in the place of the old one is never shown to the host`() {
        var driver = SlotMachineDriver.inState(.recovering)
        driver.finish(.failed(SlotFailure(.changed, "another size")))
        #expect(driver.machine.state == .deactivating)
    }

    @Test func `with no time to stall and none for errors the medium goes at once`() {
        let limits = SlotMachine.Limits(activation: .seconds(30), stall: .zero, error: .zero)
        var driver = SlotMachineDriver.inState(.recovering, limits: limits)
        driver.send(.tick)
        #expect(driver.machine.state == .deactivating)
    }
}
