import Glibc

/// Where a server listens.
package enum ListenAddress: Equatable, Sendable {
    case unix(path: String)
    /// A host name or numeric address; port 0 lets the system choose.
    case tcp(host: String, port: UInt16)

    /// Longest path a socket address holds (unix(7): 108 bytes with its NUL).
    package static let maximumPathBytes = 107

    /// The NBD URI for clients.
    package func uri(exportName: String) -> String {
        switch self {
        case .unix(let path):
            "nbd+unix:///\(Self.percentEncoded(exportName))?socket=\(Self.percentEncoded(path, also: "/"))"
        case .tcp(let host, let port):
            "nbd://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(Self.percentEncoded(exportName))"
        }
    }

    private static func percentEncoded(_ text: String, also allowed: String = "") -> String {
        var result = ""
        for byte in text.utf8 {
            let isPlain =
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || "-._~\(allowed)".utf8.contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            result += isPlain ? String(UnicodeScalar(byte)) : "%" + (digits.count < 2 ? "0" : "") + digits
        }
        return result
    }
}

extension ListenAddress: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unix(let path): path
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}

/// Why a server cannot listen, with what to do about it.
package struct ListenError: Error, Equatable, Sendable {
    package enum Cause: Equatable, Sendable {
        case pathTooLong(byteCount: Int)
        case notASocket, folderMissing, notPermitted, inUse, unknownHost
        case other(errno: CInt)
    }
    package let cause: Cause
    package let address: ListenAddress

    package init(_ cause: Cause, _ address: ListenAddress) {
        self.cause = cause
        self.address = address
    }

    init(errno number: CInt, _ address: ListenAddress) {
        let cause: Cause =
            switch number {
            case EADDRINUSE: .inUse
            case EACCES, EPERM, EROFS: .notPermitted
            case ENOENT, ENOTDIR: .folderMissing
            case EADDRNOTAVAIL: .unknownHost
            default: .other(errno: number)
            }
        self.init(cause, address)
    }
}

extension ListenError: CustomStringConvertible {
    /// Lower case, no full stop: address, cause, remedy.
    package var description: String {
        switch cause {
        case .pathTooLong(let byteCount):
            "\(address): a socket path has at most \(ListenAddress.maximumPathBytes) bytes, this one has \(byteCount); choose a shorter one"
        case .notASocket: "\(address): exists and is not a socket; remove it or choose another path"
        case .folderMissing: "\(address): no such folder; make it first"
        case .notPermitted:
            "\(address): not permitted to this user; choose another place, or a port from 1024 on"
        case .inUse: "\(address): somebody is listening there already; stop that server or choose another"
        case .unknownHost: "\(address): not an address of this machine; try 127.0.0.1 or 0.0.0.0"
        case .other(let number): "\(address): \(String(cString: strerror(number))) (errno \(number))"
        }
    }
}
