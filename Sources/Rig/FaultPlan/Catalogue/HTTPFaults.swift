import FaultPoints

extension FaultKind {
    private static let requests = ["head", "get"]
    private static let bodies = ["get"]
    private static let worlds: [FaultWorld] = .everywhere

    /// What an HTTP server, or something in front of it, does wrong. HT in the list of faults.
    static let ofHTTP: [FaultKind] =
        httpAnswers + httpBodies + httpPace
        + corruptions(of: .http, "http", on: bodies, codes: ["HT13"], in: worlds)

    private static let httpAnswers: [FaultKind] = [
        FaultKind(
            "http.status", ["HT05", "HT06", "HT11"], .http, on: requests,
            [
                .required("code", .integer(400...599), "the status"),
                .optional("retryAfter", .integer(0...86_400), "a Retry-After header", unit: "seconds"),
            ],
            effect: "The server answers with an error status.",
            expected:
                "408, 429 and 5xx are tried again within the deadline, with Retry-After in mind; others "
                + "fail at once with a cause of their own. While mounted: a medium error, no endless retries.",
            .retry, in: worlds
        ) { p, _, _ in
            var actions: [FaultAction] = [.status(p.int("code"))]
            if p.has("retryAfter") { actions.append(.special("retry-after", p.integer("retryAfter"))) }
            return actions
        },
        FaultKind(
            "http.unauthorized", ["HT05", "HT16"], .http, on: requests,
            effect: "The server refuses the credentials, with 401 and a challenge: a wrong password, or a "
                + "token that expired.",
            expected:
                "Not retried; the mount fails as wrong credentials, a mounted image becomes unreadable. "
                + "The secret appears nowhere.", .failMount(code: 129), in: worlds
        ) { _, _, _ in [.special("unauthorized", 0)] },
        FaultKind(
            "http.redirect", ["HT07"], .http, on: requests,
            [.standard("code", .choice(["301", "302", "303", "307", "308"]), "302", "the status")],
            effect: "The server sends the client somewhere else.",
            expected: "Refused with a cause of its own; credentials never follow.", .failMount(code: 40),
            in: worlds
        ) { p, _, _ in [.special("redirect", Int64(p.text("code")) ?? 302)] },
        FaultKind(
            "http.head-refused", ["HT08"], .http, on: ["head"],
            [.standard("code", .choice(["405", "501"]), "405", "the status")],
            effect: "The server knows no HEAD.",
            expected: "Asked only where a GET left the size open; then the mount fails as of unknown length.",
            .failMount(code: nil), in: worlds
        ) { p, _, _ in [.special("head-refused", Int64(p.text("code")) ?? 405)] },
        FaultKind(
            "http.range-ignored", ["HT09"], .http, on: bodies,
            effect: "The server ignores the range and sends the whole image with 200.",
            expected: "Refused; the start of the image is never taken for the middle.",
            .failMount(code: 95), in: worlds
        ) { _, _, _ in [.special("range-ignored", 0)] },
        FaultKind(
            "http.no-content-range", ["HT10"], .http, on: bodies,
            effect: "A 206 says not which bytes it holds.", expected: "Rejected as an unreadable answer.",
            .mediumError, in: worlds
        ) { _, _, _ in [.special("no-content-range", 0)] },
        FaultKind(
            "http.wrong-content-range", ["HT10"], .http, on: bodies,
            [.standard("by", .integer(-(1 << 40)...1 << 40), 512, "how far it is off", unit: "bytes")],
            effect: "A 206 says that it holds other bytes than were asked for.",
            expected: "Rejected; never put in the place that was asked for.", .mediumError, in: worlds
        ) { p, _, _ in [.lie(field: "content-range", value: p.integer("by"))] },
        FaultKind(
            "http.multipart", ["HT10"], .http, on: bodies,
            effect: "The range comes as multipart/byteranges.",
            expected: "Rejected, not taken for image data.",
            .mediumError, in: worlds
        ) { _, _, _ in [.special("multipart", 0)] },
        FaultKind(
            "http.gzip", ["HT10"], .http, on: bodies,
            effect: "The range comes compressed, though nobody asked for it.",
            expected: "Rejected, not taken for image data.", .mediumError, in: worlds
        ) { _, _, _ in [.special("gzip", 0)] },
        FaultKind(
            "http.length-missing", ["HT11"], .http, on: requests,
            effect: "The answer has no Content-Length.",
            expected:
                "The size is found with HEAD; if that does not tell either, the mount fails as of unknown length.",
            .tolerate, in: worlds
        ) { _, _, _ in [.special("length-missing", 0)] },
        FaultKind(
            "http.size", ["HT11"], .http, on: requests,
            [.required("size", .count, "what it says", unit: "bytes")],
            effect: "The server claims another size of the image: 0, 1, not whole blocks, above 2 TiB.",
            expected: "An empty or impossible one fails the mount; a wrong one never gives made-up data.",
            .failMount(code: nil), in: worlds
        ) { p, _, _ in [.lie(field: "size", value: p.integer("size"))] },
        FaultKind(
            "http.changed", ["HT12"], .http, on: requests,
            [
                .standard("field", .choice(["etag", "last-modified"]), "etag", "which sign of a change"),
                .standard("generation", .positive, 1, "which other value: each number has its own"),
            ],
            effect: "The answer says that the image is another one than before.",
            expected: "Reads fail with a medium error; generations are never mixed.", .mediumError, in: worlds
        ) { p, _, _ in [.lie(field: p.text("field"), value: p.integer("generation"))] },
    ]

    private static let httpBodies: [FaultKind] = [
        FaultKind(
            "http.chunked", ["HT10"], .http, on: bodies,
            effect: "The body comes in chunks.", expected: "Read all the same, or rejected; never misread.",
            .tolerate, in: worlds
        ) { _, _, _ in [.special("chunked", 0)] },
        FaultKind(
            "http.short-body", ["HT10", "HT03"], .http, on: bodies,
            [.standard("missing", .positive, 512, "how much is missing", unit: "bytes")],
            effect: "The body ends before its Content-Length.",
            expected: "Tried again; never passed on as a short success.", .retry, in: worlds
        ) { p, _, _ in [.short(byteCount: p.int("missing"))] },
        FaultKind(
            "http.overlong", ["HT10"], .http, on: bodies,
            [.standard("by", .integer(1...1 << 30), 512, "how much more", unit: "bytes")],
            effect: "The body goes on behind the range that was asked for.",
            expected: "Rejected, or what is too much ignored; never put behind the range.", .retry,
            in: worlds
        ) { p, _, _ in [.special("overlong", p.integer("by"))] },
        FaultKind(
            "http.oversized-head", ["HT15"], .http, on: requests,
            [.standard("byteCount", .integer(1...1 << 24), 1_048_576, "of one header", unit: "bytes")],
            effect: "The answer has a header of absurd length.",
            expected: "Refused at a limit; memory stays bounded.", .failMount(code: nil), in: worlds
        ) { p, _, _ in [.special("oversized-head", p.integer("byteCount"))] },
        FaultKind(
            "http.connection-close", ["HT14"], .http, on: requests,
            effect: "The server closes the connection after a complete answer.",
            expected: "The next request goes over a new connection, without a word.", .tolerate, in: worlds
        ) { _, _, _ in [.special("connection-close", 0)] },
        FaultKind(
            "http.drop", ["HT14", "HT17"], .http, on: requests,
            effect: "A request is never answered.",
            expected:
                "Given up at the deadline and tried again; as often as that can be until the host must have an error.",
            .mediumError, in: worlds
        ) { _, _, _ in [.drop] },
        FaultKind(
            "http.wrong-length", ["HT10", "HT11"], .http, on: bodies,
            [.required("value", .count, "what it says", unit: "bytes")],
            effect: "Content-Length is another than that of the range that was asked for.",
            expected: "Rejected as an unreadable answer.", .mediumError, in: worlds
        ) { p, _, _ in [.lie(field: "content-length", value: p.integer("value"))] },
        FaultKind(
            "http.close", ["HT03", "HT14"], .http, on: requests,
            [.standard("afterBytes", .count, 0, "how much of the answer still comes", unit: "bytes")],
            effect: "The server closes the connection in the middle of an answer.",
            expected: "What came is dropped; tried again on a new connection.", .retry, in: worlds
        ) { p, _, _ in [.close(afterBytes: p.int("afterBytes"))] },
        FaultKind(
            "http.reset", ["HT03", "HT02"], .http, on: requests,
            [.standard("afterBytes", .count, 0, "how much of the answer still comes", unit: "bytes")],
            effect: "The connection is reset in the middle of an answer.",
            expected: "What came is dropped; tried again on a new connection.", .retry, in: worlds
        ) { p, _, _ in [.reset(afterBytes: p.int("afterBytes"))] },
    ]

    private static let httpPace: [FaultKind] = [
        FaultKind(
            "http.latency", ["HT04", "LL"], .http, on: requests,
            [.required("latency", .latency, "how much later the first byte comes")],
            effect: "The server thinks before it answers.", expected: "Waited for within the deadline.",
            .tolerate, in: worlds
        ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
        FaultKind(
            "http.stall", ["HT04", "HT17"], .http, on: requests,
            effect: "The server does not answer until the fault is over.",
            expected: "Given up at the deadline and tried again; the host gets data or an error in time.",
            .mediumError, in: worlds
        ) { _, _, _ in [.hold(FaultHold())] },
        FaultKind(
            "http.stall-after", ["HT04"], .http, on: bodies,
            [.required("byteCount", .count, "how much comes before", unit: "bytes")],
            effect: "The body stops coming, with the connection open.",
            expected:
                "Given up at the deadline of the request, not of the connection, and tried again; the host gets data "
                + "or an error in time.", .mediumError, in: worlds
        ) { p, _, _ in [.special("stall-after", p.integer("byteCount"))] },
        FaultKind(
            "http.bandwidth", ["HT04"], .http, on: bodies,
            [.required("rate", .positive, "at most so much", unit: "bytes per second")],
            effect: "The body comes slowly; at a few bytes a second, a slow loris.",
            expected: "Read, as long as each request ends within its deadline.", .tolerate, in: worlds
        ) { p, _, _ in [.bandwidth(bytesPerSecond: p.int("rate"))] },
        FaultKind(
            "http.slice", ["HT04"], .http, on: bodies,
            [.standard("byteCount", .positive, 1, "size of each piece", unit: "bytes")],
            effect: "The answer comes in tiny pieces.", expected: "Read as if it were whole.", .tolerate,
            in: worlds
        ) { p, _, _ in [.slice(byteCount: p.int("byteCount"))] },
    ]
}
