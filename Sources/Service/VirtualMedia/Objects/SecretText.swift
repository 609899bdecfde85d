/// The text in which callers pass credentials through a pipe: `user NUL password NUL`, nothing more.
enum SecretText {
    /// The whole text, as bmcweb limits each part to 512 characters of it.
    static let maximumBytes = 1024
    /// From the call to the second NUL.
    static let timeout = Duration.seconds(5)

    enum Parsed {
        /// More has to come.
        case incomplete
        case malformed
        /// Both parts are empty, which is how callers without credentials say so.
        case nothing
        case credentials(Credentials)
    }

    static func parse(_ bytes: [UInt8]) -> Parsed {
        let ends = bytes.indices.filter { bytes[$0] == 0 }
        guard bytes.count <= maximumBytes, ends.count <= 2 else { return .malformed }
        guard ends.count == 2 else { return bytes.count == maximumBytes ? .malformed : .incomplete }
        guard ends[1] == bytes.count - 1 else { return .malformed }
        if bytes.count == 2 { return .nothing }
        // The copy that is kept wipes itself; this one is wiped here.
        var password = Array(bytes[(ends[0] + 1)..<ends[1]])
        defer { for index in password.indices { password[index] = 0 } }
        return .credentials(Credentials(user: Array(bytes[..<ends[0]]), password: password))
    }

    /// Reads the text from a pipe, however its writer cut it up.
    ///
    /// - Throws: without a word of what was read.
    static func read(_ descriptor: CInt, on platform: MediaPlatform) async throws(SecretFailure)
        -> Credentials?
    {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(maximumBytes)
        defer { for index in bytes.indices { bytes[index] = 0 } }
        let deadline = platform.clock.now + timeout
        while true {
            switch parse(bytes) {
            case .credentials(let credentials): return credentials
            case .nothing: return nil
            case .malformed: throw .malformed
            case .incomplete: break
            }
            let remaining = deadline - platform.clock.now
            guard remaining > .zero else { throw .timedOut }
            var more: [UInt8]
            do throws(SystemError) {
                more = try await platform.secrets.read(
                    descriptor, maximumBytes: maximumBytes - bytes.count, timeout: remaining)
            } catch {
                throw error.errno == Errno.timedOut ? .timedOut : .unreadable(errno: error.errno)
            }
            guard !more.isEmpty else { throw .malformed }
            bytes += more
            for index in more.indices { more[index] = 0 }
        }
    }
}

enum SecretFailure: Error, Equatable {
    case malformed
    case timedOut
    case unreadable(errno: CInt)
}
