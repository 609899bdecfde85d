/// Whose medium is in a slot: the one whose insertion the host got. Not known of media that are older than this front.
struct MediaHolder: Equatable, Sendable {
    let userName: String
    /// An IP address as text.
    let address: String
}

extension RedfishService {
    func noteHolder(of slot: MediaSlot, _ login: Login, _ peer: Peer) {
        holders[slot.name] = MediaHolder(userName: login.userName, address: peer.address)
    }

    /// What a slot tells of its holder and of its last failure, in words that the service alone does not have.
    func addBackground(of slot: MediaSlot, to oem: inout JSONObject) {
        let holder = slot.isActive ? holders[slot.name] : nil
        oem["InsertedBy"] = JSON(holder?.userName)
        oem["InsertedFrom"] = JSON(holder?.address)
        guard let details = slot.details else { return }
        let failure = details.lastErrorCode == 0 ? nil : MessageDefinition.failure(details.lastErrorCode)
        oem["LastErrorMessage"] = JSON(failure?.text)
        oem["LastErrorResolution"] = JSON(failure?.definition.resolution)
    }
}
