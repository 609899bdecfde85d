import Glibc
import NBDServer

/// Connects to a stream socket; blocks its thread.
enum StreamConnect {
    static func connect(to address: ListenAddress) throws(USBIPFailure) -> CInt {
        switch address {
        case .unix(let path): try connect(path: path, address)
        case .tcp(let host, let port): try connect(host: host, port: port, address)
        }
    }

    private static func connect(path: String, _ address: ListenAddress) throws(USBIPFailure) -> CInt {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count <= ListenAddress.maximumPathBytes else {
            throw .unreachable(address, errno: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
        let number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .unreachable(address, errno: errno) }
        let status = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else { throw abandon(number, address) }
        return number
    }

    /// Tries each address of the host in turn.
    private static func connect(host: String, port: UInt16, _ address: ListenAddress) throws(USBIPFailure)
        -> CInt
    {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0 else { throw .unknownHost(address) }
        defer { freeaddrinfo(list) }
        var failure = USBIPFailure.unknownHost(address)
        var entry = list
        while let candidate = entry?.pointee {
            entry = candidate.ai_next
            let number = socket(
                candidate.ai_family, candidate.ai_socktype | CInt(SOCK_CLOEXEC.rawValue),
                candidate.ai_protocol)
            guard number >= 0 else {
                failure = .unreachable(address, errno: errno)
                continue
            }
            if Glibc.connect(number, candidate.ai_addr, candidate.ai_addrlen) == 0 { return number }
            failure = abandon(number, address)
        }
        throw failure
    }

    private static func abandon(_ number: CInt, _ address: ListenAddress) -> USBIPFailure {
        let cause = errno
        Glibc.close(number)
        return .unreachable(address, errno: cause)
    }
}
