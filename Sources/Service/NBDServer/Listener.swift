import Glibc

/// A listening socket; for a path, also the file that stands for it.
package final class Listener: Sendable {
    package let number: CInt
    package let address: ListenAddress
    private let file: FileIdentity?

    private struct FileIdentity: Equatable {
        let device: UInt
        let inode: UInt

        init?(_ path: String) {
            var status = stat()
            guard lstat(path, &status) == 0 else { return nil }
            device = UInt(status.st_dev)
            inode = UInt(status.st_ino)
        }
    }

    package init(_ address: ListenAddress) throws(ListenError) {
        switch address {
        case .unix(let path):
            number = try Self.listen(path: path, address)
            self.address = address
            file = FileIdentity(path)
        case .tcp(let host, let port):
            (number, self.address) = try Self.listen(host: host, port: port, address)
            file = nil
        }
    }

    /// Closes the socket and removes its file, if that is still ours.
    package func close() {
        Glibc.close(number)
        if case .unix(let path) = address, let file, FileIdentity(path) == file { unlink(path) }
    }

    private static func listen(path: String, _ address: ListenAddress) throws(ListenError) -> CInt {
        let byteCount = path.utf8.count
        guard (1...ListenAddress.maximumPathBytes).contains(byteCount) else {
            throw ListenError(byteCount == 0 ? .folderMissing : .pathTooLong(byteCount: byteCount), address)
        }
        try removeStale(path, address)
        let number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw ListenError(errno: errno, address) }
        // The file gets the socket's mode: nobody else may connect.
        fchmod(number, 0o600)
        guard withUnixAddress(path, { bind(number, $0, $1) }) == 0,
            Glibc.listen(number, DataPlane.listenBacklog) == 0
        else { throw abandon(number, address) }
        return number
    }

    /// A socket file outlives a server that was killed. It is removed only if nobody answers there.
    private static func removeStale(_ path: String, _ address: ListenAddress) throws(ListenError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw ListenError(.notASocket, address) }
        let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { throw ListenError(errno: errno, address) }
        defer { Glibc.close(probe) }
        // A full backlog must not hold us up, and means that somebody listens.
        _ = fcntl(probe, F_SETFL, O_NONBLOCK)
        if withUnixAddress(path, { connect(probe, $0, $1) }) == 0 || errno == EAGAIN || errno == EPROTOTYPE {
            throw ListenError(.inUse, address)
        }
        guard errno == ECONNREFUSED else { throw ListenError(errno: errno, address) }
        guard unlink(path) == 0 || errno == ENOENT else { throw ListenError(errno: errno, address) }
    }

    private static func listen(host: String, port: UInt16, _ address: ListenAddress)
        throws(ListenError) -> (CInt, ListenAddress)
    {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0, let first = list else {
            throw ListenError(.unknownHost, address)
        }
        defer { freeaddrinfo(list) }
        let entry = first.pointee
        let number = socket(
            entry.ai_family, entry.ai_socktype | CInt(SOCK_CLOEXEC.rawValue), entry.ai_protocol)
        guard number >= 0 else { throw ListenError(errno: errno, address) }
        var one: CInt = 1
        setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size))
        guard bind(number, entry.ai_addr, entry.ai_addrlen) == 0,
            Glibc.listen(number, DataPlane.listenBacklog) == 0
        else { throw abandon(number, address) }
        return (number, .tcp(host: host, port: boundPort(number)))
    }

    private static func abandon(_ number: CInt, _ address: ListenAddress) -> ListenError {
        let cause = errno
        Glibc.close(number)
        return ListenError(errno: cause, address)
    }

    /// IPv4 and IPv6 addresses have the port in the same place.
    private static func boundPort(_ number: CInt) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes in
            let pointer = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            guard getsockname(number, pointer, &length) == 0 else { return 0 }
            return UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
    }
}

/// - Precondition: the path has at most 107 bytes.
func withUnixAddress<Result>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result
{
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
