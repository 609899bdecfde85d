import FaultPoints

extension FaultKind {
    /// What an SMB share does wrong, as a mounted file system shows it: played by the store's files.
    static let ofSMB: [FaultKind] = smbOpening + smbReading + smbWriting

    private static let smbWorlds: [FaultWorld] = [.store, .emulated, .kernel]
    private static let opening = ["lookup", "open"]

    private static let smbOpening: [FaultKind] = [
        share(
            "dialect-refused", ["CF01"], on: opening, 95, "Server and client share no dialect.",
            "The mount fails with a cause of its own; nothing half mounted is left.", .failMount(code: nil)),
        share(
            "wrong-password", ["CF01", "CF08"], on: opening, 13, "The server refuses the credentials.",
            "The mount fails; not retried, the secret appears nowhere.", .failMount(code: nil)),
        share(
            "share-missing", ["CF01"], on: opening, 2, "There is no such share, or no such file on it.",
            "The mount fails as not found.", .failMount(code: 2)),
        share(
            "unreachable", ["CF01"], on: opening, 113, "There is no way to the server.",
            "The mount fails with a cause of its own.", .failMount(code: nil)),
        FaultKind(
            "smb.connect-stall", ["CF02"], .smb, metIn: .store, on: opening,
            effect: "Opening hangs until the fault is over, as a mount of a dead server does.",
            expected: "Only this slot waits, and it can be cancelled; it gives up at its deadline.",
            .failMount(code: nil), in: smbWorlds
        ) { _, _, _ in [.hold(FaultHold())] },
    ]

    private static let smbReading: [FaultKind] = [
        share(
            "host-down", ["CF03"], on: dataOperations, 112,
            "The client has declared the server dead, two echo intervals after its last word.",
            "Reads fail with a medium error, at our own deadline if that is sooner; unmounting ends.",
            .mediumError),
        FaultKind(
            "smb.silent", ["CF03"], .smb, metIn: .store, on: dataOperations,
            effect: "The server is gone, and nothing has noticed: operations hang until the fault is over.",
            expected: "Reads fail with a medium error at our own deadline; unmounting ends.", .mediumError,
            in: smbWorlds
        ) { _, _, _ in [.hold(FaultHold())] },
        share(
            "stale-handle", ["CF04"], on: ["read", "write", "getattr"], 116,
            "The server has restarted, and knows the handle no more.",
            "Reads fail with a medium error; inserting again works without a restart of the BMC.",
            .mediumError),
        share(
            "access-lost", ["CF04"], on: dataOperations, 13, "The session lost its rights.",
            "Reads fail with a medium error.", .mediumError),
        share(
            "deleted", ["CF04"], on: ["read", "getattr", "open", "lookup"], 2, "The file was deleted.",
            "Reads fail with a medium error; nothing crashes.", .mediumError),
        share(
            "disconnected", ["CF07"], on: ["read", "write", "getattr", "flush"], 107,
            "The process behind the mount is dead.",
            "Reads fail with a medium error; unmounting ends, if need be by letting go.", .mediumError),
    ]

    private static let smbWriting: [FaultKind] = [
        share(
            "no-space", ["CF06", "RS"], on: ["write"], 28, "The share is full.",
            "The host sees the write or the next flush fail; nothing acknowledged is dropped.", .mediumError),
        share(
            "quota", ["CF06", "RS"], on: ["write"], 122, "The user's quota is used up.",
            "As with a full share: NBD knows one error for both.", .mediumError),
        share(
            "read-only", ["CF06"], on: ["write", "open"], 30, "The share became read-only.",
            "Writes fail; reads go on.", .mediumError),
        share(
            "too-large", ["CF06"], on: ["write"], 27, "The file may not grow so large.",
            "As with a full share.", .mediumError),
        share(
            "locked", ["CF06"], on: dataOperations, 11, "Somebody else holds a lock on the range.",
            "Tried again within the deadline, then reported.", .retry),
        share(
            "flush-error", ["CF06"], on: ["fsync", "flush"], 5,
            "Written data could not be stored; said once, at the next flush.",
            "The host's flush fails; what was written since the last one counts as lost.", .mediumError),
        share(
            "close-error", ["CF06"], on: ["flush"], 122,
            "Data kept back until the close could not be stored.",
            "Unmounting reports it.", .mediumError),
    ]

    /// Fails operations of the store as a share does.
    private static func share(
        _ name: String, _ codes: [String], on operations: [String], _ errno: CInt, _ effect: String,
        _ expected: String, _ expectation: FaultExpectation
    ) -> FaultKind {
        FaultKind(
            "smb.\(name)", codes, .smb, metIn: .store, on: operations,
            effect: "\(effect) The operation fails with \(ErrnoName.name(of: errno) ?? "\(errno)").",
            expected: expected, expectation, in: smbWorlds
        ) { _, _, _ in [.fail(errno: errno)] }
    }
}
