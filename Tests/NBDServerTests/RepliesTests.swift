import NBDProtocol
import TestSupport
import Testing

@testable import NBDServer

struct RepliesTests {
    @Test(arguments: [Command.write, .flush, .trim, .writeZeroes, .cache], [false, true])
    func `what succeeds without data gets a simple reply in both forms`(command: Command, isStructured: Bool)
    {
        let request = Request(command: command, cookie: 0x0102_0304_0506_0708)
        let expected = bytes(
            """
            67446698         | simple reply
            00000000         | no error
            0102030405060708 | cookie
            """)
        #expect(Replies(isStructured: isStructured).done(request) == expected)
    }

    @Test func `a read of nothing keeps to the structured form`() {
        let request = Request(command: .read, cookie: 9)
        let expected = bytes(
            """
            668e33ef         | structured reply
            0001 0000        | done, no data
            0000000000000009 | cookie
            00000000         | nothing follows
            """)
        #expect(Replies(isStructured: true).done(request) == expected)
    }
}
