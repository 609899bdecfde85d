import Glibc
package import RedfishServer
import Threads
import VirtualMedia

/// The accounts as a JSON file that nobody else may read. It is replaced as a whole: a crash at any moment leaves
/// the old file or the new one.
package struct AccountFile: AccountStore {
    private let path: String
    /// Larger files are not ours.
    private static let maximumBytes = 1 << 20

    package init(path: String) { self.path = path }

    package func load() async throws(StoreFailure) -> [Account]? {
        let path = self.path
        return try await Self.onThread { () throws(StoreFailure) in
            guard let bytes = try Self.contents(of: path) else { return nil }
            return try Self.accounts(in: bytes, path)
        }
    }

    package func save(_ accounts: [Account]) async throws(StoreFailure) {
        let path = self.path
        let text = Self.text(accounts)
        try await Self.onThread { () throws(StoreFailure) in try Self.replace(path, with: text) }
    }

    private static func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws(StoreFailure) -> Value
    ) async throws(StoreFailure) -> Value {
        let result = await BlockingThread.value("accounts") {
            Result { () throws(StoreFailure) in try body() }
        }
        guard let result else { throw StoreFailure("the system has no thread left for the account file") }
        return try result.get()
    }

    // MARK: Text

    private static func text(_ accounts: [Account]) -> [UInt8] {
        let list = accounts.map { account -> JSON in
            [
                "UserName": .string(account.userName), "RoleId": .string(account.role.rawValue),
                "PasswordHash": .string(account.passwordHash), "Enabled": JSON(account.isEnabled),
                "PasswordChangeRequired": JSON(account.mustChangePassword),
            ]
        }
        return JSON.object(["Version": 1, "Accounts": .array(list)]).text + [0x0A]
    }

    private static func accounts(in bytes: [UInt8], _ path: String) throws(StoreFailure) -> [Account] {
        let node: JSONNode
        do throws(JSONSyntaxError) { node = try JSONReader.read(bytes) } catch {
            throw StoreFailure("\(path):\(error.position): \(error.message); restore the file or remove it")
        }
        let members = Self.members(node)
        guard members["Version"] == .number("1"), case .array(let list)? = members["Accounts"] else {
            throw StoreFailure("\(path): not an account file of version 1; restore the file or remove it")
        }
        var accounts: [Account] = []
        for element in list {
            let fields = Self.members(element)
            guard case .string(let userName)? = fields["UserName"], Account.isValid(userName: userName),
                case .string(let roleName)? = fields["RoleId"], let role = Role(rawValue: roleName),
                case .string(let hash)? = fields["PasswordHash"],
                case .boolean(let isEnabled)? = fields["Enabled"],
                case .boolean(let mustChange)? = fields["PasswordChangeRequired"],
                !accounts.contains(where: { $0.userName == userName })
            else {
                throw StoreFailure(
                    "\(path):\(element.position): not an account; restore the file or remove it")
            }
            accounts.append(
                Account(
                    userName: userName, role: role, passwordHash: hash, isEnabled: isEnabled,
                    mustChangePassword: mustChange))
        }
        return accounts
    }

    private static func members(_ node: JSONNode) -> [String: JSONNode.Value] {
        guard case .object(let members) = node.value else { return [:] }
        return Dictionary(members.map { ($0.key, $0.node.value) }) { first, _ in first }
    }

    // MARK: File

    /// - Returns: `nil` when there is no file.
    private static func contents(of path: String) throws(StoreFailure) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("open", path)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("stat", path) }
        guard status.st_mode & 0o077 == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw StoreFailure("\(path): others may read or write it; set its mode to 0600")
        }
        var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
        var count = 0
        while count < bytes.count {
            let read = bytes.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress! + count, $0.count - count)
            }
            if read < 0 { throw failure("read", path) }
            if read == 0 { break }
            count += read
        }
        guard count <= maximumBytes else { throw StoreFailure("\(path): more than \(maximumBytes) bytes") }
        return Array(bytes.prefix(count))
    }

    private static func replace(_ path: String, with text: [UInt8]) throws(StoreFailure) {
        let next = path + ".new"
        // What a crash left of an earlier attempt is of no use to anybody.
        unlink(next)
        let file = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure("create", next) }
        var offset = 0
        while offset < text.count {
            let written = text.withUnsafeBytes { write(file, $0.baseAddress! + offset, $0.count - offset) }
            guard written > 0 else {
                let error = failure("write", next)
                close(file)
                unlink(next)
                throw error
            }
            offset += written
        }
        guard fsync(file) == 0, close(file) == 0, rename(next, path) == 0 else {
            let error = failure("replace", path)
            unlink(next)
            throw error
        }
        let folder = path.lastIndex(of: "/").map { path[..<$0].isEmpty ? "/" : String(path[..<$0]) } ?? "."
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw failure("open", folder) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw failure("sync", folder) }
    }

    private static func failure(_ operation: String, _ path: String) -> StoreFailure {
        StoreFailure("\(operation) \(path): \(String(cString: strerror(errno)))")
    }
}
