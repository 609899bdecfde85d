import Foundation
import TestSupport
import Testing

/// Debian's `dbus-tests`, the reference implementation's own tests, with `mediarig bus` in the place
/// of dbus-daemon. Left out are cases about what this bus does not have, listed in docs/dbus-bus.md.
struct DBusSuiteTests {
    static let folder = "/usr/lib/dbus-1.0/installed-tests/dbus"
    static let capability = Capability(
        name: "dbus-tests", isPresent: FileManager.default.isExecutableFile(atPath: folder + "/test-monitor"))

    struct Suite: Sendable, CustomTestStringConvertible {
        let name: String
        let leftOut: [String]
        /// Cases that have to pass.
        let count: Int
        var testDescription: String { name }
    }

    static let suites = [
        Suite(
            name: "test-dbus-daemon",
            leftOut: [
                // Features of a bus that starts services, and of Debug.Stats.
                "/properties/features", "/properties/interfaces", "/properties/get-all",
                "/activation/forking",
                // Policies.
                "/policy/count-fds", "/system-policy/allow-signals", "/system-policy/send-destination/prefix",
            ], count: 26),
        Suite(
            name: "test-monitor",
            leftOut: [
                "/monitor/forbidden-broadcast", "/monitor/forbidden", "/monitor/forbidden-method",
                "/monitor/forbidden-reply", "/monitor/activation",
            ], count: 13),
        Suite(name: "test-dbus-daemon-eavesdrop", leftOut: [], count: 3),
        Suite(name: "test-header-fields", leftOut: [], count: 5),
    ]

    /// The command, beside the bundle that the tests run from.
    static var command: String {
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        return bundle.appendingPathComponent("mediarig").path
    }

    @Test(.enabled(if: capability.isUsable, "dbus-tests is not installed"), arguments: suites)
    func `the reference implementation's tests pass on our bus`(suite: Suite) async throws {
        let folder = try TemporaryFolder()
        let daemon = folder.file("daemon")
        // Written by another process: a program that this one has open for writing cannot be run while any
        // other test is between fork and exec with a copy of the descriptor (ETXTBSY).
        let script = "#!/bin/sh\nexec '\(Self.command)' bus \"$@\"\n"
        let installed = try await ForeignProgram("install", "-m", "755", "/dev/stdin", daemon).run(
            input: script)
        try #require(installed.status == 0, "\(installed.error)")
        var program = ForeignProgram(
            "\(Self.folder)/\(suite.name)", ["--tap"] + suite.leftOut.flatMap { ["-s", $0] })
        program.environment = [
            "DBUS_TEST_DAEMON": daemon, "DBUS_TEST_DATA": Self.folder + "/data",
            "DBUS_TEST_EXEC": Self.folder,
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere",
        ]
        let result = try await program.run(within: 60)
        let lines = result.output.split(separator: "\n")
        let passed = lines.filter { $0.hasPrefix("ok ") && !$0.contains("# SKIP") }
        let failed = lines.filter { $0.hasPrefix("not ok") || $0.hasPrefix("Bail out") }
        #expect(failed.isEmpty && result.status == 0, "\(failed) \(result.error)")
        #expect(passed.count >= suite.count, "\(passed.count) passed: \(result.output)")
    }
}
