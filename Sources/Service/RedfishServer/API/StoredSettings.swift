import VirtualMedia

/// Where what administrators have set is kept, as text.
package protocol SettingsStore: Sendable {
    /// - Returns: `nil` when nothing was ever stored.
    func load() async throws(StoreFailure) -> [UInt8]?
    /// All of it, or nothing: a crash leaves the old or the new.
    func save(_ text: [UInt8]) async throws(StoreFailure)
}

/// Settings in memory only: gone with the process.
package actor MemorySettingsStore: SettingsStore {
    private var text: [UInt8]?
    package init() {}
    package func load() async throws(StoreFailure) -> [UInt8]? { text }
    package func save(_ text: [UInt8]) async throws(StoreFailure) { self.text = text }
}

/// What of the service outlives its process beside the accounts.
struct StoredSettings: Equatable {
    var trust: [String: SlotTrust] = [:]
    var ejectRules: [String: EjectRules] = [:]
    var lockout = AccountTable.Lockout()
    var sessionTimeout: Duration

    init(sessionTimeout: Duration) { self.sessionTimeout = sessionTimeout }

    var text: [UInt8] {
        var slots: JSONObject = [:]
        for name in Set(trust.keys).union(ejectRules.keys).sorted() {
            let (trust, rules) = (trust[name] ?? SlotTrust(), ejectRules[name] ?? EjectRules())
            slots[name] = [
                "VerifyCertificate": JSON(trust.isExclusive),
                "Certificates": .array(
                    trust.certificates.map { ["Id": .string($0.id), "PEM": .string($0.pem)] }),
                "EjectPolicy": .string(rules.policy.rawValue),
                "EjectTimeout": .string(DurationText.text(rules.timeout)),
            ]
        }
        let settings: JSON = [
            "Version": 1, "Slots": .object(slots),
            "SessionTimeout": JSON(sessionTimeout.components.seconds),
            "AccountLockoutThreshold": JSON(lockout.threshold),
            "AccountLockoutDuration": JSON(lockout.duration.components.seconds),
            "AccountLockoutCounterResetAfter": JSON(lockout.countReset.components.seconds),
        ]
        return settings.text + [0x0A]
    }

    /// - Throws: for a text that is not ours: nothing of it is believed then.
    init(_ text: [UInt8]) throws(StoreFailure) {
        let node: JSONNode
        do throws(JSONSyntaxError) { node = try JSONReader.read(text) } catch {
            throw StoreFailure("settings, \(error.position): \(error.message)")
        }
        var body = RequestBody(node)
        guard body.integer("Version", in: 1...1) == 1,
            let timeout = body.integer("SessionTimeout", in: 1...86_400),
            let threshold = body.integer("AccountLockoutThreshold", in: 0...1000),
            let duration = body.integer("AccountLockoutDuration", in: 0...86_400),
            let reset = body.integer("AccountLockoutCounterResetAfter", in: 0...86_400),
            let slots = body.members("Slots")
        else { throw Self.damaged(node) }
        sessionTimeout = .seconds(timeout)
        lockout.threshold = Int(threshold)
        lockout.duration = .seconds(duration)
        lockout.countReset = .seconds(reset)
        for (name, slot) in slots {
            var fields = RequestBody(slot)
            var (trust, rules) = (SlotTrust(), EjectRules())
            guard let isExclusive = fields.boolean("VerifyCertificate"),
                let certificates = fields.objects("Certificates", limit: RedfishLimits.certificatesPerSlot),
                let policy = fields.choice("EjectPolicy", of: EjectPolicy.self),
                let timeout = fields.string("EjectTimeout").flatMap({ DurationText.parse($0) })
            else { throw Self.damaged(slot) }
            trust.isExclusive = isExclusive
            for certificate in certificates {
                guard let id = certificate.first(where: { $0.name == "Id" }).flatMap({ Int($0.value) }),
                    let pem = certificate.first(where: { $0.name == "PEM" })?.value
                else { throw Self.damaged(slot) }
                trust.restore(pem, id: id)
            }
            rules.policy = policy
            rules.timeout = timeout
            self.trust[name] = trust
            ejectRules[name] = rules
        }
    }

    private static func damaged(_ node: JSONNode) -> StoreFailure {
        StoreFailure("settings, \(node.position): not what was stored; restore the file or remove it")
    }
}

extension RedfishService {
    private var currentSettings: StoredSettings {
        var settings = StoredSettings(sessionTimeout: sessions.timeout)
        settings.trust = trust
        settings.ejectRules = ejectRules
        settings.lockout = accounts.lockout
        return settings
    }

    /// Changes settings; they are as before if they cannot be stored.
    func changeSettings(_ change: (isolated RedfishService) -> Void) async throws(Refusal) {
        let old = currentSettings
        change(self)
        do throws(Refusal) {
            try await inTurn { () async throws(StoreFailure) in
                try await platform.settings.save(currentSettings.text)
            }
        } catch {
            adopt(old)
            throw error
        }
    }

    func adopt(_ settings: StoredSettings) {
        trust = settings.trust
        // What is in the slots is not a setting.
        var rules = settings.ejectRules
        for (name, present) in ejectRules {
            var kept = present
            kept.policy = rules[name]?.policy ?? EjectPolicy.persistent
            kept.timeout = rules[name]?.timeout ?? EjectRules().timeout
            rules[name] = kept
        }
        ejectRules = rules
        accounts.lockout = settings.lockout
        sessions.timeout = settings.sessionTimeout
    }

    /// Stores one thing after the other, each with all that is true when its turn comes.
    func inTurn(_ save: () async throws(StoreFailure) -> Void) async throws(Refusal) {
        while let storing { _ = await storing.value() }
        let turn = Promise<Bool>()
        storing = turn
        defer {
            storing = nil
            turn.settle(true)
        }
        do throws(StoreFailure) { try await save() } catch { throw Refusal(.internalError) }
    }
}
