import Glibc
package import VirtualMedia

/// An `Authorization: Basic` line (RFC 7617) in memory of our own, wiped with its owner.
package final class AuthorizationHeader: @unchecked Sendable {
    private let line: UnsafeMutableBufferPointer<CChar>

    /// - Throws: ``ImageError/Cause/wrongCredentials`` when the user's name cannot be sent.
    package init(_ credentials: Credentials) throws(ImageError) {
        let user = Array(credentials.userName.utf8)
        guard !user.contains(UInt8(ascii: ":")), user.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw ImageError(
                .wrongCredentials, "a user name with a colon or control character cannot be sent over HTTPS")
        }
        line = credentials.withPassword { password in
            var secret = user + [UInt8(ascii: ":")] + password
            defer { secret.withUnsafeMutableBytes { explicit_bzero($0.baseAddress!, $0.count) } }
            return Self.line(secret)
        }
    }

    deinit {
        explicit_bzero(line.baseAddress!, line.count)
        line.deallocate()
    }

    /// NUL-terminated; valid as long as `self`.
    package var pointer: UnsafeMutablePointer<CChar> { line.baseAddress! }

    private static func line(_ secret: [UInt8]) -> UnsafeMutableBufferPointer<CChar> {
        let prefix = "Authorization: Basic "
        let line = UnsafeMutableBufferPointer<CChar>.allocate(
            capacity: prefix.utf8.count + (secret.count + 2) / 3 * 4 + 1)
        var position = 0
        func put(_ byte: UInt8) {
            line[position] = CChar(bitPattern: byte)
            position += 1
        }
        prefix.utf8.forEach(put)
        for start in stride(from: 0, to: secret.count, by: 3) {
            let group = secret[start..<min(start + 3, secret.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * (3 - UInt32(group.count)))
            for digit in 0..<4 {
                put(
                    digit > group.count
                        ? UInt8(ascii: "=") : base64Digit(bits >> (18 - 6 * UInt32(digit)) & 63))
            }
        }
        put(0)
        return line
    }

    private static func base64Digit(_ value: UInt32) -> UInt8 {
        switch UInt8(value) {
        case let letter where letter < 26: UInt8(ascii: "A") + letter
        case let letter where letter < 52: UInt8(ascii: "a") + letter - 26
        case let digit where digit < 62: UInt8(ascii: "0") + digit - 52
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }
}
