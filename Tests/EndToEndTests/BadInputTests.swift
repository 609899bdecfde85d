import Foundation
import TestSupport
import Testing
import Verification

/// Whatever a user gives that cannot work ends at once, says why and what to do, and leaves nothing.
struct BadInputTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var name: String
        var change: @Sendable (inout VerificationPlan, TemporaryFolder) throws -> Void
        /// What the text must say.
        var says: [String]
        var testDescription: String { name }
    }

    /// Refused before anything is started.
    static let refused: [Example] = [
        Example(
            name: "no such file", change: { plan, folder in plan.image = folder.file("gone.img") },
            says: ["gone.img"]),
        Example(
            name: "a directory", change: { plan, folder in plan.image = folder.path }, says: ["directory"]),
        Example(
            name: "an empty file",
            change: { plan, folder in plan.image = try folder.write([], to: "empty.img") },
            says: ["empty.img", "empty"]),
        Example(
            name: "a device that is no image", change: { plan, _ in plan.image = "/dev/null" },
            says: ["/dev/null"]),
        Example(
            name: "a URL in Proxy mode",
            change: { plan, _ in
                plan.image = "https://localhost/x.img"; plan.expectation = .sha256("0")
            },
            says: ["legacy"]),
        Example(
            name: "a slot that is not there", change: { plan, _ in plan.slot = "Slot_9" },
            says: ["Slot_9", "Slot_0"]),
        Example(
            name: "a slot of the other mode", change: { plan, _ in plan.slot = "Slot_2" },
            says: ["Slot_2", "proxy"]),
        Example(
            name: "a configuration that is not there",
            change: { plan, folder in plan.configurationFile = folder.file("none.json") }, says: ["none.json"]
        ),
        Example(
            name: "a configuration with a mistake",
            change: { plan, folder in
                let text = #"{"MountPoints": {"Slot_0": {"NBDDevice": "nbd0", "Mode": 7}}}"#
                plan.configurationFile = try folder.write(Array(text.utf8), to: "bad.json")
            }, says: ["bad.json", "MountPoints.Slot_0.Mode", "7"]),
        Example(
            name: "a socket path that is too long",
            change: { plan, folder in
                let socket = folder.file(String(repeating: "s", count: 120))
                let text =
                    #"{"MountPoints": {"Slot_0": {"NBDDevice": "nbd0", "Mode": 0, "UnixSocket": "\#(socket)"}}}"#
                plan.configurationFile = try folder.write(Array(text.utf8), to: "long.json")
            }, says: ["107"]),
    ]

    @Test(arguments: refused)
    func `is refused before anything starts`(example: Example) async throws {
        let folder = try TemporaryFolder()
        var plan = VerificationPlan(image: try folder.writePattern(4096, to: "image"))
        try example.change(&plan, folder)
        let chosen = plan
        let error = await #expect(throws: PlanError.self) { try await Verification(chosen).run() }
        for text in example.says {
            #expect(error?.description.contains(text) == true, "\(error?.description ?? "")")
        }
    }

    /// Found out on the way, and told by the service itself.
    static let failing: [Example] = [
        Example(
            name: "an unsupported scheme", change: { plan, _ in plan.image = "ftp://localhost/x.img" },
            says: ["https"]),
        Example(
            name: "nobody listens", change: { plan, _ in plan.image = "https://127.0.0.1:1/x.img" },
            says: ["refused"]),
        Example(
            name: "a CD image that is too small for a CD",
            change: { plan, folder in
                plan.image = try folder.writePattern(299 * 2048, to: "small.iso")
                plan.medium = .cdrom
                plan.expectation = .image
            }, says: ["Completion("]),
    ]

    @Test(arguments: failing)
    func `fails with its cause and leaves nothing behind`(example: Example) async throws {
        let folder = try TemporaryFolder()
        var plan = VerificationPlan(image: "")
        plan.mode = .legacy
        plan.expectation = .sha256(String(repeating: "0", count: 64))
        plan.timeout = .seconds(5)
        try example.change(&plan, folder)
        let report = try await Verification(plan).run()
        #expect(report.outcome == .unproven)
        #expect(report.leftBehind.isEmpty)
        for text in example.says { #expect(report.explanation.contains(text), "\(report.explanation)") }
    }

    @Test func `without a host the medium is in and nothing is proven`() async throws {
        let folder = try TemporaryFolder()
        var plan = VerificationPlan(image: try folder.writePattern(4096, to: "image"))
        plan.isHostPresent = false
        let report = try await Verification(plan).run()
        #expect(report.outcome == .unproven)
        #expect(report.explanation.contains("host absent"), "\(report.explanation)")
        #expect(report.millisecondsToInsert != nil)
        #expect(report.leftBehind.isEmpty)
    }
}
