import Glibc

/// Where a store is controlled from: this machine only.
package enum ControlAddress: Equatable, Sendable, CustomStringConvertible {
    /// Port 0 lets the system choose.
    case loopback(port: UInt16)
    /// A socket file that only its owner may open.
    case unix(path: String)

    /// "8474", "127.0.0.1:8474", "localhost:8474", "unix:/run/store.sock", or a path with a slash.
    ///
    /// - Returns: `nil` for anything else, other machines' addresses above all.
    package init?(_ text: String) {
        if let path = text.hasPrefix("unix:") ? String(text.dropFirst(5)) : text.contains("/") ? text : nil {
            guard !path.isEmpty, path.utf8.count < Self.maximumPathBytes else { return nil }
            self = .unix(path: path)
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let port = parts.last.flatMap({ UInt16($0) }),
            parts.count == 1 || parts[0] == "127.0.0.1" || parts[0] == "localhost"
        else { return nil }
        self = .loopback(port: port)
    }

    /// Of `sun_path`, with the final NUL (unix(7)).
    static let maximumPathBytes = 108

    package var description: String {
        switch self {
        case .loopback(let port): "127.0.0.1:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Where stores of this user are found without being told: a private folder of the system's.
    package static func standard() -> ControlAddress? {
        if let folder = getenv("XDG_RUNTIME_DIR").map({ String(cString: $0) }), folder.hasPrefix("/") {
            return .unix(path: "\(folder)/mediarig-store.sock")
        }
        return geteuid() == 0 ? .unix(path: "/run/mediarig-store.sock") : nil
    }

    /// Calls `body` with the address as the socket calls want it.
    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch self {
        case .loopback(let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            return withUnsafeBytes(of: &address) { bytes in
                body(bytes.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t(bytes.count))
            }
        case .unix(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) {
                $0.copyBytes(from: path.utf8.prefix($0.count - 1))
            }
            return withUnsafeBytes(of: &address) { bytes in
                body(bytes.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t(bytes.count))
            }
        }
    }

    func newSocket() -> CInt {
        let family: CInt = if case .unix = self { AF_UNIX } else { AF_INET }
        return socket(family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }
}
