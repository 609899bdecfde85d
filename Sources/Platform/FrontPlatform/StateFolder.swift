import Glibc
package import RedfishServer

/// Where a front keeps what outlives its process: "accounts.json", "settings.json", "uuid", and until somebody takes
/// it away "initial-password". Nobody else may read any of it.
package struct StateFolder: Sendable {
    package let path: String

    /// Makes the folder, and those above it, where they are missing.
    ///
    /// - Throws: for a folder that cannot be made, or that others may write to.
    package init(at path: String) throws(StoreFailure) {
        self.path = path
        try Self.make(path)
        var status = stat()
        guard stat(path, &status) == 0 else { throw Self.failure("look at", path) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw StoreFailure("\(path): not a folder") }
        guard status.st_mode & 0o022 == 0, status.st_uid == geteuid() else {
            throw StoreFailure("\(path): others may write to it; give it to this user, with mode 0700")
        }
    }

    package var accounts: AccountFile { AccountFile(path: "\(path)/accounts.json") }
    package var settings: SettingsFile { SettingsFile(path: "\(path)/settings.json") }
    package var initialPasswordPath: String { "\(path)/initial-password" }

    /// Names this BMC; the same at every call.
    package func uuid() async throws(StoreFailure) -> String {
        let file = PrivateFile("\(path)/uuid")
        if let bytes = try await file.contents() {
            let text = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }
            guard UUIDText.isValid(text) else {
                throw StoreFailure("\(path)/uuid: not a UUID; restore the file or remove it")
            }
            return String(text)
        }
        let made = UUIDText.random()
        try await file.replace(with: Array("\(made)\n".utf8))
        return made
    }

    /// The password that the first account got or is to get, if it was made up: kept until somebody removes the file.
    ///
    /// - Returns: and whether it is new.
    package func initialPassword() async throws(StoreFailure) -> (password: String, isNew: Bool) {
        let file = PrivateFile(initialPasswordPath)
        if let bytes = try await file.contents() {
            let text = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }
            guard !text.isEmpty else { throw StoreFailure("\(initialPasswordPath): empty; remove it") }
            return (String(text), false)
        }
        let made = MadeUpPassword.text()
        try await file.replace(with: Array("\(made)\n".utf8))
        return (made, true)
    }

    private static func make(_ path: String) throws(StoreFailure) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw failure("make", path)
        }
        try make(String(path[..<slash]))
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("make", path) }
    }

    private static func failure(_ operation: String, _ path: String) -> StoreFailure {
        StoreFailure("\(operation) \(path): \(String(cString: strerror(errno)))")
    }
}

/// Passwords for accounts that nobody has given one.
package enum MadeUpPassword {
    private static let characterCount = 20

    /// 117 bits, without characters that look alike.
    package static func text() -> String {
        let characters = Array("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
        var random = SystemRandomNumberGenerator()
        return String(
            (0..<characterCount).map { _ in characters[Int.random(in: characters.indices, using: &random)] })
    }
}

/// UUIDs as text (RFC 9562).
package enum UUIDText {
    private static let lengths = [8, 4, 4, 4, 12]

    /// RFC 9562 §5.4.
    package static func random() -> String {
        var bytes = SystemEntropy().bytes(16)
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        var digits = bytes.map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()[...]
        return lengths.map { length in
            defer { digits = digits.dropFirst(length) }
            return String(digits.prefix(length))
        }.joined(separator: "-")
    }

    package static func isValid(_ text: Substring) -> Bool {
        let groups = text.split(separator: "-", omittingEmptySubsequences: false)
        return groups.map(\.count) == lengths
            && groups.allSatisfy { $0.utf8.allSatisfy { Character(UnicodeScalar($0)).isHexDigit } }
    }
}
