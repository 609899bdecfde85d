import FaultPoints

extension FaultKind {
    private static let worlds: [FaultWorld] = .modelled
    private static let transfers = ["control", "bulk-out", "bulk-in"]
    private static let readingCommands = ["READ(6)", "READ(10)", "READ(12)", "READ(16)"]
    private static let movingCommands = readingCommands + ["WRITE(6)", "WRITE(10)", "WRITE(12)", "WRITE(16)"]

    /// By their names in the standards; "other" is an opcode without one.
    static let scsiCommands =
        movingCommands + [
            "TEST UNIT READY", "REQUEST SENSE", "INQUIRY", "MODE SELECT(6)", "MODE SENSE(6)",
            "START STOP UNIT", "PREVENT ALLOW MEDIUM REMOVAL", "READ FORMAT CAPACITIES",
            "READ CAPACITY(10)", "READ CAPACITY(16)", "VERIFY(10)", "SYNCHRONIZE CACHE(10)", "READ TOC",
            "GET CONFIGURATION", "GET EVENT STATUS NOTIFICATION", "READ DISC INFORMATION",
            "MODE SENSE(10)", "REPORT LUNS", "other",
        ]

    /// The gadget as the host meets it: bus, Bulk-Only Transport, SCSI. US in the list of faults. A
    /// transfer is met by itself, and the wrapper of a command by the command's name too.
    static let ofUSB: [FaultKind] = usbStrikes + usbTransfers + usbAtCommands + scsi + bulkOnly

    private static let usbStrikes: [FaultKind] = [
        .striking(
            "usb.disconnect", ["US", "HO"], .usb, lasts: true,
            effect: "The cable is pulled; plugged in again at the end.",
            expected: "The medium stays inserted, host absent; seen again afterwards, without old data.",
            .recover, in: .machine),
        .striking(
            "usb.reset", ["US", "HO"], .usb, effect: "The host resets the bus, wherever a transfer stands.",
            expected: "What is in flight is cancelled; the device answers afresh, with a unit attention.",
            .recover, in: .machine),
        .striking(
            "usb.suspend", ["US"], .usb, lasts: true,
            effect: "The bus is suspended; resumed at the end.",
            expected:
                "Nothing is lost; not taken for a host that left. A host that asks all the same has no answer.",
            .recover, in: .machine),
    ]

    private static let usbTransfers: [FaultKind] =
        [
            FaultKind(
                "usb.enumeration-fails", ["US"], .usb, on: ["reset"],
                effect: "The device does not answer after a reset of its port.",
                expected: "The host tries again; the slot does not claim a host that it has not.", .retry,
                in: worlds
            ) { _, _, _ in [.fail(errno: 110)] },
            transfer(
                "latency", transfers, [.required("latency", .latency, "how much later")],
                "The device answers NAK for some time: it is slow."
            ) { p, _, s in
                [.delay(p.latency("latency").draw(from: &s))]
            },
            transfer("stall", transfers, [], "The device answers NAK until the fault is over.") { _, _, _ in
                [.hold(FaultHold())]
            },
            transfer("halt", transfers, [], "The device halts the endpoint (STALL).") { _, _, _ in
                [.special("stall", 0)]
            },
            transfer("drop", ["bulk-out", "bulk-in"], [], "A packet is lost on the line.") { _, _, _ in
                [.drop]
            },
            transfer("duplicate", ["bulk-out", "bulk-in"], [], "A packet comes twice: a toggle lost.") {
                _, _, _ in [.duplicate]
            },
            transfer(
                "short", ["bulk-in"],
                [.standard("missing", .positive, 1, "how much is missing", unit: "bytes")],
                "A packet is shorter than it should be."
            ) { p, _, _ in [.short(byteCount: p.int("missing"))] },
            transfer("zero-length", ["bulk-in"], [], "The device sends an empty packet.") { _, _, _ in
                [.special("zero-length", 0)]
            },
            transfer("babble", ["bulk-in"], [], "The device sends more than was asked for.") { _, _, _ in
                [.special("babble", 0)]
            },
            FaultKind(
                "usb.bit-flip", ["US"], .usb, on: ["bulk-out", "bulk-in"],
                [
                    .standard(
                        "bit", .integer(0...4095), 0, "which bit of the packet: those of a wrapper are broken"
                    )
                ],
                effect: "One bit of a packet is wrong, and its checksum is not.",
                expected: "A broken wrapper is refused; broken data the rig's observer must find.", .none,
                in: worlds
            ) { p, _, _ in [.corrupt(.bitFlip(bit: p.int("bit")))] },
        ]

    private static func transfer(
        _ name: String, _ operations: [String], _ parameters: [ParameterRule], _ effect: String,
        _ actions: @escaping Actions
    ) -> FaultKind {
        FaultKind(
            "usb.\(name)", ["US"], .usb, on: operations, parameters, effect: effect,
            expected: "The host gives up at its limit, clears what is halted or resets; the device recovers.",
            .recover, in: worlds, actions: actions)
    }

    private static let usbAtCommands: [FaultKind] = [
        atCommand(
            "disconnect", ["for": "1s"], "The cable is pulled in the middle of a command, for some time."),
        atCommand("reset", [:], "The port is reset in the middle of a command."),
        atCommand(
            "suspend", ["for": "1s"], "The bus is suspended in the middle of a command, for some time."),
    ]

    private static func atCommand(_ name: String, _ times: [String: ParameterValue], _ effect: String)
        -> FaultKind
    {
        var parameters = [
            ParameterRule.standard(
                "stage", .choice(["command", "data", "status"]), "data",
                "after the wrapper, in the data, or before the status")
        ]
        if let time = times["for"] {
            parameters.append(
                .standard("for", .duration(.milliseconds(1) ... .seconds(3600)), time, "how long"))
        }
        return FaultKind(
            "usb.\(name)-at", ["US", "HO"], .usb, on: scsiCommands, parameters, effect: effect,
            expected: "What is in flight is cancelled without a leak; the command is done again.", .recover,
            in: worlds
        ) { p, _, _ in
            let stage = p.text("stage")
            let word = stage == "command" ? name : "\(name)-at-\(stage)"
            return [.special(word, p.has("for") ? milliseconds(p.duration("for")) : 0)]
        }
    }

    private static let scsi: [FaultKind] =
        [
            FaultKind(
                "scsi.sense", ["US"], .usb, on: scsiCommands,
                [.required("sense", .sense, "what the command fails with")],
                effect: "A command fails with sense data.",
                expected: "The host does what the sense asks for; wrong data is never taken.", .retry,
                in: worlds
            ) { p, _, _ in
                let sense = p.sense("sense")
                return [.sense(key: sense.key, code: sense.code, qualifier: sense.qualifier)]
            },
            FaultKind(
                "scsi.unit-attention", ["US"], .usb, on: scsiCommands,
                [.standard("count", .integer(1...1000), 1, "how many commands fail with it")],
                effect: "Unit attentions, one after the other.",
                expected: "The host tries again, within limits.",
                .retry, in: worlds
            ) { p, _, _ in [.special("unit-attention", p.integer("count"))] },
            command(
                "latency", scsiCommands, [.required("latency", .latency, "how much later")],
                "A command takes longer.", .tolerate
            ) { p, _, s in
                [.delay(p.latency("latency").draw(from: &s))]
            },
            command("stall", scsiCommands, [], "A command hangs until the fault is over.", .recover) {
                _, _, _ in
                [.hold(FaultHold())]
            },
            command("halt", scsiCommands, [], "A command ends with a halted endpoint.", .recover) { _, _, _ in
                [.special("stall", 0)]
            },
            command("drop", scsiCommands, [], "A command's wrapper is lost.", .recover) { _, _, _ in [.drop]
            },
            command(
                "wrong-block", movingCommands,
                [
                    .standard(
                        "by", .integer(-(1 << 40)...1 << 40), 1, "how far from the right one", unit: "blocks")
                ], "A command is carried out at another place.", .none
            ) { p, _, _ in [.special("wrong-block", p.integer("by"))] },
            command(
                "short-data", readingCommands,
                [.standard("missing", .positive, 512, "how much is missing", unit: "bytes")],
                "A command gives less data than it says.", .none
            ) { p, _, _ in [.short(byteCount: p.int("missing"))] },
            command("babble", readingCommands, [], "A command gives more data than was asked for.", .recover)
            {
                _, _, _ in [.special("babble", 0)]
            },
            command(
                "capacity", ["READ CAPACITY(10)", "READ CAPACITY(16)"],
                [.required("size", .count, "what it says", unit: "bytes")],
                "The device states another capacity.", .none
            ) { p, _, _ in [.lie(field: "capacity", value: p.integer("size"))] },
        ]
        + corruptions(of: .usb, "scsi", on: movingCommands, codes: ["US"], in: worlds)
        .filter { $0.name != "scsi.stale" }

    private static func command(
        _ name: String, _ operations: [String], _ parameters: [ParameterRule], _ effect: String,
        _ expectation: FaultExpectation, _ actions: @escaping Actions
    ) -> FaultKind {
        let expected =
            switch expectation {
            case .tolerate: "Waited for within the host's limit."
            case .none: "The rig's observer must find it."
            default: "The host gives up at its limit and recovers; the device is ready for the next command."
            }
        return FaultKind(
            "scsi.\(name)", ["US"], .usb, on: operations, parameters, effect: effect, expected: expected,
            expectation, in: worlds, actions: actions)
    }

    private static let bulkOnly: [FaultKind] = [
        status("csw-signature", "A status wrapper starts with a wrong number.") { _, _, _ in
            [.lie(field: "csw-signature", value: 0x5342_5343)]
        },
        status(
            "csw-tag", "A status wrapper is of another command.",
            [.standard("tag", .integer(0...Int64(UInt32.max)), 0xFFFF_FFFF, "what it says")]
        ) { p, _, _ in [.lie(field: "csw-tag", value: p.integer("tag"))] },
        status(
            "csw-status", "A status wrapper has another status: 1 failed, 2 phase error, others undefined.",
            [.standard("status", .integer(0...255), 2, "which")]
        ) { p, _, _ in [.lie(field: "csw-status", value: p.integer("status"))] },
        status(
            "csw-residue", "A status wrapper states another residue.",
            [.required("residue", .integer(0...Int64(UInt32.max)), "what it says", unit: "bytes")]
        ) { p, _, _ in [.lie(field: "csw-residue", value: p.integer("residue"))] },
        status(
            "csw-length", "A status wrapper has not 13 bytes.",
            [.standard("byteCount", .integer(0...512), 12, "how long it is", unit: "bytes")]
        ) { p, _, _ in [.special("csw-length", p.integer("byteCount"))] },
        status("csw-early", "A status wrapper comes in the place of the data.") { _, _, _ in
            [.special("csw-early", 0)]
        },
        status("csw-twice", "A status wrapper comes twice.") { _, _, _ in [.duplicate] },
    ]

    private static func status(
        _ name: String, _ effect: String, _ parameters: [ParameterRule] = [], _ actions: @escaping Actions
    ) -> FaultKind {
        FaultKind(
            "bot.\(name)", ["US"], .usb, on: scsiCommands, parameters, effect: effect,
            expected: "The host takes it as broken and recovers by a reset; a status is never guessed.",
            .recover, in: worlds, actions: actions)
    }
}
