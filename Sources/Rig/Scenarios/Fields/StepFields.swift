import VirtualMedia

extension ScenarioFields {
    typealias Step = Scenario.Step

    static let step: Record<Scenario.Step> = Record(
        "step", "One thing that is done, or looked at; exactly one key.",
        oneOf: [
            .init(
                "insert", insert.notation.short("slot", Words.slotChoice.shape, none: .text("all")),
                "Calls Mount and waits for its Completion. Ends: Completion, or the call's error. Asserts: the "
                    + "outcome is one of `expect`; within `within`."
            ) {
                .insert($0)
            } _: {
                if case .insert(let step) = $0 { step } else { nil }
            },
            .init(
                "eject", eject.notation.short("slot", Words.slotChoice.shape, none: .text("all")),
                "Calls Unmount and waits for its Completion. Ends and asserts as `insert`."
            ) {
                .eject($0)
            } _: {
                if case .eject(let step) = $0 { step } else { nil }
            },
            .init(
                "wait", waiting,
                "A duration, or a condition. Ends: the time is over, or the condition holds. Asserts: it does "
                    + "within `within`."
            ) {
                .wait($0)
            } _: {
                if case .wait(let step) = $0 { step } else { nil }
            },
            .init(
                "expect", condition.notation, "Looks once. Ends: at once. Asserts: the condition holds."
            ) {
                .expect($0)
            } _: {
                if case .expect(let step) = $0 { step } else { nil }
            },
            .init(
                "read", read.notation.short("slot", Words.slotChoice.shape, none: .text("all")),
                "The host reads. Ends: the last byte is there or failed. Asserts: what was read is right, and "
                    + "ends as `expect` says."
            ) {
                .read($0)
            } _: {
                if case .read(let step) = $0 { step } else { nil }
            },
            .init(
                "write", write.notation,
                "The host writes bytes of its own, and keeps account of what must last. Ends: the last write, "
                    + "and the flush, are answered. Asserts: as `expect` says."
            ) {
                .write($0)
            } _: {
                if case .write(let step) = $0 { step } else { nil }
            },
            .init(
                "host", hostAction.notation.short("do", hostKind.shape),
                "Something the host does to its medium or its bus. Ends: at once, or for `eject`, "
                    + "`prevent-removal` and `allow-removal` when the command is answered. Asserts: nothing."
            ) {
                .host($0)
            } _: {
                if case .host(let step) = $0 { step } else { nil }
            },
            .init(
                "process", processAction.notation,
                "Something befalls a process. Ends: when it has; for `start` and `restart` when it serves. "
                    + "Asserts: nothing."
            ) {
                .process($0)
            } _: {
                if case .process(let step) = $0 { step } else { nil }
            },
            .init(
                "image", imageChange.notation, "Changes a file on the store. Ends: at once. Asserts: nothing."
            ) {
                .image($0)
            } _: {
                if case .image(let step) = $0 { step } else { nil }
            },
            .init(
                "heal",
                heal.notation.short(
                    "faults", .either([Words.fault.shape, .choice(["all"])]), none: .text("all")),
                "Ends faults for good, all or those named. Ends: at once. Asserts: nothing."
            ) {
                .heal($0)
            } _: {
                if case .heal(let step) = $0 { step } else { nil }
            },
            .init(
                "mark", Words.name,
                "Puts the event `mark NAME` into the run's log, for triggers (`on event mark NAME`) and for "
                    + "people. Ends: at once. Asserts: nothing."
            ) {
                .mark($0)
            } _: {
                if case .mark(let name) = $0 { name } else { nil }
            },
            .init("repeat", repetition.notation, "The same steps so many times.") {
                .repeat($0)
            } _: {
                if case .repeat(let step) = $0 { step } else { nil }
            },
            .init(
                "parallel", parallel.notation,
                "Branches of steps at the same time. Ends: when all branches have."
            ) {
                .parallel($0)
            } _: {
                if case .parallel(let step) = $0 { step } else { nil }
            },
            .init(
                "choose", choose.notation,
                "Draws some of its options, by weight, so many times: a random walk that differs per seed."
            ) {
                .choose($0)
            } _: {
                if case .choose(let step) = $0 { step } else { nil }
            },
        ])

    static let laterSteps: Notation<[Scenario.Step]> = Notation.later("step") { step.notation }
        .list(1...Limits.steps)

    static let insert = Record(
        "insert", "Calls Mount.", start: Step.Insert(),
        [
            .optional("slot", \.slot, Words.slotChoice, "The slot, or all at the same time."),
            .optional("image", \.image, Words.image.optional, "Else the slot's own."),
            .optional("read-write", \.isReadWrite, Notation.boolean.optional, "Else as the slot says."),
            .optional(
                "kind", \.kind, Notation<MediumKind>.choice().optional, "Else as the slot says."),
            .optional(
                "credentials", \.credentials, .choice(),
                "`fitting` are those that the store wants, none if it wants none."),
            .optional(
                "url", \.url, Notation<String>.text("a URL", most: 8192).optional,
                "In place of the image's own; Legacy slots only."),
            .optional(
                "expect", \.outcomes, Words.outcome.oneOrMore(),
                "How it may end: names of [Completion codes](dbus-interface.md#completion-codes), `refused` "
                    + "when the call itself is answered with an error, `any`."),
            .optional("await", \.isAwaited, .boolean, "If false, the step ends when the call is answered."),
            .optional(
                "within", \.within, Notation.anyDuration.optional,
                "Deadline; else the slot's timeout and 5 s."),
        ])

    static let eject = Record(
        "eject", "Calls Unmount.", start: Step.Eject(),
        [
            .optional("slot", \.slot, Words.slotChoice, "The slot, or all at the same time."),
            .optional("expect", \.outcomes, Words.outcome.oneOrMore(), "As of `insert`."),
            .optional("await", \.isAwaited, .boolean, "If false, the step ends when the call is answered."),
            .optional("within", \.within, Notation.anyDuration.optional, "Deadline; else 35 s."),
        ])

    static let read = Record(
        "read", "The host reads and compares.", start: Step.Read(),
        [
            .optional("slot", \.slot, Words.slotChoice, "The slot, or all at the same time."),
            .optional(
                "range", \.spans, Words.span.oneOrMore(),
                "Bytes: `0..4 MiB`, `end-512..end`, beyond the end too, or `all`; or a list of them."),
            .optional(
                "request-size", \.requestByteCount, Notation<Int>.byteCount(512...16 << 20).optional,
                "Bytes of one command; else as the host's profile."),
            .optional("expect", \.outcome, .choice(), dataOutcomes),
            .optional(
                "within", \.within, Notation.anyDuration.optional,
                "Deadline for all of it; else the budget of the run. One command is bounded by the host anyway."
            ),
        ])

    private static let dataOutcomes =
        "`good`: every command succeeds. `error`: at least one fails, with sense data. `any`: each succeeds "
        + "or fails. Wrong data is a violation in all three."

    static let write = Record(
        "write", "The host writes.", start: Step.Write(.all, []),
        [
            .optional("slot", \.slot, Words.slotChoice, "The slot, or all at the same time."),
            .required("range", \.spans, Words.span.oneOrMore(), "As of `read`."),
            .optional("stream", \.stream, Words.name, "The random stream of the bytes."),
            .optional("flush", \.isFlushed, .boolean, "SYNCHRONIZE CACHE after the last one."),
            .optional("durable", \.isDurable, .boolean, "Force unit access on each."),
            .optional("expect", \.outcome, .choice(), dataOutcomes),
            .optional("within", \.within, Notation.anyDuration.optional, "As of `read`."),
        ])

    static let hostKind = Notation<Step.HostAction.Kind>.choice()

    static let hostAction = Record(
        "host action", "Something the host does.", start: Step.HostAction(.eject),
        [
            .required(
                "do", \.kind, hostKind,
                "`eject` (START STOP UNIT), `prevent-removal`, `allow-removal`, `reset` (of the bus under the "
                    + "device), `suspend`, `resume`, `unplug`, `plug`, `power-off`, `power-on`, `power-cycle`."
            ),
            .optional(
                "slot", \.slot, Words.slotChoice, "For what concerns one medium; power is of the whole host."),
        ])

    static let processAction = Record(
        "process action", "Something befalls a process.", start: Step.ProcessAction(.kill, .service),
        [
            .required(
                "do", \.kind, .choice(),
                "`kill` (no goodbye), `start`, `restart` (both), `stop` (connections stay, nothing answers), "
                    + "`continue`, `detach` (ends its connections in good order and runs on)."),
            .required(
                "of", \.target, .choice(),
                "`service`: the virtual media service. `server`: what serves a slot's image as NBD, the client of a "
                    + "Proxy slot or the service's own server. `bus`: the message bus. `store`: the image server."
            ),
            .optional("slot", \.slot, Words.slotChoice, "For a server."),
        ])

    static let imageChange = Record(
        "image change", "Changes a file on the store.", start: Step.ImageChange("", .replace),
        [
            .required("name", \.image, Words.image, "The image."),
            .required(
                "do", \.kind, .choice(),
                "`replace` (same length, other bytes and version), `resize`, `remove`, `restore` (as at the start)."
            ),
            .optional("seed", \.seed, .integer(0...Int64.max), "Of the new bytes, for `replace`."),
            .optional(
                "size", \.byteCount, Notation<UInt64>.byteCount(0...1 << 52).optional,
                "The new length, for `resize`."),
        ]
    ) { change, node, reader in
        if change.kind == .resize, change.byteCount == nil, node["size"] == nil {
            reader.complain(node.mark, "the key \"size\" is missing: \(Quantity.sizeWords)")
        }
        if change.kind != .resize, change.byteCount != nil {
            reader.complain(node.mark(of: "size"), "a size goes with resize only")
        }
    }

    static let heal = Record(
        "heal", "Ends faults for good.", start: Step.Heal(),
        [.optional("faults", \.faults, healed, "Names of faults, or `all`.")])

    private static let healed: Notation<[String]> = {
        let names = Words.fault.oneOrMore()
        return Notation(.either([.choice(["all"]), names.shape])) { node, reader in
            node.text == "all" ? [] : names.read(node, &reader)
        } write: {
            $0.isEmpty ? .text("all") : names.write($0)
        }
    }()

    static let repetition = Record(
        "repeat", "The same steps so many times.", start: Step.Repeat(1, []),
        [
            .required("times", \.times, .integer(1...10_000), "How often."),
            .required("steps", \.steps, laterSteps, "What."),
        ])

    static let parallel = Record(
        "parallel", "Branches of steps at the same time.", start: Step.Parallel([]),
        [.required("branches", \.branches, laterSteps.list(1...64), "A list of lists of steps.")])

    static let choose = Record(
        "choose", "A random walk.", start: Step.Choose(1...1, []),
        [
            .required("times", \.times, Words.counts(0...1000), "How many are drawn."),
            .required("from", \.options, option.notation.list(1...100), "What is drawn from."),
        ])

    static let option = Record(
        "option", "Steps that are drawn together.", start: Step.Choose.Option(1, []),
        [
            .optional("weight", \.weight, .integer(1...1000), "How likely, next to the others."),
            .required("steps", \.steps, laterSteps, "What is done."),
        ])
}
