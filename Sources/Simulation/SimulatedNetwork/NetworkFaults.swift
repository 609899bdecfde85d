package import FaultPoints

/// What this room carries out. docs/simulated-network.md says what each does.
package enum NetworkFaults {
    package static let carriedOut: FaultTable =
        FaultTable(.nbdSocket, ["connect"], ["delay", "fail", "hold", "drop"])
        + FaultTable(
            .nbdSocket, ["handshake"],
            [
                "delay", "hold", "close", "reset", "stall-after", "half-close", "wrong-magic-1",
                "wrong-magic-2", "old-style", "unknown-flags",
            ])
        + FaultTable(
            .nbdSocket, ["option"],
            [
                "option-reply-magic", "option-reply-option", "option-reply-length", "option-error",
                "missing-info", "lie-size", "lie-flags", "lie-min-block", "lie-preferred-block",
                "lie-max-payload",
            ])
        + FaultTable(
            .nbdSocket, ["handshake-send"],
            ["delay", "hold", "close", "reset", "stall-after", "half-close", "slice"])
        + FaultTable(.nbdSocket, ["handshake-receive"], ["delay", "hold", "close", "reset"])
        + FaultTable(
            .nbdSocket, commands,
            ["delay", "hold", "status", "fail", "fail-afterwards", "shutdown"] + ofReplies)
        + FaultTable(.nbdSocket, ["write", "flush", "trim", "write-zeroes", "cache"], ["pretend"])
        + FaultTable(.nbdSocket, ["read", "write"], ["corrupt"])
        + FaultTable(.nbdSocket, ["write"], ["torn", "ignore-fua"])
        + FaultTable(.nbdSocket, ["reply"], ["delay", "hold", "corrupt"] + ofReplies)
        + FaultTable(.network, ["send", "receive"], ["delay", "hold", "reset", "bandwidth", "slice"])
        + FaultTable(.resource, ["socket-buffer"], ["tiny"])

    static let commands = ["read", "write", "flush", "trim", "write-zeroes", "cache", "block-status"]
    private static let ofReplies = [
        "drop", "duplicate", "reorder", "wrong-cookie", "bad-magic", "short", "extra-bytes",
        "error-with-payload", "slice", "close", "reset", "stall-after", "half-close",
    ]
}

extension FaultInjector {
    /// - Returns: what is done here; traps on what ``NetworkFaults/carriedOut`` does not list.
    func met(_ occasion: FaultOccasion) -> [FaultAction] {
        let actions = meet(occasion)
        if !actions.isEmpty {
            NetworkFaults.carriedOut.check(actions, on: occasion.operation, of: occasion.layer)
        }
        return actions
    }
}
