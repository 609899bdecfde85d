import HTTPTypes

/// What a slot is told beside what is in it: whom to trust, and when to eject.
extension RedfishService {
    struct SlotSettings {
        var isTrustExclusive: Bool?
        var policy: EjectPolicy?
        var timeout: Duration?

        var isEmpty: Bool { isTrustExclusive == nil && policy == nil && timeout == nil }
    }

    /// Takes the settings out of a body; a slot that has none leaves them unknown.
    static func settings(_ body: inout RequestBody, of slot: MediaSlot) -> SlotSettings {
        var settings = SlotSettings()
        if slot.canTrust { settings.isTrustExclusive = body.boolean("VerifyCertificate") }
        guard slot.mode == .legacy else { return settings }
        settings.policy = body.choice("EjectPolicy", of: EjectPolicy.self)
        if let text = body.string("EjectTimeout") {
            if let timeout = DurationText.parse(text) {
                settings.timeout = timeout
                if !EjectRules.timeouts.contains(timeout) {
                    body.add(
                        MessageEntry(
                            .propertyValueOutOfRange, [text, "EjectTimeout"], about: "EjectTimeout"))
                }
            } else {
                body.addFormatProblem("EjectTimeout", text)
            }
        }
        return settings
    }

    func apply(_ settings: SlotSettings, to slot: MediaSlot) {
        if let isExclusive = settings.isTrustExclusive {
            trust[slot.name, default: SlotTrust()].isExclusive = isExclusive
        }
        if let policy = settings.policy { ejectRules[slot.name, default: EjectRules()].policy = policy }
        if let timeout = settings.timeout { ejectRules[slot.name, default: EjectRules()].timeout = timeout }
    }

    func addSettings(of slot: MediaSlot, to object: inout JSONObject) {
        let rules = ejectRules[slot.name] ?? EjectRules()
        guard slot.mode == .legacy else {
            // The WebSocket that serves it is bound to its login.
            object["EjectPolicy"] = .string(EjectPolicy.session.rawValue)
            return
        }
        object["EjectPolicy"] = .string(rules.policy.rawValue)
        object["EjectPolicy@Redfish.AllowableValues"] = .strings(EjectPolicy.allCases.map(\.rawValue))
        object["EjectTimeout"] = .string(DurationText.text(rules.timeout))
    }

    // MARK: Ejecting by itself

    /// A medium of ours is in the slot: from here its policy counts.
    func noteInserted(into slot: MediaSlot, by sessionID: String?) {
        var rules = ejectRules[slot.name] ?? EjectRules()
        let insertion = rules.noteInserted(by: sessionID)
        ejectRules[slot.name] = rules
        // The session may have ended while the medium was on its way.
        if let sessionID, sessions[sessionID] == nil { ejectMedia(ofSession: sessionID) }
        guard rules.policy == .timed else { return }
        let (clock, deadline, name) = (platform.clock, platform.clock.now + rules.timeout, slot.name)
        platform.spawner.spawn("eject \(name) by the clock", .shared) { [self] in
            do throws(CancellationError) { try await clock.sleep(until: deadline) } catch { return }
            await ejectIfThere(insertion, from: name)
        }
    }

    private func ejectIfThere(_ insertion: EjectRules.Insertion, from name: String) async {
        guard ejectRules[name]?.insertion == insertion else { return }
        await eject(name)
    }

    private func eject(_ name: String) async {
        guard let slot = await media.current()?.first(where: { $0.name == name }) else { return }
        _ = await media.eject(slot)
    }

    func noteEjected(from name: String) {
        ejectRules[name]?.noteEjected()
        holders[name] = nil
    }

    /// What a session has inserted into slots that are to be emptied with it.
    func ejectMedia(ofSession id: String) {
        let names = ejectRules.filter { $0.value.policy == .session && $0.value.insertion?.sessionID == id }
            .keys.sorted()
        for name in names {
            platform.spawner.spawn("eject \(name) with its session", .shared) { [self] in await eject(name) }
        }
    }
}
