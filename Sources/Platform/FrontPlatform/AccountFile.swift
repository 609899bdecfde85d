package import RedfishServer
import VirtualMedia

/// The accounts as a JSON file that nobody else may read. It is replaced as a whole: a crash at any moment leaves
/// the old file or the new one.
package struct AccountFile: AccountStore {
    private let path: String
    package init(path: String) { self.path = path }

    package func load() async throws(StoreFailure) -> [Account]? {
        guard let bytes = try await PrivateFile(path).contents() else { return nil }
        return try Self.accounts(in: bytes, path)
    }

    package func save(_ accounts: [Account]) async throws(StoreFailure) {
        try await PrivateFile(path).replace(with: Self.text(accounts))
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
}
