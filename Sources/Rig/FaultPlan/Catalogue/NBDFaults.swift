import FaultPoints

extension FaultKind {
    private static let worlds: [FaultWorld] = .modelled
    private static let commands = ["read", "write", "flush", "trim", "write-zeroes"]

    /// Between NBD client and server, in the words of the protocol. NB in the list of faults.
    static let ofNBD: [FaultKind] =
        nbdConnecting + nbdHandshake + nbdTerms + nbdReplies + nbdPace
        + corruptions(of: .nbdSocket, "nbd", on: ["read"], codes: ["NB"], in: worlds)

    private static let nbdConnecting: [FaultKind] = [
        FaultKind(
            "nbd.refused", ["NB", "HT02"], .nbdSocket, on: ["connect"],
            [
                .standard(
                    "errno", .errno, "ECONNREFUSED",
                    "ECONNREFUSED; ENOENT: no socket there; ENOTSOCK; EACCES")
            ],
            effect: "Nobody can be connected to.", expected: "The mount fails with a cause of its own.",
            .failMount(code: nil), in: worlds
        ) { p, _, _ in [.fail(errno: p.errno("errno"))] },
        FaultKind(
            "nbd.silent", ["NB"], .nbdSocket, on: ["connect"],
            effect: "The connection is accepted and never served.",
            expected: "Given up at the deadline; the slot is ready again.", .failMount(code: 110), in: worlds
        ) { _, _, _ in [.drop] },
        FaultKind(
            "nbd.accept-stall", ["NB", "PR"], .nbdSocket, on: ["connect"],
            effect: "The connection is accepted, and served only when the fault is over.",
            expected: "Waited for until the deadline.", .failMount(code: 110), in: worlds
        ) { _, _, _ in [.hold(FaultHold())] },
        FaultKind(
            "nbd.connect-latency", ["NB", "LL"], .nbdSocket, on: ["connect"],
            [.required("latency", .latency, "how much later")], effect: "Connecting takes longer.",
            expected: "Waited for until the deadline.", .tolerate, in: worlds
        ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
        .striking(
            "nbd.connections-lost", ["NB", "BD"], .nbdSocket,
            effect: "Every connection of the slot's device to its server breaks at once.",
            expected: "The slot reconnects within its limits, or tells the host and lets go.", .recover,
            in: .machine),
    ]

    private static let nbdHandshake: [FaultKind] = [
        refusedHandshake("wrong-magic-1", "The server's greeting does not start with NBDMAGIC."),
        refusedHandshake("wrong-magic-2", "The server's greeting lacks IHAVEOPT."),
        refusedHandshake("old-style", "The server greets in the old style, without options."),
        FaultKind(
            "nbd.unknown-flags", ["NB"], .nbdSocket, on: ["handshake"],
            effect: "The server's greeting holds flags that nobody knows.", expected: "Ignored.", .tolerate,
            in: worlds
        ) { _, _, _ in [.special("unknown-flags", 0)] },
        FaultKind(
            "nbd.handshake-close", ["NB"], .nbdSocket, on: ["handshake"],
            [.standard("afterBytes", .integer(0...65_536), 0, "how much still comes", unit: "bytes")],
            effect: "The server closes the connection during the handshake.",
            expected: "The mount fails with a cause of its own.", .failMount(code: nil), in: worlds
        ) { p, _, _ in [.close(afterBytes: p.int("afterBytes"))] },
        FaultKind(
            "nbd.handshake-stall", ["NB", "LL"], .nbdSocket, on: ["handshake"],
            effect: "The server stops in the middle of the handshake until the fault is over.",
            expected: "Given up at the deadline.", .failMount(code: 110), in: worlds
        ) { _, _, _ in [.hold(FaultHold())] },
        refusedHandshake(
            "option-reply-magic", "The reply to an option starts with a wrong number.", on: "option"),
        FaultKind(
            "nbd.option-error", ["NB"], .nbdSocket, on: ["option"],
            [
                .standard(
                    "error", .integer(1...10), 6,
                    "NBD_REP_ERR: 1 unsupported, 2 policy, 3 invalid, 4 platform, 5 TLS required, 6 unknown, "
                        + "7 shutdown, 8 block size, 9 too big")
            ],
            effect: "The server answers an option with an error.",
            expected: "The mount fails as no such export; never a retry in another form that was not agreed.",
            .failMount(code: nil), in: worlds
        ) { p, _, _ in [.special("option-error", p.integer("error"))] },
        refusedHandshake(
            "option-reply-option", "The reply to an option is to another option.", on: "option"),
        refusedHandshake(
            "option-reply-length", "The reply to an option claims an absurd length.", on: "option"),
        refusedHandshake(
            "missing-info", "The server acknowledges the export without saying its size.", on: "option"),
        FaultKind(
            "nbd.export-size", ["NB"], .nbdSocket, on: ["option"],
            [.required("size", .count, "what it says", unit: "bytes")],
            effect: "The server states another size of the export.",
            expected: "An impossible size fails the mount; a changed one is refused on reconnecting.",
            .failMount(code: nil), in: worlds
        ) { p, _, _ in [.lie(field: "size", value: p.integer("size"))] },
        FaultKind(
            "nbd.export-flags", ["NB"], .nbdSocket, on: ["option"],
            [.required("flags", .integer(0...65_535), "transmission flags")],
            effect: "The server states other transmission flags.",
            expected: "What it does not offer is not used; flags without their first bit fail the mount.",
            .failMount(code: nil), in: worlds
        ) { p, _, _ in [.lie(field: "flags", value: p.integer("flags"))] },
    ]

    private static let nbdTerms: [FaultKind] = [
        FaultKind(
            "nbd.block-size", ["NB"], .nbdSocket, on: ["option"],
            [
                .standard(
                    "field", .choice(["min-block", "preferred-block", "max-payload"]), "min-block", "which"),
                .required("value", .integer(0...Int64(UInt32.max)), "what it says", unit: "bytes"),
            ],
            effect: "The server states odd block sizes: no power of two, above 64 KiB, zero.",
            expected: "Refused, or kept to; never a request that breaks them.", .failMount(code: nil),
            in: worlds
        ) { p, _, _ in [.lie(field: p.text("field"), value: p.integer("value"))] },
        FaultKind(
            "nbd.handshake-latency", ["NB", "LL"], .nbdSocket, on: ["handshake"],
            [.required("latency", .latency, "how much later")], effect: "The greeting comes later.",
            expected: "Waited for until the deadline.", .tolerate, in: worlds
        ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
        FaultKind(
            "nbd.handshake-slice", ["NB"], .nbdSocket, on: ["handshake-send"],
            [.standard("byteCount", .positive, 1, "size of each piece", unit: "bytes")],
            effect: "The handshake comes in tiny pieces.", expected: "Read as if it were whole.", .tolerate,
            in: worlds
        ) { p, _, _ in [.slice(byteCount: p.int("byteCount"))] },
    ]

    private static let nbdReplies: [FaultKind] = [
        FaultKind(
            "nbd.fail-afterwards", ["NB"], .nbdSocket, on: commands,
            [.standard("errno", .errno, "EIO", "what it claims to have failed with")],
            effect: "A request is carried out and then answered with an error.",
            expected: "Taken as failed; whether it happened is not relied on.", .mediumError, in: worlds
        ) { p, _, _ in [.failAfterwards(errno: p.errno("errno"))] },
        brokenReply("bad-magic", "A reply starts with a wrong number."),
        brokenReply("wrong-cookie", "A reply answers a request that nobody sent."),
        FaultKind(
            "nbd.duplicate", ["NB", "BD"], .nbdSocket, on: ["read"], effect: "A reply comes twice.",
            expected: "The connection is dropped; no byte is taken for another request's.", .recover,
            in: worlds
        ) { _, _, _ in [.duplicate] },
        FaultKind(
            "nbd.error", ["NB", "BD", "CF06"], .nbdSocket, on: commands,
            [
                .standard(
                    "error", .integer(1...Int64(Int32.max)), 5,
                    "1, 5, 12, 22, 28, 75, 95, 108; others count as 22")
            ],
            effect: "The server answers with an error.",
            expected: "The request fails, the connection lives; to the host it is a medium error.",
            .mediumError, in: worlds
        ) { p, _, _ in [.status(p.int("error"))] },
        FaultKind(
            "nbd.error-with-payload", ["NB"], .nbdSocket, on: ["read"],
            [.standard("error", .positive, 5, "its number")],
            effect: "The server answers with an error and sends the data all the same.",
            expected: "The connection is dropped; the data is not taken for a reply.", .recover, in: worlds
        ) { p, _, _ in [.special("error-with-payload", p.integer("error"))] },
        FaultKind(
            "nbd.short-payload", ["NB"], .nbdSocket, on: ["read"],
            [.standard("missing", .positive, 512, "how much is missing", unit: "bytes")],
            effect: "The data of a reply ends early, and so does the connection.",
            expected: "The read fails or is done again; never filled up with zeros.", .recover, in: worlds
        ) { p, _, _ in [.short(byteCount: p.int("missing"))] },
        FaultKind(
            "nbd.extra-bytes", ["NB"], .nbdSocket, on: ["read"],
            [.standard("byteCount", .integer(1...65_536), 1, "how many", unit: "bytes")],
            effect: "There are more bytes behind a reply than it has.",
            expected: "The connection is dropped at the next reply's number.", .recover, in: worlds
        ) { p, _, _ in [.special("extra-bytes", p.integer("byteCount"))] },
        FaultKind(
            "nbd.drop", ["NB", "BD"], .nbdSocket, on: commands, effect: "A request is never answered.",
            expected: "It times out; the device's connection is given up, the host gets an error in time.",
            .recover, in: worlds
        ) { _, _, _ in [.drop] },
        FaultKind(
            "nbd.pretend", ["NB", "PW"], .nbdSocket, on: ["write", "flush", "trim"],
            effect: "The server says that it did, and did not: a flush that is none.",
            expected: "Cannot be seen until the data is read back; the rig's observer must find it.", .none,
            in: worlds
        ) { _, _, _ in [.pretend] },
        FaultKind(
            "nbd.torn-write", ["NB", "PW"], .nbdSocket, on: ["write"],
            [
                .standard(
                    "sectors", .count, 0x5555_5555_5555_5555,
                    "which sectors of 512 bytes are stored: bit n for the n-th, repeated after 64")
            ],
            effect: "Some sectors of a write are stored, the others keep what they held.",
            expected: "Only what a flush confirmed is relied on.", .recover, in: worlds
        ) { p, _, _ in [.torn(sectors: UInt64(p.integer("sectors")))] },
        FaultKind(
            "nbd.half-close", ["NB"], .nbdSocket, on: commands,
            effect: "The server closes its direction and goes on reading.",
            expected: "What is in flight fails or is done again on a new connection.", .recover, in: worlds
        ) { _, _, _ in [.special("half-close", 0)] },
        FaultKind(
            "nbd.shutdown", ["NB"], .nbdSocket, on: commands,
            effect: "The server answers that it is shutting down.",
            expected: "Disconnected in order; reconnected within its limits.", .recover, in: worlds
        ) { _, _, _ in [.special("shutdown", 0)] },
        FaultKind(
            "nbd.close", ["NB", "BD"], .nbdSocket, on: commands,
            [.standard("afterBytes", .count, 0, "how much still comes", unit: "bytes")],
            effect: "The server closes the connection, in the middle of a reply or before it.",
            expected: "What is in flight fails or is done again on a new connection.", .recover, in: worlds
        ) { p, _, _ in [.close(afterBytes: p.int("afterBytes"))] },
        FaultKind(
            "nbd.reset", ["NB", "BD"], .nbdSocket, on: commands,
            [.standard("afterBytes", .count, 0, "how much still comes", unit: "bytes")],
            effect: "The connection is reset, in the middle of a reply or before it.",
            expected: "What is in flight fails or is done again on a new connection.", .recover, in: worlds
        ) { p, _, _ in [.reset(afterBytes: p.int("afterBytes"))] },
    ]

    private static let nbdPace: [FaultKind] = [
        FaultKind(
            "nbd.latency", ["NB", "LL"], .nbdSocket, on: commands,
            [.required("latency", .latency, "how much later")], effect: "A reply comes later.",
            expected: "Waited for, shorter than the device's timeout.", .tolerate, in: worlds
        ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
        FaultKind(
            "nbd.stall", ["NB", "LL"], .nbdSocket, on: commands,
            effect: "A reply waits until the fault is over.",
            expected: "Given up at the timeout; the host gets data or an error in time.", .recover, in: worlds
        ) { _, _, _ in [.hold(FaultHold())] },
        FaultKind(
            "nbd.stall-after", ["NB"], .nbdSocket, on: ["read"],
            [.required("byteCount", .count, "how much comes before", unit: "bytes")],
            effect: "A reply stops in its header or its data, with the connection open.",
            expected: "Given up at the timeout.", .recover, in: worlds
        ) { p, _, _ in [.special("stall-after", p.integer("byteCount"))] },
        FaultKind(
            "nbd.slice", ["NB"], .nbdSocket, on: commands,
            [.standard("byteCount", .positive, 1, "size of each piece", unit: "bytes")],
            effect: "A reply comes in tiny pieces.", expected: "Read as if it were whole.", .tolerate,
            in: worlds
        ) { p, _, _ in [.slice(byteCount: p.int("byteCount"))] },
        FaultKind(
            "nbd.reorder", ["NB"], .nbdSocket, on: commands,
            [.standard("behind", .integer(1...64), 1, "how many later ones pass first")],
            effect: "A reply lets later ones pass.", expected: "Each goes to its own request.", .tolerate,
            in: worlds
        ) { p, _, _ in [.reorder(behind: p.int("behind"))] },
    ]

    private static func refusedHandshake(_ name: String, _ effect: String, on operation: String = "handshake")
        -> FaultKind
    {
        FaultKind(
            "nbd.\(name)", ["NB"], .nbdSocket, on: [operation], effect: effect,
            expected: "The connection is dropped; the mount fails as no NBD server.", .failMount(code: 52),
            in: worlds
        ) { _, _, _ in [.special(name, 0)] }
    }

    private static func brokenReply(_ name: String, _ effect: String) -> FaultKind {
        FaultKind(
            "nbd.\(name)", ["NB", "BD"], .nbdSocket, on: commands, effect: effect,
            expected: "The connection is dropped, what is in flight fails; no byte is reinterpreted.",
            .recover, in: worlds
        ) { _, _, _ in [.special(name, 0)] }
    }
}
