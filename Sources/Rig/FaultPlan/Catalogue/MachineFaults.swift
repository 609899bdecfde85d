import FaultPoints

extension FaultKind {
    /// What the host does of its own will. HO in the list of faults.
    static let ofTheHost: [FaultKind] = [
        .striking(
            "host.power-off", ["HO", "PW"], .host, lasts: true,
            effect: "The host loses power, wherever a transfer stands; back at the end.",
            expected: "The medium stays inserted, host absent; the host finds it again.", .recover,
            in: .machine),
        .striking(
            "host.power-cycle", ["HO", "PW"], .host,
            effect: "The host goes off and on: its firmware enumerates, then its system.",
            expected: "The medium survives; each enumeration sees a unit attention.", .recover, in: .machine),
        .striking(
            "host.eject", ["HO", "US"], .host, effect: "The host ejects the medium (START STOP UNIT).",
            expected: "Noticed: the slot lets go, and says so.", .eject, in: .machine),
        .striking(
            "host.prevent-removal", ["HO", "CG"], .host, lasts: true,
            effect: "The host locks the medium; allowed again at the end.",
            expected: "Unmounting ends all the same: asked, then forced, then unbound.", .eject,
            in: .machine),
    ]

    /// Processes of the path. PR in the list of faults.
    static let ofProcesses: [FaultKind] = [
        process(
            "kill", lasts: true, "A process dies at once (SIGKILL); started again at the end.",
            "What it held is found and cleaned up; its neighbours notice and recover or let go.", .recover),
        process(
            "restart", lasts: false, "A process dies and is started again at once.",
            "What it held is found and cleaned up; the slots tell the truth afterwards.", .recover),
        process(
            "stop", lasts: true, "A process stands still (SIGSTOP); goes on at the end.",
            "Others wait no longer than their deadlines; late work does no harm.", .recover),
        process(
            "detach", lasts: false, "A process loses its connections and lives on.",
            "Connected again, or let go, within the limits.", .recover),
    ]

    private static func process(
        _ name: String, lasts: Bool, _ effect: String, _ expected: String,
        _ expectation: FaultExpectation
    ) -> FaultKind {
        .striking(
            "process.\(name)", ["PR"], .process, lasts: lasts,
            [
                .required(
                    "process", .choice(["service", "server", "store", "bus"]),
                    "the service, the slot's NBD server (of a Proxy slot its client), the image server, the "
                        + "message bus")
            ], effect: effect, expected: expected, expectation, in: .machine)
    }

    /// Time itself. CK in the list of faults.
    static let ofTheClock: [FaultKind] = [
        FaultKind(
            "clock.late-timer", ["CK"], .clock, on: ["timer"],
            [.required("latency", .latency, "how much later")], effect: "A timer of the kernel fires late.",
            expected: "Nothing depends on it to be punctual.", .tolerate, in: [.sim]
        ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
        FaultKind(
            "clock.coalesce", ["CK"], .clock, on: ["timer"],
            [.standard("to", .time, "1s", "multiples of this")],
            effect: "Timers of the kernel fire together, at the next multiple of a time.",
            expected: "The order of equal deadlines does not matter.", .tolerate, in: [.sim]
        ) { p, _, _ in [.special("coalesce", milliseconds(p.duration("to")))] },
        .striking(
            "clock.step", ["CK"], .clock,
            [.required("by", .integer(-4_000_000_000...4_000_000_000), "how far", unit: "seconds")],
            effect: "The wall clock jumps; the heal sets it right.",
            expected:
                "No duration changes. While the time is outside their validity, certificates are refused as such, "
                + "and what is connected goes on.", .recover, in: [.sim]),
        .striking(
            "clock.freeze", ["CK"], .clock, lasts: true,
            effect:
                "No process of the BMC runs for a while; time goes on, and so does what the kernel does by itself.",
            expected: "Deadlines that passed meanwhile are met late, once, and in order.", .recover,
            in: [.sim, .kernel]),
    ]

    /// Room and limits. RS in the list of faults.
    static let ofResources: [FaultKind] = [
        FaultKind(
            "resource.no-space", ["RS", "CF06"], .resource, metIn: .store,
            on: ["write", "create", "mkdir", "truncate"],
            [.standard("errno", .errno, "ENOSPC", "ENOSPC, EDQUOT or EROFS")],
            effect: "The disk is full.",
            expected: "Refused cleanly; the state before stays; goes on once there is room.", .mediumError,
            in: .everywhere
        ) { p, _, _ in [.fail(errno: p.errno("errno"))] },
        FaultKind(
            "resource.free-space", ["RS"], .resource, metIn: .store, on: ["statfs"],
            [.required("free", .count, "what it says", unit: "bytes")],
            effect: "The disk states another free space than it has.",
            expected: "Not relied on: a write that fails is reported.", .tolerate, in: [.store, .emulated]
        ) { p, _, _ in [.lie(field: "free", value: p.integer("free"))] },
        FaultKind(
            "resource.no-memory", ["RS"], .resource, metIn: .store, on: ["read", "write", "open", "lookup"],
            [.standard("errno", .errno, "ENOMEM", "ENOMEM, EMFILE, ENFILE or EAGAIN")],
            effect: "The machine is out of memory, descriptors or threads.",
            expected: "Fails that request only; everything else goes on.", .mediumError, in: .everywhere
        ) { p, _, _ in [.fail(errno: p.errno("errno"))] },
        FaultKind(
            "resource.small-buffer", ["RS"], .resource, on: ["socket-buffer"],
            [.standard("byteCount", .integer(1...1 << 30), 512, "its size", unit: "bytes")],
            effect: "A connection has tiny socket buffers: both sides soon wait for each other.",
            expected: "Slow, but never a deadlock.", .tolerate, in: [.sim]
        ) { p, _, _ in [.special("tiny", p.integer("byteCount"))] },
    ]

    /// Power that goes. PW in the list of faults.
    static let ofPower: [FaultKind] = [
        .striking(
            "power.cut-bmc", ["PW"], .power, lasts: true,
            effect: "The BMC loses power at once: processes, gadgets, caches and sockets are gone; it starts "
                + "again at the end.",
            expected: "After the start nothing claims to be inserted, and nothing old is in the way; flushed "
                + "data is there.", .recover, in: .machine),
        .striking(
            "power.cut-store", ["PW"], .power, lasts: true,
            effect: "The image server loses power, and what it had not stored; it starts again at the end.",
            expected: "Reads fail in time or wait for it within the limits; flushed data is there.",
            .recover, in: .modelled),
    ]
}
