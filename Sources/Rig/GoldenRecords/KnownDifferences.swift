/// Where the simulation answers otherwise than the recorded kernel, on purpose. A test fails on any other
/// difference, and on an entry here that no longer is one.
package enum KnownDifferences {
    package struct Entry: Sendable {
        package let questions: [String]
        /// What the simulation may say instead; in the second form with `stall` set.
        package let simulated: [String]
        package let reason: String
    }

    package static let all: [Entry] = [
        Entry(
            questions: ["control 02 03 0001 0081 0000"], simulated: ["stall"],
            reason: """
                SET_FEATURE of an endpoint with a selector other than ENDPOINT_HALT. usbip-vudc, a controller in \
                software, looks at no selector and halts; USB 2.0 §9.4.9 and the controllers of BMCs refuse.
                """),
        Entry(
            questions: [
                "command 0 in 512 88000000000000000000040000010000",
                "command 0 in 512 a80000000000040000010000",
                "command 0 in 2048 88000000000000000000040000010000",
                "command 0 in 2048 a80000000000040000010000",
            ],
            simulated: [
                "in 0 | status 2 residue 512", "in 0 | stall | status 2 residue 512",
                "in 0 | status 2 residue 2048", "in 0 | stall | status 2 residue 2048",
            ],
            reason: """
                A read of 4 GiB or more. Both refuse it with a phase error; the kernel then reports the residue of \
                the command before, the simulation that nothing was moved.
                """),
        Entry(
            questions: ["command 0 in 32 9e100000000000000000000000200000 length 1"],
            simulated: [
                "in 0 | status 1 residue 32 | sense 700005000000000a00000000200000000000",
                "in 0 | stall | status 1 residue 32 | sense 700005000000000a00000000200000000000",
            ],
            reason: """
                A command block cut to one byte. The kernel finds the service action that the command before left \
                in its memory; to the simulation, what was not sent is zero.
                """),
        Entry(
            questions: ["command 0 in 512 28000000000000000000", "command 0 in 2048 28000000000000000000"],
            simulated: [
                "in 0 | status 0 residue 512", "in 0 | stall | status 0 residue 512",
                "in 0 | status 0 residue 2048", "in 0 | stall | status 0 residue 2048",
            ],
            reason: """
                A READ of no blocks with room for some. The kernel sends whatever its buffer held, here the first \
                bytes of the wrapper; the simulation sends nothing.
                """),
    ]

    package static func entry(for difference: Difference) -> Entry? {
        all.first {
            $0.questions.contains(difference.question.description)
                && $0.simulated.contains(difference.answered)
        }
    }

    package static func unlisted(_ differences: [Difference]) -> [Difference] {
        differences.filter { entry(for: $0) == nil }
    }
}
