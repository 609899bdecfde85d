import FaultPoints

extension FaultKind {
    private static let worlds: [FaultWorld] = .modelled
    private static let data = ["send", "receive"]

    /// The network between BMC, image server and clients, as a stream of bytes shows it. NW and HT01,
    /// HT02 in the list of faults. "send" is towards the server, "receive" back.
    static let ofTheNetwork: [FaultKind] = [
        FaultKind(
            "network.nxdomain", ["HT01"], .network, on: ["resolve"],
            effect: "The server's name does not exist.",
            expected: "The mount fails as host not found; no storm of retries.", .failMount(code: 113),
            in: worlds
        ) { _, _, _ in [.special("nxdomain", 0)] },
        FaultKind(
            "network.servfail", ["HT01"], .network, on: ["resolve"],
            effect: "The name server cannot answer.", expected: "Tried again within the deadline.",
            .failMount(code: nil), in: worlds
        ) { _, _, _ in [.special("servfail", 0)] },
        FaultKind(
            "network.resolve-latency", ["HT01", "LL"], .network, on: ["resolve"],
            [.required("latency", .latency, "how much longer it takes")],
            effect: "The name server is slow.", expected: "Waited for within the connect deadline.",
            .tolerate,
            in: worlds
        ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
        FaultKind(
            "network.refused", ["HT02"], .network, on: ["connect"],
            [
                .standard(
                    "errno", .errno, "ECONNREFUSED", "ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT")
            ],
            effect: "Connecting fails.", expected: "The mount fails with a cause of its own; later, retried.",
            .failMount(code: nil), in: worlds
        ) { p, _, _ in [.fail(errno: p.errno("errno"))] },
        FaultKind(
            "network.black-hole", ["HT02", "NW"], .network, on: ["connect"],
            effect: "Connecting never ends until the fault is over: packets vanish.",
            expected: "Given up at the connect deadline.", .failMount(code: 110), in: worlds
        ) { _, _, _ in [.hold(FaultHold())] },
        FaultKind(
            "network.connect-latency", ["HT02", "LL"], .network, on: ["connect"],
            [.required("latency", .latency, "how much longer it takes")], effect: "Connecting takes longer.",
            expected: "Waited for within the connect deadline.", .tolerate, in: worlds
        ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
        FaultKind(
            "network.latency", ["NW", "HT04"], .network, on: data,
            [
                .required(
                    "latency", .latency,
                    "how much later; \"pareto\" stands for lost packets that are sent again")
            ],
            effect: "Bytes come later.", expected: "Read-ahead hides what it can; deadlines hold.", .tolerate,
            in: worlds
        ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
        FaultKind(
            "network.stall", ["NW", "HT04"], .network, on: data,
            effect:
                "Bytes stop until the fault is over, with the connection open: half-open, or an MTU hole.",
            expected: "Given up at a deadline, not waited for for ever.", .recover, in: worlds
        ) { _, _, _ in [.hold(FaultHold())] },
        FaultKind(
            "network.bandwidth", ["NW", "HT04"], .network, on: data,
            [.required("rate", .positive, "at most so much", unit: "bytes per second")],
            effect: "The link is slow.", expected: "Slow, but right.", .tolerate, in: worlds
        ) { p, _, _ in [.bandwidth(bytesPerSecond: p.int("rate"))] },
        FaultKind(
            "network.slice", ["NW"], .network, on: data,
            [.standard("byteCount", .positive, 1, "size of each piece", unit: "bytes")],
            effect: "Bytes come in tiny pieces.", expected: "Read as if they were whole.", .tolerate,
            in: worlds
        ) { p, _, _ in [.slice(byteCount: p.int("byteCount"))] },
        FaultKind(
            "network.reset", ["NW", "HT03", "HT14"], .network, on: data,
            [.standard("afterBytes", .count, 0, "how much still comes", unit: "bytes")],
            effect: "The connection is reset: by a middle box that forgot it, for one.",
            expected: "Connected again within the limits.", .recover, in: worlds
        ) { p, _, _ in [.reset(afterBytes: p.int("afterBytes"))] },
    ]
}
