import FaultPoints

extension FaultKind {
    private static let worlds: [FaultWorld] = .modelled

    /// The gadget as the host meets it: bus, Bulk-Only Transport, SCSI. US in the list of faults. The
    /// target of a command is its name: "READ(10)".
    static let ofUSB: [FaultKind] = usbBus + bulkOnly

    private static let usbBus: [FaultKind] = [
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
            expected: "Nothing is lost; not taken for a host that left.", .tolerate, in: .machine),
    ]

    private static let bulkOnly: [FaultKind] =
        [
            FaultKind(
                "scsi.sense", ["US"], .usb, on: ["command"],
                [.required("sense", .sense, "what the command fails with")],
                effect: "A command fails with sense data.",
                expected: "The host does what the sense asks for; wrong data is never taken.", .retry,
                in: worlds
            ) { p, _, _ in
                let sense = p.sense("sense")
                return [.sense(key: sense.key, code: sense.code, qualifier: sense.qualifier)]
            },
            FaultKind(
                "usb.latency", ["US", "LL"], .usb, on: ["command", "data", "status"],
                [.required("latency", .latency, "how much later")],
                effect: "The device answers NAK for some time: it is slow.",
                expected: "Waited for within the host's limit.", .tolerate, in: worlds
            ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
            FaultKind(
                "usb.stall", ["US", "LL"], .usb, on: ["command", "data", "status"],
                effect: "The device answers NAK until the fault is over.",
                expected: "The host gives up at its limit and resets; the device recovers.", .recover,
                in: worlds
            ) { _, _, _ in [.hold(FaultHold())] },
            FaultKind(
                "bot.short-data", ["US"], .usb, on: ["data"],
                [.standard("missing", .positive, 512, "how much is missing", unit: "bytes")],
                effect: "The device sends less data than it says.",
                expected: "The host sees it by the length; the rig's observer must find it.", .none,
                in: worlds
            ) { p, _, _ in [.short(byteCount: p.int("missing"))] },
            status("csw-signature", "A status wrapper starts with a wrong number.") { _, _, _ in
                [.special("csw-signature", 0)]
            },
            status("csw-tag", "A status wrapper is of another command.") { _, _, _ in [.special("csw-tag", 0)]
            },
            status(
                "csw-status",
                "A status wrapper has another status: 1 failed, 2 phase error, others undefined.",
                [.standard("status", .integer(0...255), 2, "which")]
            ) { p, _, _ in [.status(p.int("status"))] },
            status(
                "csw-residue", "A status wrapper states another residue.",
                [.required("residue", .integer(0...Int64(UInt32.max)), "what it says", unit: "bytes")]
            ) { p, _, _ in [.lie(field: "residue", value: p.integer("residue"))] },
            status(
                "csw-length", "A status wrapper is shorter than 13 bytes.",
                [.standard("missing", .integer(1...13), 1, "how much is missing", unit: "bytes")]
            ) { p, _, _ in [.short(byteCount: p.int("missing"))] },
            status("csw-twice", "A status wrapper comes twice.") { _, _, _ in [.duplicate] },
            status("csw-missing", "A status wrapper never comes.") { _, _, _ in [.drop] },
        ]
        + corruptions(of: .usb, "bot", on: ["data"], codes: ["US"], in: worlds)
        .filter { $0.name != "bot.stale" }

    private static func status(
        _ name: String, _ effect: String, _ parameters: [ParameterRule] = [], _ actions: @escaping Actions
    ) -> FaultKind {
        FaultKind(
            "bot.\(name)", ["US"], .usb, on: ["status"], parameters, effect: effect,
            expected: "The host takes it as broken and recovers by a reset; a status is never guessed.",
            .recover, in: worlds, actions: actions)
    }
}
