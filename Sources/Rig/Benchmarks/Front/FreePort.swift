import Glibc

/// TCP ports of this machine's loopback.
enum FreePort {
    /// One that was free a moment ago.
    static func any() throws -> UInt16 {
        try withSocket { descriptor, address in
            var address = address
            guard withSocketAddress(&address, { bind(descriptor, $0, $1) }) == 0 else {
                throw BenchmarkFailure("bind: \(String(cString: strerror(errno)))")
            }
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            _ = withSocketAddress(&address) { pointer, _ in getsockname(descriptor, pointer, &length) }
            return UInt16(bigEndian: address.sin_port)
        }
    }

    /// Until somebody listens there. It is not tried by connecting: some serve one connection only.
    static func wait(for port: UInt16, _ run: inout ForeignRun) throws {
        let deadline = secondsNow() + startSeconds
        while try !isListenedOn(port) {
            guard run.isRunning(), secondsNow() < deadline else {
                throw BenchmarkFailure("no server came up on port \(port)")
            }
            usleep(10_000)
        }
    }

    /// For a server to listen.
    private static let startSeconds = 20.0

    /// Whether proc(5) has a socket of this port in the state LISTEN (0A):
    /// "0: 0100007F:1F90 00000000:0000 0A …".
    static func isListenedOn(_ port: UInt16) throws -> Bool {
        for line in try readText("/proc/net/tcp").split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ")
            guard fields.count > 3, fields[3] == "0A" else { continue }
            if UInt16(fields[1].suffix(4), radix: 16) == port { return true }
        }
        return false
    }

    private static func withSocket<Result>(_ body: (CInt, sockaddr_in) throws -> Result) throws -> Result {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw BenchmarkFailure("socket: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return try body(descriptor, address)
    }

    private static func withSocketAddress<Result>(
        _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
