import LinuxPlatform
import Testing

@testable import Verification

struct MailboxTests {
    private let clock = SystemClock()
    private let spawner = SystemSpawner()

    @Test func `what was put first comes out first`() async {
        let mailbox = Mailbox<Int>()
        for number in 0..<5 { mailbox.put(number) }
        for number in 0..<5 { #expect(await mailbox.next(within: .seconds(5), clock, spawner) == number) }
    }

    @Test func `a waiting reader is given what comes later`() async {
        let mailbox = Mailbox<Int>()
        async let next = mailbox.next(within: .seconds(30), clock, spawner)
        mailbox.put(7)
        #expect(await next == 7)
    }

    @Test(arguments: [Duration.zero, .milliseconds(5)])
    func `nothing in time is nil, and the next wait starts afresh`(limit: Duration) async {
        let mailbox = Mailbox<Int>()
        #expect(await mailbox.next(within: limit, clock, spawner) == nil)
        mailbox.put(1)
        #expect(await mailbox.next(within: .seconds(5), clock, spawner) == 1)
    }

    @Test func `a mailbox that nobody reads forgets the oldest first`() async {
        let mailbox = Mailbox<Int>()
        for number in 0..<2000 { mailbox.put(number) }
        #expect(await mailbox.next(within: .seconds(5), clock, spawner) == 2000 - 1024)
    }
}
