import FaultPoints
import SimulatedTime

extension FaultKind {
    static let dataOperations = ["read", "write"]
    private static let storeOperations = [
        "lookup", "getattr", "setattr", "truncate", "readdir", "open", "create", "read", "write", "flush",
        "fsync", "release", "statfs", "unlink", "mkdir", "rmdir", "rename",
    ]

    /// Where the remote store keeps the images: a file system. Of CF and RS in the list of faults, and
    /// HT12 and HT13, which an image server passes on.
    static let ofTheStore: [FaultKind] =
        [
            FaultKind(
                "store.errno", ["CF04", "CF05", "CF06", "RS"], .store, on: storeOperations,
                [.standard("errno", .errno, "EIO", "what the operation fails with")],
                effect: "An operation fails with an errno; nothing is carried out.",
                expected:
                    "What was asked fails with a cause that fits. A read ends in a medium error, never in "
                    + "zeros; a write is reported failed.", .mediumError, in: .everywhere
            ) { p, _, _ in [.fail(errno: p.errno("errno"))] },
            FaultKind(
                "store.fail-afterwards", ["CF06"], .store,
                on: ["write", "flush", "fsync", "truncate", "create"],
                [.standard("errno", .errno, "EIO", "what the operation claims to have failed with")],
                effect: "An operation is carried out and then said to have failed.",
                expected: "Taken as failed; whether it happened is not relied on.", .mediumError,
                in: .everywhere
            ) { p, _, _ in [.failAfterwards(errno: p.errno("errno"))] },
            FaultKind(
                "store.pretend", ["CF06", "PW"], .store, on: ["write", "flush", "fsync", "truncate"],
                effect: "An operation is said to have succeeded, but is not carried out: a disk that lies.",
                expected: "Cannot be seen until the data is read back; the rig's observer must find it.",
                .none,
                in: .everywhere
            ) { _, _, _ in [.pretend] },
            FaultKind(
                "store.interrupted", ["CF05"], .store, on: dataOperations,
                effect: "An operation is interrupted by a signal (EINTR).",
                expected: "Tried again at once, without a word.", .tolerate, in: .everywhere
            ) { _, _, _ in [.fail(errno: 4)] },
            FaultKind(
                "store.latency", ["CF05", "LL"], .store, on: storeOperations,
                [.required("latency", .latency, "how much later")],
                effect: "An operation takes longer.",
                expected: "Read later, in order; read-ahead hides what it can.", .tolerate, in: .everywhere
            ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
            FaultKind(
                "store.stall", ["CF03", "CF07", "LL"], .store, on: storeOperations,
                effect: "An operation hangs until the fault is over; it can be interrupted.",
                expected: "Given up at its deadline: the host gets an error, an unmount still ends.",
                .mediumError, in: .everywhere
            ) { _, _, _ in [.hold(FaultHold())] },
            FaultKind(
                "store.uninterruptible", ["CF07"], .store, on: storeOperations,
                effect: "An operation hangs until the fault is over, and no signal ends it.",
                expected: "As with a stall: nothing else waits for it, and the unmount gets away.",
                .mediumError,
                in: .everywhere
            ) { _, _, _ in
                // The hold is what it waits for; the store adds at least a millisecond of its own.
                [.hold(FaultHold()), .special("uninterruptible", 1)]
            },
            FaultKind(
                "store.bandwidth", ["CF05"], .store, on: dataOperations,
                [.required("rate", .positive, "at most so much", unit: "bytes per second")],
                effect: "Data moves at a limited rate.",
                expected: "Slow, but right; deadlines are of single requests, not of the whole image.",
                .tolerate,
                in: .everywhere
            ) { p, _, _ in [.bandwidth(bytesPerSecond: p.int("rate"))] },
            FaultKind(
                "store.short-read", ["CF05"], .store, on: ["read"],
                [.standard("missing", .positive, 512, "how much less than was asked for", unit: "bytes")],
                effect: "A read gives fewer bytes than there are.",
                expected: "The rest is read again; never passed on as a short success.", .tolerate,
                in: .everywhere
            ) { p, _, _ in [.short(byteCount: p.int("missing"))] },
            FaultKind(
                "store.torn-write", ["PW"], .store, on: ["write"],
                [
                    .standard(
                        "sectors", .integer(0...Int64.max), 0x5555_5555_5555_5555,
                        "which sectors of 512 bytes are written: bit n for the n-th, repeated after 64")
                ],
                effect: "Some sectors of a write are stored, the others keep what they held.",
                expected: "Only what a flush confirmed is relied on.", .recover, in: .everywhere
            ) { p, _, _ in [.torn(sectors: UInt64(p.integer("sectors")))] },
            FaultKind(
                "store.crash", ["PW", "CF07"], .store, on: storeOperations,
                [
                    .standard(
                        "when", .choice(["before", "after"]), "before",
                        "whether the operation is still carried out"),
                    .standard(
                        "survivors", .count, 0,
                        "how many writes since the last flush, oldest first, are stored all the same"),
                ],
                effect: "The store crashes at an operation and loses what was not flushed.",
                expected: "Reads end in medium errors, the slot lets go or reconnects within its deadline.",
                .recover, in: .everywhere
            ) { p, _, _ in [.special("crash-" + p.text("when"), p.integer("survivors"))] },
            .striking(
                "store.replace", ["HT12", "CF04"], .store, lasts: true,
                effect: "The image becomes another one of the same size; the first again at the end.",
                expected: "Noticed by its time or tag; the host gets errors, never a mixture of both.",
                .mediumError, in: .machine),
            .striking(
                "store.resize", ["HT12", "CF04"], .store, lasts: true,
                [.required("size", .count, "its new size", unit: "bytes")],
                effect: "The image gets another size; the first again at the end.",
                expected: "Noticed; the host gets errors beyond it, and no zeros.", .mediumError,
                in: .machine),
            .striking(
                "store.remove", ["HT12", "CF04"], .store, lasts: true,
                effect: "The image is deleted; there again at the end.",
                expected: "Reads fail with a medium error, once what was read ahead is used up.",
                .mediumError, in: .machine),
            FaultKind(
                "store.truncate", ["HT12", "CF04"], .store, on: storeOperations,
                [.required("size", .count, "what is left", unit: "bytes")],
                effect: "The image is cut off at this operation.",
                expected: "Reads beyond fail with a medium error; no zeros.", .mediumError, in: .everywhere
            ) { p, _, _ in [.special("truncate", p.integer("size"))] },
            FaultKind(
                "store.grow", ["HT12", "CF04"], .store, on: storeOperations,
                [.required("by", .positive, "how much", unit: "bytes")],
                effect: "The image grows at this operation.",
                expected:
                    "The capacity that the host was told stays. Where it shows as another version of the image, reads "
                    + "fail with a medium error, and a mount on its way ends.", .mediumError,
                in: .everywhere
            ) { p, _, _ in [.special("grow", p.integer("by"))] },
            FaultKind(
                "store.lie", ["CF04", "HT12"], .store, on: ["getattr", "lookup"],
                [
                    .required("field", .choice(["size", "mtime"]), "which attribute"),
                    .required("value", .anyInteger, "what it says: bytes, or seconds since 1970"),
                ],
                effect: "An attribute of the image says something else than is true.",
                expected: "A size that does not fit ends in an error, not in made-up data.", .mediumError,
                in: .everywhere
            ) { p, _, _ in [.lie(field: p.text("field"), value: p.integer("value"))] },
        ] + corruptions(of: .store, "store", on: dataOperations, codes: ["HT13"], in: .everywhere)

    /// Wrong data that looks right, for any layer that carries data.
    static func corruptions(
        of layer: FaultLayer, _ prefix: String, on operations: [String], codes: [String],
        in worlds: [FaultWorld]
    ) -> [FaultKind] {
        let expected =
            "Nobody in the path can know, unless it has a digest; the rig's observer must find the block."
        let at = ParameterRule.optional(
            "at", .count, "which byte of the image or stream; drawn from the operation's if not given")
        return [
            FaultKind(
                "\(prefix).bit-flip", codes, layer, on: operations, [at],
                effect: "One bit of the data is wrong.", expected: expected, .none, in: worlds
            ) { p, occasion, s in
                guard let byte = place(p, occasion, unit: 1, &s) else { return [] }
                return [.corrupt(.bitFlip(bit: byte * 8 + Int(s.uniform(upTo: 7))))]
            },
            FaultKind(
                "\(prefix).zero-sector", codes, layer, on: operations, [at],
                effect: "512 bytes of the data are zero.", expected: expected, .none, in: worlds
            ) { p, occasion, s in
                place(p, occasion, unit: 512, &s).map { [.corrupt(.zero(at: $0))] } ?? []
            },
            FaultKind(
                "\(prefix).stale", codes, layer, on: operations,
                effect: "The data is what was there before the last write.", expected: expected, .none,
                in: worlds
            ) { _, _, _ in [.corrupt(.stale)] },
            FaultKind(
                "\(prefix).swapped-sectors", codes, layer, on: operations,
                effect: "Two sectors of 512 bytes stand in each other's place.", expected: expected, .none,
                in: worlds
            ) { _, occasion, s in
                let sectors = (occasion.bytes?.count ?? 0) / 512
                guard sectors >= 2 else { return [] }
                let first = Int(s.uniform(upTo: UInt64(sectors - 1)))
                let other = Int(s.uniform(upTo: UInt64(sectors - 2)))
                return [.corrupt(.swap(first, other >= first ? other + 1 : other))]
            },
            FaultKind(
                "\(prefix).shifted", codes, layer, on: operations,
                [.standard("by", .integer(1...1 << 40), 512, "from so much further on", unit: "bytes")],
                effect: "The data is that of another place of the image.", expected: expected, .none,
                in: worlds
            ) { p, _, _ in [.corrupt(.shift(byteCount: p.int("by")))] },
        ]
    }

    /// A place within the operation's data, as a distance from its start; `nil` if it does not hold the
    /// one that was asked for.
    private static func place(
        _ parameters: FaultParameters, _ occasion: FaultOccasion, unit: UInt64, _ stream: inout RandomStream
    ) -> Int? {
        let bytes = occasion.bytes ?? 0..<512
        guard UInt64(bytes.count) >= unit else { return nil }
        if parameters.has("at") {
            let wanted = UInt64(parameters.integer("at"))
            return bytes.contains(wanted) ? Int(wanted - bytes.lowerBound) : nil
        }
        return Int(stream.uniform(upTo: UInt64(bytes.count) / unit - 1) * unit)
    }
}
