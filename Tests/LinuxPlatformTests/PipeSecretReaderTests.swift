import Glibc
import LinuxPlatform
import Testing
import VirtualMedia

struct PipeSecretReaderTests {
    private func pipe() throws -> (read: CInt, write: CInt) {
        var descriptors: [CInt] = [0, 0]
        try #require(Glibc.pipe(&descriptors) == 0)
        return (descriptors[0], descriptors[1])
    }

    @Test(arguments: [1, 9, 1024])
    func `what the caller wrote is read, up to the limit`(maximumBytes: Int) async throws {
        let pipe = try pipe()
        defer { close(pipe.read) }
        let secret = Array("user\0password\0".utf8)
        #expect(write(pipe.write, secret, secret.count) == secret.count)
        close(pipe.write)
        let read = try await PipeSecretReader().read(
            pipe.read, maximumBytes: maximumBytes, timeout: .seconds(5))
        #expect(read == Array(secret.prefix(maximumBytes)))
    }

    @Test func `a closed pipe is the end, not a wait`() async throws {
        let pipe = try pipe()
        defer { close(pipe.read) }
        close(pipe.write)
        #expect(try await PipeSecretReader().read(pipe.read, maximumBytes: 8, timeout: .seconds(5)) == [])
    }

    @Test func `a caller that never writes costs the timeout and no more`() async throws {
        let pipe = try pipe()
        defer {
            close(pipe.read)
            close(pipe.write)
        }
        let error = await #expect(throws: SystemError.self) {
            try await PipeSecretReader().read(pipe.read, maximumBytes: 8, timeout: .milliseconds(10))
        }
        #expect(error?.errno == ETIMEDOUT)
    }

    @Test func `a number that is no descriptor is a bad descriptor`() async {
        let error = await #expect(throws: SystemError.self) {
            try await PipeSecretReader().read(-1, maximumBytes: 8, timeout: .milliseconds(10))
        }
        #expect(error?.errno == EBADF)
    }
}
