import FaultPoints

extension FaultKind {
    private static let worlds: [FaultWorld] = .modelled
    private static let messages = ["call", "return", "error", "signal"]

    /// The D-Bus message bus. DB in the list of faults. The target of a message is
    /// "interface.member", for a reply that of its call.
    static let ofDBus: [FaultKind] = [
        message(
            "drop", "A message is lost: a Completion that nobody hears, a reply that never comes.",
            "A caller that waits gives up at its own timeout; the state is right all the same.", .tolerate
        ) { _, _, _ in [.drop] },
        message(
            "duplicate", "A message comes twice.", "The second call is refused as busy, or changes nothing.",
            .tolerate
        ) { _, _, _ in [.duplicate] },
        message(
            "reorder", "A message lets later ones pass: the Completion before the reply.",
            "Clients that follow the properties see the same in the end.", .tolerate,
            [.standard("behind", .integer(1...64), 1, "how many")]
        ) { p, _, _ in [.reorder(behind: p.int("behind"))] },
        message(
            "latency", "A message comes later.", "Waited for; the service's loop never blocks.", .tolerate,
            [.required("latency", .latency, "how much later")]
        ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
        message(
            "stall", "A message waits until the fault is over.",
            "A caller that waits gives up after 25 s; the other slots do not notice.", .tolerate
        ) { _, _, _ in [.hold(FaultHold())] },
        message(
            "disconnect", "Whoever sends a message is cut off from the bus, as when it is lost.",
            "Media stay as they are; the service connects again and owns its name as before.", .recover
        ) { _, _, _ in [.special("disconnect", 0)] },
        message(
            "caller-gone", "Whoever was to get a message is cut off from the bus: a caller that vanished.",
            "What was asked is carried through; nothing waits for it.", .tolerate,
            on: ["call", "return", "error"]
        ) { _, _, _ in [.special("disconnect-receiver", 0)] },
        message(
            "failed", "A call is answered with an error instead of reaching the service.",
            "The caller sees it; nothing has changed.", .refuse,
            [.standard("errno", .errno, "EIO", "named in the error")], on: ["call"]
        ) { p, _, _ in [.fail(errno: p.errno("errno"))] },
        message(
            "access-denied", "The bus's policy rejects a call.", "The caller sees it; nothing has changed.",
            .refuse, on: ["call"]
        ) { _, _, _ in [.special("access-denied", 0)] },
        message(
            "no-reply", "A call is answered by the bus with NoReply, after its timeout.",
            "The caller asks again, or reads the properties.", .refuse,
            [.standard("after", .time, "25s", "how much later")], on: ["call"]
        ) { p, _, _ in [.special("no-reply", milliseconds(p.duration("after")))] },
        message(
            "limits", "The bus has no room for another pending reply.",
            "The caller sees it; nothing has changed.", .refuse, on: ["call"]
        ) { _, _, _ in [.special("limits", 0)] },
    ]

    private static func message(
        _ name: String, _ effect: String, _ expected: String, _ expectation: FaultExpectation,
        _ parameters: [ParameterRule] = [], on operations: [String] = messages, _ actions: @escaping Actions
    ) -> FaultKind {
        FaultKind(
            "dbus.\(name)", ["DB"], .dbus, on: operations, parameters, effect: effect, expected: expected,
            expectation, in: worlds, actions: actions)
    }
}
