/// An account as it is stored. The password is there as what the KDF made of it only.
package struct Account: Equatable, Sendable {
    /// Also its id in URLs.
    package var userName: String
    package var role: Role
    /// As ``PasswordHashing`` wrote it, with algorithm and salt.
    package var passwordHash: String
    package var isEnabled: Bool
    package var mustChangePassword: Bool

    package init(
        userName: String, role: Role, passwordHash: String, isEnabled: Bool = true,
        mustChangePassword: Bool = false
    ) {
        self.userName = userName
        self.role = role
        self.passwordHash = passwordHash
        self.isEnabled = isEnabled
        self.mustChangePassword = mustChangePassword
    }

    /// Letters, digits, ".", "_" and "-", a letter or "_" first: no name needs escaping in a URL.
    package static func isValid(userName: String) -> Bool {
        guard let first = userName.utf8.first, userName.utf8.count <= RedfishLimits.userNameBytes else {
            return false
        }
        let isLetter = { (byte: UInt8) in (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
        guard isLetter(first) || first == UInt8(ascii: "_") else { return false }
        return userName.utf8.allSatisfy {
            isLetter($0) || (0x30...0x39).contains($0) || Array("._-".utf8).contains($0)
        }
    }
}

/// The accounts by name, with what is known of wrong passwords; in the order of their names.
struct AccountTable {
    private(set) var accounts: [Account]
    private var failures: [String: Failures] = [:]
    var lockout = Lockout()

    struct Lockout: Equatable, Sendable {
        /// Wrong passwords in a row that lock the account; 0 never does.
        var threshold = 5
        var duration = Duration.seconds(300)
        /// Without a wrong password for so long, the count starts anew.
        var countReset = Duration.seconds(300)
    }

    private struct Failures {
        var count = 0
        var last = Duration.zero
        var lockedUntil: Duration?
    }

    init(_ accounts: [Account]) { self.accounts = accounts.sorted { $0.userName < $1.userName } }

    subscript(userName: String) -> Account? { accounts.first { $0.userName == userName } }

    mutating func add(_ account: Account) {
        accounts.append(account)
        accounts.sort { $0.userName < $1.userName }
    }

    mutating func remove(_ userName: String) {
        accounts.removeAll { $0.userName == userName }
        failures[userName] = nil
    }

    mutating func replace(_ account: Account) {
        if let index = accounts.firstIndex(where: { $0.userName == account.userName }) {
            accounts[index] = account
        }
    }

    /// Whether taking this one away leaves nobody who may manage accounts.
    func isLastAdministrator(_ userName: String) -> Bool {
        !accounts.contains { $0.userName != userName && $0.role == .administrator && $0.isEnabled }
    }

    func isLocked(_ userName: String, at now: Duration) -> Bool {
        failures[userName]?.lockedUntil.map { now < $0 } ?? false
    }

    /// Only for accounts that exist, so that made-up names use no memory.
    mutating func noteWrongPassword(_ userName: String, at now: Duration) {
        guard self[userName] != nil, lockout.threshold > 0 else { return }
        var failure = failures[userName] ?? Failures()
        if let until = failure.lockedUntil, now >= until { failure = Failures() }
        if now - failure.last > lockout.countReset { failure.count = 0 }
        failure.count += 1
        failure.last = now
        if failure.count >= lockout.threshold { failure.lockedUntil = now + lockout.duration }
        failures[userName] = failure
    }

    mutating func noteRightPassword(_ userName: String) { failures[userName] = nil }
    mutating func unlock(_ userName: String) { failures[userName] = nil }
}
