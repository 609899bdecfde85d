import FaultPoints

extension FaultKind {
    private static let worlds: [FaultWorld] = .modelled
    private static let requests = ["read", "write", "flush", "trim"]
    private static let all = ["attach", "reconfigure", "detach", "status"] + requests

    /// The kernel's nbd device. BD in the list of faults.
    static let ofTheDevice: [FaultKind] =
        [
            FaultKind(
                "device.errno", ["BD"], .nbdDevice, on: all,
                [.standard("errno", .errno, "EIO", "what it fails with: EBUSY on attach, when held open")],
                effect: "An operation on the device fails; nothing is carried out. With bytes selected, bad "
                    + "sectors.",
                expected: "An attach fails the mount, or takes another device; a read is a medium error.",
                .mediumError, in: worlds
            ) { p, _, _ in [.fail(errno: p.errno("errno"))] },
            FaultKind(
                "device.fail-afterwards", ["BD"], .nbdDevice, on: all,
                [.standard("errno", .errno, "EIO", "what it claims to have failed with")],
                effect: "An operation is carried out and then said to have failed.",
                expected: "An attach that happened all the same is found and undone.", .mediumError,
                in: worlds
            ) { p, _, _ in [.failAfterwards(errno: p.errno("errno"))] },
            FaultKind(
                "device.latency", ["BD", "LL"], .nbdDevice, on: all,
                [.required("latency", .latency, "how much longer")], effect: "An operation takes longer.",
                expected: "Waited for within its deadline.", .tolerate, in: worlds
            ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
            FaultKind(
                "device.stall", ["BD", "LL"], .nbdDevice, on: all,
                effect: "An operation hangs until the fault is over.",
                expected: "Given up at its deadline; the other slots do not notice.", .recover, in: worlds
            ) { _, _, _ in [.hold(FaultHold())] },
            FaultKind(
                "device.size-late", ["BD", "UD"], .nbdDevice, on: ["attach"],
                [.standard("by", .time, "500ms", "for how long")],
                effect: "The device's size stays 0 for some time after it was attached.",
                expected: "Read again until it is there, or the deadline passes.", .tolerate, in: worlds
            ) { p, _, _ in [.special("size-late", milliseconds(p.duration("by")))] },
            FaultKind(
                "device.size", ["BD"], .nbdDevice, on: ["attach", "status"] + requests,
                [.required("size", .count, "what it says", unit: "bytes")],
                effect: "The device shows another size than its server's; on a request, from there on.",
                expected: "Never inserted with a wrong size; a change while mounted ends in an error.",
                .failMount(code: nil), in: worlds
            ) { p, _, _ in [.lie(field: "size", value: p.integer("size"))] },
            FaultKind(
                "device.short-timeout", ["BD"], .nbdDevice, on: ["attach"],
                [.standard("timeout", .time, "1s", "of each request")],
                effect: "The device gives up requests sooner than it was told to.",
                expected: "The connection is lost and found again, or the host gets an error.", .recover,
                in: worlds
            ) { p, _, _ in [.special("timeout", milliseconds(p.duration("timeout")))] },
            FaultKind(
                "device.keep-cache", ["BD"], .nbdDevice, on: ["attach"],
                effect: "The page cache still holds the blocks of the image before.",
                expected: "Dropped before the host reads; the first block is compared.", .none, in: worlds
            ) { _, _, _ in [.special("keep-cache", 0)] },
            FaultKind(
                "device.held-open", ["BD"], .nbdDevice, on: ["attach", "detach", "status"],
                [.standard("by", .time, "1s", "for how long")],
                effect: "Somebody else (udev, say) holds the device open.",
                expected: "Tried again; the slot comes to rest within its deadline.", .tolerate, in: worlds
            ) { p, _, _ in [.special("held-open", milliseconds(p.duration("by")))] },
            FaultKind(
                "device.pretend", ["BD", "PW"], .nbdDevice, on: ["write", "flush", "trim"],
                effect: "A request is said to have succeeded, but never reaches the server.",
                expected: "Cannot be seen until the data is read back; the rig's observer must find it.",
                .none, in: worlds
            ) { _, _, _ in [.pretend] },
            FaultKind(
                "device.torn-write", ["BD", "PW"], .nbdDevice, on: ["write"],
                [
                    .standard(
                        "sectors", .count, 0x5555_5555_5555_5555,
                        "which sectors of 512 bytes are written: bit n for the n-th, repeated after 64")
                ],
                effect: "Some sectors of a write reach the server, the others do not.",
                expected: "Only what a flush confirmed is relied on.", .recover, in: worlds
            ) { p, _, _ in [.torn(sectors: UInt64(p.integer("sectors")))] },
        ]
        + corruptions(of: .nbdDevice, "device", on: dataOperations, codes: ["BD"], in: worlds)
        .filter { $0.name != "device.stale" }

    static func milliseconds(_ duration: Duration) -> Int64 { duration.nanosecondCount / 1_000_000 }
}
