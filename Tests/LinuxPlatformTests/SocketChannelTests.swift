import Glibc
import LinuxPlatform
import TestSupport
import Testing
import VirtualMedia

struct SocketChannelTests {
    private func pair() throws -> (SocketChannel, SocketChannel) {
        let (left, right) = try SystemSockets.pair()
        return (SocketChannel(owning: left), SocketChannel(owning: right))
    }

    private func readAll(_ channel: SocketChannel) async throws -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
        defer { buffer.deallocate() }
        var bytes: [UInt8] = []
        while case let count = try await channel.read(into: buffer), count > 0 {
            bytes.append(contentsOf: buffer.prefix(count))
        }
        return bytes
    }

    @Test(arguments: [0, 1, 4096, 1 << 20])
    func `what is written comes out at the other end, then the end of the stream`(byteCount: Int) async throws
    {
        let (left, right) = try pair()
        let sent = TemporaryFolder.pattern(byteCount)
        async let received = readAll(right)
        try await left.write(sent[...])
        left.close()
        #expect(try await received == sent)
    }

    @Test(arguments: [false, true])
    func `closing wakes a waiting read, whether it suspends or blocks`(mayBlock: Bool) async throws {
        let (left, right) = try pair()
        let executor = ThreadExecutor(name: "reader", mayBlock: mayBlock)
        let task = Task(executorPreference: executor) {
            #expect(ThreadExecutor.isBlockingAllowed == mayBlock)
            return try await readAll(right)
        }
        right.close()
        #expect(try await task.value.isEmpty)
        executor.stop()
        left.close()
    }

    @Test func `writing to a socket whose peer is gone is an error, not a signal`() async throws {
        let (left, right) = try pair()
        right.close()
        await #expect(throws: SystemError(EPIPE, "send")) { try await left.write([1, 2, 3]) }
    }
}

struct SocketHangUpTests {
    @Test func `the end of a connection is noticed though nobody reads, and what was sent stays`()
        async throws
    {
        let (left, right) = try SystemSockets.pair()
        let (ours, theirs) = (SocketChannel(owning: left), SocketChannel(owning: right))
        try await theirs.write([1, 2, 3])
        let noticed = Task { try await ours.hungUp() }
        theirs.close()
        try await noticed.value
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 16)
        defer { buffer.deallocate() }
        #expect(try await ours.read(into: buffer) == 3)
        #expect(try await ours.read(into: buffer) == 0)
    }

    @Test func `our own closing ends the watch too`() async throws {
        let (left, right) = try SystemSockets.pair()
        let (ours, theirs) = (SocketChannel(owning: left), SocketChannel(owning: right))
        let noticed = Task { try await ours.hungUp() }
        ours.close()
        try await noticed.value
        theirs.close()
    }
}

struct SystemSocketsTests {
    @Test func `each kind of path that cannot be connected to has its own errno`() async throws {
        let folder = try TemporaryFolder()
        try folder.write([], to: "file")
        let stale = folder.file("stale")
        try bindAndForget(stale)
        let cases: [(String, CInt)] = [
            (folder.file("missing"), ENOENT), (folder.file("file"), ENOTSOCK), (stale, ECONNREFUSED),
            (folder.file(String(repeating: "x", count: 108)), ENAMETOOLONG),
        ]
        for (path, expected) in cases {
            let error = await #expect(throws: SystemError.self) {
                try await SystemSockets().connect(to: path)
            }
            #expect(error?.errno == expected, "\(path)")
        }
    }

    private func bindAndForget(_ path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(status == 0)
        close(descriptor)
    }
}
