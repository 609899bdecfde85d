import HTTPTypes

extension RedfishService {
    private static let service = "\(root)/AccountService"
    private static let collection = "\(root)/AccountService/Accounts"
    private static let rolesPath = "\(root)/AccountService/Roles"

    var accountServiceDocument: ResourceDocument {
        ResourceDocument(
            Self.service, type: SchemaTypes.accountService,
            [
                "Id": "AccountService", "Name": "Account Service", "ServiceEnabled": true,
                "Status": Self.enabled,
                "MinPasswordLength": JSON(RedfishLimits.minimumPasswordCharacters),
                "MaxPasswordLength": JSON(RedfishLimits.maximumPasswordCharacters),
                "AccountLockoutThreshold": JSON(accounts.lockout.threshold),
                "AccountLockoutDuration": JSON(accounts.lockout.duration.components.seconds),
                "AccountLockoutCounterResetAfter": JSON(accounts.lockout.countReset.components.seconds),
                "AccountLockoutCounterResetEnabled": true, "HTTPBasicAuth": "Enabled",
                "SupportedAccountTypes": ["Redfish"],
                "Accounts": .link(Self.collection), "Roles": .link(Self.rolesPath),
            ])
    }

    func changeAccountService(_ context: RequestContext) async throws(Refusal) -> Answer {
        try checkIfMatch(context, accountServiceDocument)
        var body = try RequestBody(context.body, contentType: context.contentType, for: .properties)
        var lockout = accounts.lockout
        if let threshold = body.integer("AccountLockoutThreshold", in: 0...1000) {
            lockout.threshold = Int(threshold)
        }
        if let seconds = body.integer("AccountLockoutDuration", in: 0...86_400) {
            lockout.duration = .seconds(seconds)
        }
        if let seconds = body.integer("AccountLockoutCounterResetAfter", in: 0...86_400) {
            lockout.countReset = .seconds(seconds)
        }
        if lockout.countReset > lockout.duration {
            body.add(
                MessageEntry(
                    .propertyValueConflict, ["AccountLockoutCounterResetAfter", "AccountLockoutDuration"]))
        }
        body.refuse(readOnly: [
            "Id", "Name", "Status", "ServiceEnabled", "Accounts", "Roles", "MinPasswordLength",
            "MaxPasswordLength", "HTTPBasicAuth", "Description",
        ])
        try body.finish()
        guard !body.isEmpty else { throw Refusal(.noOperation) }
        try await changeSettings { $0.accounts.lockout = lockout }
        return answer(accountServiceDocument, to: context)
    }

    // MARK: Roles

    var rolesDocument: ResourceDocument {
        ResourceDocument(
            collection: Self.rolesPath, of: "Role", name: "Roles",
            members: Role.allCases.map { "\(Self.rolesPath)/\($0.rawValue)" })
    }

    func roleDocument(_ id: String) throws(Refusal) -> ResourceDocument {
        guard let role = Role(rawValue: id) else { throw Refusal(.resourceNotFound, "Role", id) }
        return ResourceDocument(
            "\(Self.rolesPath)/\(id)", type: SchemaTypes.role,
            [
                "Id": .string(id), "Name": .string("\(id) role"), "RoleId": .string(id), "IsPredefined": true,
                "AssignedPrivileges": .strings(role.privileges.map(\.rawValue)), "OemPrivileges": [],
            ])
    }

    // MARK: Accounts

    /// Those that the caller may see: its own, or all.
    func accountsDocument(for login: Login?) -> ResourceDocument {
        let privileges = login?.role.privileges ?? []
        let seesAll = privileges.contains(.configureUsers) || privileges.contains(.configureManager)
        let visible = accounts.accounts.filter { seesAll || $0.userName == login?.userName }
        return ResourceDocument(
            collection: Self.collection, of: "ManagerAccount", name: "Accounts",
            members: visible.map { "\(Self.collection)/\($0.userName)" })
    }

    func accountDocument(_ userName: String) throws(Refusal) -> ResourceDocument {
        guard let account = accounts[userName] else {
            throw Refusal(.resourceNotFound, "ManagerAccount", userName)
        }
        return ResourceDocument(
            "\(Self.collection)/\(userName)", type: SchemaTypes.account,
            [
                "Id": .string(userName), "Name": "User Account", "UserName": .string(userName),
                "Password": .null, "RoleId": .string(account.role.rawValue),
                "Enabled": JSON(account.isEnabled),
                "Locked": JSON(accounts.isLocked(userName, at: platform.clock.now)),
                "PasswordChangeRequired": JSON(account.mustChangePassword), "AccountTypes": ["Redfish"],
                "StrictAccountTypes": false,
                "Links": ["Role": .link("\(Self.rolesPath)/\(account.role.rawValue)")],
            ])
    }

    private static let readOnlyProperties = [
        "Id", "Name", "Links", "Description", "Certificates", "Keys", "Actions", "StrictAccountTypes",
    ]

    func createAccount(_ context: RequestContext) async throws(Refusal) -> Answer {
        var body = try RequestBody(context.body, contentType: context.contentType, for: .properties)
        let userName = body.string("UserName")
        let password = Self.password(&body)
        let role = body.choice("RoleId", of: Role.self)
        let isEnabled = body.boolean("Enabled") ?? true
        let mustChange = body.boolean("PasswordChangeRequired") ?? false
        Self.checkAccountTypes(&body)
        if let locked = body.boolean("Locked"), locked {
            body.add(MessageEntry(.propertyValueNotInList, ["true", "Locked"], about: "Locked"))
        }
        if userName == nil { body.addMissing("UserName") }
        if password == nil { body.addMissing("Password") }
        if role == nil { body.addMissing("RoleId") }
        if let userName, !Account.isValid(userName: userName) { body.addFormatProblem("UserName", userName) }
        body.refuse(readOnly: Self.readOnlyProperties)
        try body.finish()
        guard let userName, let password, let role else { throw Refusal(.internalError) }
        try checkFree(userName)
        let hash = await platform.passwords.hash(Array(password.utf8))
        // Somebody may have been quicker while the KDF worked.
        try checkFree(userName)
        accounts.add(
            Account(
                userName: userName, role: role, passwordHash: hash, isEnabled: isEnabled,
                mustChangePassword: mustChange))
        do throws(Refusal) { try await storeAccounts() } catch {
            accounts.remove(userName)
            throw error
        }
        let document = try accountDocument(userName)
        var answer = answer(document, status: 201, to: context)
        answer.head.headerFields[.location] = document.path
        return answer
    }

    private func checkFree(_ userName: String) throws(Refusal) {
        guard accounts[userName] == nil else {
            throw Refusal(.resourceAlreadyExists, "ManagerAccount", "UserName", userName)
        }
        guard accounts.accounts.count < RedfishLimits.accounts else { throw Refusal(.createLimitReached) }
    }

    /// A new password, if it is one.
    private static func password(_ body: inout RequestBody) -> String? {
        guard let password = body.string("Password", isSecret: true) else { return nil }
        let lengths = RedfishLimits.minimumPasswordCharacters...RedfishLimits.maximumPasswordCharacters
        if !lengths.contains(password.count)
            || password.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
        {
            body.add(MessageEntry(.passwordIncorrectLength, about: "Password"))
        }
        return password
    }

    private static func checkAccountTypes(_ body: inout RequestBody) {
        guard let types = body.strings("AccountTypes", limit: 8), types != ["Redfish"] else { return }
        body.add(body.notInList("AccountTypes", types.joined(separator: ", ")))
    }

    func changeAccount(_ context: RequestContext) async throws(Refusal) -> Answer {
        let userName = context.parameters["account"]
        try checkIfMatch(context, try accountDocument(userName))
        let login = context.knownLogin
        var body = try RequestBody(context.body, contentType: context.contentType, for: .properties)
        if !context.has(.configureUsers) || login.mustChangePassword {
            for key in ["RoleId", "Enabled", "Locked", "PasswordChangeRequired", "AccountTypes", "UserName"]
            where body.has(key) { throw Refusal(.insufficientPrivilege) }
        }
        let password = Self.password(&body)
        let role = body.choice("RoleId", of: Role.self)
        let isEnabled = body.boolean("Enabled")
        let mustChange = body.boolean("PasswordChangeRequired")
        let locked = body.boolean("Locked")
        if locked == true {
            body.add(MessageEntry(.propertyValueNotInList, ["true", "Locked"], about: "Locked"))
        }
        Self.checkAccountTypes(&body)
        body.refuse(readOnly: Self.readOnlyProperties + ["UserName"])
        try body.finish()
        guard !body.isEmpty else { throw Refusal(.noOperation) }
        try checkAdministratorStays(userName, role: role, isEnabled: isEnabled)
        var hash: String?
        if let password { hash = await platform.passwords.hash(Array(password.utf8)) }
        guard let old = accounts[userName] else {
            throw Refusal(.resourceNotFound, "ManagerAccount", userName)
        }
        try checkAdministratorStays(userName, role: role, isEnabled: isEnabled)
        var new = old
        if let hash {
            new.passwordHash = hash
            new.mustChangePassword = false
        }
        if let role { new.role = role }
        if let isEnabled { new.isEnabled = isEnabled }
        if let mustChange { new.mustChangePassword = mustChange }
        accounts.replace(new)
        do throws(Refusal) { try await storeAccounts() } catch {
            accounts.replace(old)
            throw error
        }
        if locked == false { accounts.unlock(userName) }
        announce(old, new, by: login)
        return answer(try accountDocument(userName), to: context)
    }

    /// What was bound to the account as it was has to end.
    private func announce(_ old: Account, _ new: Account, by login: Login) {
        let userName = old.userName
        let hasNewPassword = old.passwordHash != new.passwordHash
        guard hasNewPassword || old.role != new.role || old.isEnabled != new.isEnabled else { return }
        rememberedPasswords[userName] = nil
        if !new.isEnabled {
            endSessions(of: userName)
        } else if hasNewPassword {
            endSessions(of: userName, except: login.userName == userName ? login.sessionID : nil)
        }
        loginChanges.send(.accountChanged(userName: userName))
    }

    private func checkAdministratorStays(_ userName: String, role: Role?, isEnabled: Bool?) throws(Refusal) {
        let goes = (role != nil && role != .administrator) || isEnabled == false
        guard goes, accounts[userName]?.role == .administrator, accounts.isLastAdministrator(userName) else {
            return
        }
        throw Refusal(.restrictedRole, Role.administrator.rawValue)
    }

    func deleteAccount(_ context: RequestContext) async throws(Refusal) -> Answer {
        let userName = context.parameters["account"]
        try checkIfMatch(context, try accountDocument(userName))
        guard let old = accounts[userName] else {
            throw Refusal(.resourceNotFound, "ManagerAccount", userName)
        }
        guard !(old.role == .administrator && accounts.isLastAdministrator(userName)) else {
            throw Refusal(.resourceCannotBeDeleted)
        }
        accounts.remove(userName)
        do throws(Refusal) { try await storeAccounts() } catch {
            accounts.add(old)
            throw error
        }
        rememberedPasswords[userName] = nil
        endSessions(of: userName)
        loginChanges.send(.accountChanged(userName: userName))
        return noContent
    }

    private func storeAccounts() async throws(Refusal) {
        try await inTurn { () async throws(StoreFailure) in
            try await platform.accounts.save(accounts.accounts)
        }
    }
}
