import CLinux
import Glibc

/// A unix socket's address: a path in the file system, or a name in Linux's abstract namespace.
package enum SocketAddress: Equatable, Sendable {
    case path(String)
    case abstract(String)

    /// Longest path: `sun_path` is 108 bytes, one of them for the NUL.
    package static let pathBytes = 107

    package var text: String {
        switch self {
        case .path(let path): path
        case .abstract(let name): "@" + name
        }
    }

    /// - Returns: `nil` when it does not fit.
    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes: [UInt8] =
            switch self {
            case .path(let path): Array(path.utf8) + [0]
            case .abstract(let name): [0] + Array(name.utf8)
            }
        guard bytes.count <= Self.pathBytes + 1 else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }
}

/// A system call on a socket failed.
package struct SocketError: Error, Equatable, Sendable, CustomStringConvertible {
    package let errno: CInt
    /// "bind /run/bus"
    package let operation: String

    package init(_ errno: CInt, _ operation: String) {
        self.errno = errno
        self.operation = operation
    }

    package var description: String {
        "\(operation): \(String(cString: strerror(errno))) (errno \(errno))"
    }
}
