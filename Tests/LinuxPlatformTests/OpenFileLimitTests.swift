import Glibc
import Testing
import VirtualMedia

@testable import LinuxPlatform

struct OpenFileLimitTests {
    static var limit: rlim_t {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return limit.rlim_cur
    }

    @Test func `what is allowed is taken`() throws {
        let before = Self.limit
        try OpenFileLimit.raise(atLeast: 16)
        #expect(Self.limit >= before && Self.limit >= 16)
    }

    @Test func `more than any system allows is refused, and says how many`() throws {
        let error = #expect(throws: SystemError.self) { try OpenFileLimit.raise(atLeast: 1 << 40) }
        #expect(error?.errno == EMFILE)
        #expect(error?.description.contains("\(1 << 40)") == true)
    }
}
