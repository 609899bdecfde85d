import FaultPoints

extension FaultKind {
    private static let worlds: [FaultWorld] = .everywhere

    /// What goes wrong between two ends of a TLS connection. TL in the list of faults.
    static let ofTLS: [FaultKind] =
        [
            refusedCertificate(
                "expired", "The server's certificate has expired.", "Tried again only when it may be valid."),
            refusedCertificate(
                "not-yet-valid", "The server's certificate is valid from tomorrow.",
                "The same happens to a good one on a BMC whose clock starts in 1970."),
            refusedCertificate("wrong-host", "The server's certificate is another host's.", ""),
            refusedCertificate(
                "unknown-ca", "The server's certificate is signed by an unknown authority.", ""),
            refusedCertificate("self-signed", "The server signed its certificate itself.", ""),
            refusedCertificate("weak", "The server's key is too short to trust.", ""),
            FaultKind(
                "tls.old-version", ["TL"], .tls, on: ["handshake"],
                effect: "The server speaks nothing newer than TLS 1.1.",
                expected: "Refused; no retry, nothing in plain text.", .failMount(code: 71), in: worlds
            ) { _, _, _ in [.special("old-version", 0)] },
            FaultKind(
                "tls.client-cert", ["TL"], .tls, on: ["handshake"],
                effect: "The server demands a certificate of the client.",
                expected: "Refused; no retry.", .failMount(code: 71), in: worlds
            ) { _, _, _ in [.special("client-cert", 0)] },
            FaultKind(
                "tls.alert", ["TL"], .tls, on: ["handshake"],
                [
                    .standard(
                        "description", .integer(0...255), 40, "its number (RFC 8446 §6): 40 handshake failure"
                    )
                ],
                effect: "The server ends the handshake with a fatal alert.",
                expected: "Fails with a cause of its own; never falls back to plain text.",
                .failMount(code: 71), in: worlds
            ) { p, _, _ in [.special("alert", p.integer("description"))] },
            FaultKind(
                "tls.stall", ["TL", "LL"], .tls, on: ["handshake"],
                effect: "The server stops in the middle of the handshake until the fault is over.",
                expected: "Given up at the connect deadline.", .failMount(code: 110), in: worlds
            ) { _, _, _ in [.hold(FaultHold())] },
            FaultKind(
                "tls.latency", ["TL", "LL"], .tls, on: ["handshake"],
                [.required("latency", .latency, "how much longer it takes")],
                effect: "The handshake takes longer.", expected: "Waited for within the connect deadline.",
                .tolerate, in: worlds
            ) { p, _, s in [.delay(p.latency("latency").draw(from: &s))] },
            FaultKind(
                "tls.close", ["TL"], .tls, on: ["handshake"],
                [.standard("afterBytes", .count, 0, "how much still comes", unit: "bytes")],
                effect: "The connection ends during the handshake.",
                expected:
                    "Looks like a refusal, and is one for a mount: it ends with a cause of its own. While mounted, "
                    + "tried again.", .failMount(code: 71), in: worlds
            ) { p, _, _ in [.close(afterBytes: p.int("afterBytes"))] },
            FaultKind(
                "tls.reset", ["TL"], .tls, on: ["handshake"],
                [.standard("afterBytes", .count, 0, "how much still comes", unit: "bytes")],
                effect: "The connection is reset during the handshake.",
                expected:
                    "Looks like a refusal, and is one for a mount: it ends with a cause of its own. While mounted, "
                    + "tried again.", .failMount(code: 71), in: worlds
            ) { p, _, _ in [.reset(afterBytes: p.int("afterBytes"))] },
            FaultKind(
                "tls.truncated", ["TL"], .tls, on: ["close"],
                [.standard("afterBytes", .count, 0, "how much of the answer still comes", unit: "bytes")],
                effect: "The records end in the middle of an answer, without a farewell.",
                expected: "An error, not an end: what came is not taken for all.", .retry, in: worlds
            ) { p, _, _ in [.close(afterBytes: p.int("afterBytes"))] },
            FaultKind(
                "tls.no-farewell", ["TL"], .tls, on: ["close"],
                effect: "The connection ends after an answer without TLS's close_notify.",
                expected: "No difference to a whole answer of known length.", .tolerate, in: worlds
            ) { _, _, _ in [.drop] },
        ]

    private static func refusedCertificate(_ flaw: String, _ effect: String, _ more: String) -> FaultKind {
        let expected = "Refused as an untrusted certificate; no retry, no data, nothing in plain text."
        return FaultKind(
            "tls.\(flaw)", ["TL"], .tls, on: ["handshake"], effect: effect,
            expected: more.isEmpty ? expected : expected + " " + more, .failMount(code: 126), in: worlds
        ) { _, _, _ in [.special(flaw, 0)] }
    }
}
