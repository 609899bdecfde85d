import CLinux
import Glibc
package import VirtualMedia

/// Local sockets of this machine.
package struct SystemSockets: LocalSockets {
    package init() {}

    /// The longest path that fits `sun_path` with its terminator (unix(7)).
    package static let maximumPathBytes = 107

    package func connect(to path: String) async throws(SystemError) -> any ByteChannel {
        let operation = "connect to socket \(path)"
        guard path.utf8.count <= Self.maximumPathBytes else { throw SystemError(ENAMETOOLONG, operation) }
        var information = stat()
        guard stat(path, &information) == 0 else { throw SystemError(errno, operation) }
        guard information.st_mode & S_IFMT == S_IFSOCK else { throw SystemError(ENOTSOCK, operation) }
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError(errno, operation) }
        let status = withUnixAddress(path) { Glibc.connect(descriptor, $0, $1) }
        // A local connect never waits: a full backlog is EAGAIN, which means the same as refused.
        guard status == 0 else {
            let number = errno == EAGAIN ? ECONNREFUSED : errno
            Glibc.close(descriptor)
            throw SystemError(number, operation)
        }
        _ = fcntl(descriptor, F_SETFL, 0)
        return SocketChannel(owning: descriptor)
    }

    /// Two connected stream sockets.
    package static func pair() throws(SystemError) -> (CInt, CInt) {
        var descriptors: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &descriptors) == 0
        else {
            throw SystemError(errno, "socketpair")
        }
        return (descriptors[0], descriptors[1])
    }
}

/// Calls `body` with the address of a local socket. The path must fit.
func withUnixAddress<Result>(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    precondition(path.utf8.count <= SystemSockets.maximumPathBytes)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
