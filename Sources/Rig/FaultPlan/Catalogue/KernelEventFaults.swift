import FaultPoints

extension FaultKind {
    private static let worlds: [FaultWorld] = .modelled
    private static let events = ["add", "remove", "change"]
    private static let changes = ["mkdir", "rmdir", "symlink", "unlink", "write"]
    private static let accesses = changes + ["read", "list"]

    /// Kernel events on their way to the service. UD in the list of faults. All are hints: each wait
    /// has a deadline, and reads the truth again.
    static let ofUevents: [FaultKind] = [
        uevent("drop", "An event is lost.") { _, _, _ in [.drop] },
        uevent("duplicate", "An event comes twice.") { _, _, _ in [.duplicate] },
        uevent(
            "reorder", "An event lets later ones pass.",
            [.standard("behind", .integer(1...64), 1, "how many")]
        ) { p, _, _ in [.reorder(behind: p.int("behind"))] },
        uevent(
            "latency", "An event comes later.", [.required("latency", .latency, "how much later")]
        ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
        uevent("stall", "An event comes when the fault is over.") { _, _, _ in [.hold(FaultHold())] },
        uevent("spurious", "An event of a device that nobody asked about comes along.") { _, _, _ in
            [.special("spurious", 0)]
        },
        uevent(
            "burst", "An event comes very many times.",
            [.standard("count", .integer(1...100_000), 10_000, "how many times more")]
        ) { p, _, _ in [.special("burst", p.integer("count"))] },
        uevent(
            "overflow", "The socket's buffer is full: this event and those of some time are lost.",
            [.standard("for", .time, "1s", "how long")]
        ) { p, _, _ in [.special("overflow", milliseconds(p.duration("for")))] },
        uevent(
            "garbage", "An event is not what it should be.",
            [
                .standard(
                    "form", .choice(["malformed", "empty", "other-device"]), "malformed", "in which way")
            ]
        ) { p, _, _ in
            let forms: [String: Int64] = ["malformed": 0, "empty": 1, "other-device": 2]
            return [.special("garbage", forms[p.text("form")] ?? 0)]
        },
    ]

    private static func uevent(
        _ name: String, _ effect: String, _ parameters: [ParameterRule] = [], _ actions: @escaping Actions
    ) -> FaultKind {
        FaultKind(
            "uevent.\(name)", ["UD"], .uevent, on: events, parameters, effect: effect,
            expected: "No difference but in time: events are hints, the state is read again.", .tolerate,
            in: worlds, actions: actions)
    }

    /// The gadget's tree in configfs. CG in the list of faults.
    static let ofConfigfs: [FaultKind] = [
        FaultKind(
            "configfs.errno", ["CG"], .configfs, on: accesses,
            [
                .standard(
                    "errno", .errno, "EIO",
                    "what it fails with: EEXIST for a stale tree, EBUSY for a locked medium or a taken "
                        + "controller, ENODEV for none")
            ],
            effect: "A step fails; nothing is changed.",
            expected: "What was built is taken down again, past further errors; the mount fails. A busy "
                + "medium is ejected by force.", .failMount(code: nil), in: worlds
        ) { p, _, _ in [.fail(errno: p.errno("errno"))] },
        FaultKind(
            "configfs.fail-afterwards", ["CG"], .configfs, on: accesses,
            [.standard("errno", .errno, "EIO", "what it claims to have failed with")],
            effect: "A step is done and then said to have failed.",
            expected: "It is undone with the rest; nothing is left over.", .failMount(code: nil), in: worlds
        ) { p, _, _ in [.failAfterwards(errno: p.errno("errno"))] },
        FaultKind(
            "configfs.pretend", ["CG"], .configfs, on: changes,
            effect: "A step is said to be done, but is not.",
            expected: "Noticed, as success is claimed only of what was read back.", .failMount(code: nil),
            in: worlds
        ) { _, _, _ in [.pretend] },
        FaultKind(
            "configfs.latency", ["CG", "LL"], .configfs, on: accesses,
            [.required("latency", .latency, "how much longer")], effect: "A step takes longer.",
            expected: "Waited for within the deadline.", .tolerate, in: worlds
        ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
        FaultKind(
            "configfs.stall", ["CG", "LL"], .configfs, on: accesses,
            effect: "A step hangs until the fault is over.",
            expected: "The mount ends at its deadline; nothing is left over once the step returns.",
            .failMount(code: 110), in: worlds
        ) { _, _, _ in [.hold(FaultHold())] },
        FaultKind(
            "configfs.short-write", ["CG"], .configfs, on: ["write"],
            [.standard("missing", .integer(1...4096), 1, "how much is not taken", unit: "bytes")],
            effect: "An attribute takes only a part of what is written.",
            expected: "Taken as failed.", .failMount(code: nil), in: worlds
        ) { p, _, _ in [.short(byteCount: p.int("missing"))] },
        FaultKind(
            "configfs.value", ["CG"], .configfs, on: ["read"],
            [.required("value", .anyInteger, "what it says")],
            effect: "An attribute says something else than was written to it.",
            expected: "Noticed; success is not claimed.", .failMount(code: nil), in: worlds
        ) { p, _, _ in [.lie(field: "value", value: p.integer("value"))] },
        FaultKind(
            "configfs.newline", ["CG"], .configfs, on: ["read"],
            effect: "A value that is read ends with one newline more.", expected: "Stripped.", .tolerate,
            in: worlds
        ) { _, _, _ in [.special("newline", 0)] },
        FaultKind(
            "configfs.controller-vanishes", ["CG"], .configfs, on: ["write"],
            effect: "The controller disappears as the gadget is bound to it.",
            expected: "Another one is taken, or the mount fails as without a controller.",
            .failMount(code: 19), in: worlds
        ) { _, _, _ in [.special("vanish", 0)] },
        FaultKind(
            "configfs.no-forced-eject", ["CG"], .configfs, on: ["write", "list", "read"],
            effect: "The kernel is too old to have forced_eject.",
            expected: "A locked medium is taken away by unbinding.", .tolerate, in: worlds
        ) { _, _, _ in [.special("forced-eject-missing", 0)] },
        .striking(
            "configfs.controller-lost", ["CG"], .configfs, lasts: true,
            [.optional("controller", .text, "its name; the slot's if not given")],
            effect: "A USB device controller goes away, as when its driver is unbound.",
            expected: "The slot notices, and lets go or binds to another one.", .eject, in: .machine),
    ]
}
