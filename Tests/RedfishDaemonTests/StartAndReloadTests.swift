import Foundation
import Glibc
import TestSupport
import Testing

/// The first start, later ones, reloads, and what is said before anything starts. None needs a bus.
@Suite(.enabled(if: FrontProcess.curl.isUsable, "curl or dbus-daemon is not installed"))
struct StartAndReloadTests {
    private static let noBus = "unix:path=/nonexistent/bus"

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test func `a password is made up at the first start, for this user's eyes, and stays`() async throws {
        let folder = try TemporaryFolder()
        let first = try await FrontProcess(bus: Self.noBus, in: folder)
        let password = first.password
        #expect(password.count == 20)
        for name in ["initial-password", "accounts.json", "uuid", "server-key.pem"] {
            #expect(mode("\(first.state)/\(name)") == 0o600, "\(name)")
        }
        #expect(mode(first.state) == 0o700)
        #expect(try await first.ask("/redfish/v1/Systems").status == 200)
        #expect(try await first.ask("/redfish/v1/Systems", password: "wrong-password").status == 401)
        let identity = try await first.ask("/redfish/v1").object["UUID"] as? String
        #expect(await first.stop() == 0)
        #expect(first.logText.contains("initial-password") && !first.logText.contains(password))

        unlink("\(first.state)/initial-password")
        let second = try await FrontProcess(bus: Self.noBus, in: folder)
        #expect(try await second.ask("/redfish/v1/Systems", password: password).status == 200)
        #expect(try await second.ask("/redfish/v1").object["UUID"] as? String == identity)
        #expect(!FileManager.default.fileExists(atPath: "\(second.state)/initial-password"))
        #expect(await second.stop() == 0)
    }

    @Test func `a password comes from a pipe, and nothing of it is kept but its hash`() async throws {
        let folder = try TemporaryFolder()
        let given = try folder.write(Array("Chosen-by-me-1\n".utf8), to: "given")
        let front = try await FrontProcess(
            bus: Self.noBus, in: folder, options: ["--password-file", "/dev/fd/7"],
            redirection: "7<'\(given)'")
        #expect(try await front.ask("/redfish/v1/Systems", password: "Chosen-by-me-1").status == 200)
        #expect(await front.stop() == 0)
        for name in try FileManager.default.contentsOfDirectory(atPath: front.state) {
            let text = try String(contentsOfFile: "\(front.state)/\(name)", encoding: .utf8)
            #expect(!text.contains("Chosen-by-me-1"), "\(name)")
        }
    }

    @Test func `a reload takes another certificate and other rules, and a broken file changes nothing`()
        async throws
    {
        let folder = try TemporaryFolder()
        for name in ["one", "two"] {
            let made = try await ForeignProgram(
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "2", "-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                folder.file("\(name).key"), "-out", folder.file("\(name).pem")
            ).run()
            try #require(made.status == 0, "\(made.error)")
        }
        func configure(_ name: String, sessions: Int) throws {
            try folder.write(
                Array(
                    """
                    {"Certificate": "\(folder.file("\(name).pem"))", "Key": "\(folder.file("\(name).key"))",
                     "Sessions": {"Maximum": \(sessions)}}
                    """.utf8), to: "redfishd.json")
        }
        try configure("one", sessions: 8)
        let front = try await FrontProcess(
            bus: Self.noBus, in: folder, options: ["--config", folder.file("redfishd.json")])
        func answers(to authority: String) async throws -> Bool {
            let result = try await ForeignProgram(
                "curl", "-s", "--cacert", folder.file("\(authority).pem"),
                "https://127.0.0.1:\(front.port)/redfish"
            ).run()
            return result.status == 0
        }
        func reload() async throws {
            front.signal(SIGHUP)
            #expect(try await front.nextNotice().hasPrefix("RELOADING=1"))
            #expect(try await front.nextNotice() == "READY=1")
        }
        #expect(try await answers(to: "one"))
        #expect(try await !answers(to: "two"))
        try configure("two", sessions: 1)
        try await reload()
        #expect(try await answers(to: "two"), "\(front.logText)")
        #expect(try await !answers(to: "one"))
        var statuses: [Int] = []
        for _ in 0..<2 {
            let answer = try await front.ask(
                "/redfish/v1/SessionService/Sessions",
                json: "{\"UserName\": \"admin\", \"Password\": \"\(front.password)\"}",
                authority: folder.file("two.pem"))
            statuses.append(answer.status)
        }
        #expect(statuses.first == 201 && statuses.last == 503)
        try folder.write(Array("{\"Port\": \"many\",\n \"Sesions\": {}}".utf8), to: "redfishd.json")
        try await reload()
        #expect(front.logText.contains("redfishd.json:1:10: Port"), "\(front.logText)")
        #expect(front.logText.contains("redfishd.json:2:2: Sesions is not known"))
        #expect(try await answers(to: "two"))
        #expect(await front.stop() == 0)
    }

    static let usage: [([String], Int32, String)] = [
        (["--check", "--config", "/nonexistent"], 2, "/nonexistent: No such file"),
        (["--certificate", "x"], 2, "belong together"), (["--port", "70000"], 2, "--port"),
        (["--no-such-option"], 2, "--no-such-option"), (["--log-level", "loud"], 2, "warning"),
        (["--state", "/proc/nowhere"], 1, "/proc/nowhere"),
        (["--state", "/tmp"], 1, "others may write"),
    ]

    @Test(arguments: usage.indices)
    func `usage and configuration are checked before anything else`(index: Int) async throws {
        let (arguments, status, text) = Self.usage[index]
        let result = try await ForeignProgram(FrontProcess.program, arguments).run()
        #expect(result.status == status && result.error.contains(text), "\(result)")
    }

    @Test func `a port that is taken is an error that names it`() async throws {
        let folder = try TemporaryFolder()
        let front = try await FrontProcess(bus: Self.noBus, in: folder)
        let other = try await ForeignProgram(
            FrontProcess.program, "--address", "127.0.0.1", "--port", "\(front.port)", "--state",
            folder.file("other"), "--bus", Self.noBus
        ).run()
        #expect(other.status == 1 && other.error.contains("port \(front.port)"), "\(other)")
        #expect(await front.stop() == 0)
    }

    @Test func `every option of the help and every key of the file is in its page`() async throws {
        let help = try await ForeignProgram(FrontProcess.program, "--help").run().output
        let page = try String(
            contentsOf: Packaging.root.appendingPathComponent("docs/redfishd.md"), encoding: .utf8)
        let options = help.matches(of: /--[a-z-]+/).map { String($0.output) }.filter { $0 != "--help" }
        #expect(options.count > 9)
        for option in options { #expect(page.contains("`\(option)"), "\(option)") }
        let reader = try String(
            contentsOf: Packaging.root.appendingPathComponent(
                "Sources/Platform/RedfishDaemon/SettingsReader.swift"),
            encoding: .utf8)
        let keys = reader.matches(of: /\.(?:text|texts|number|flag|object)\("([A-Za-z]+)"/).map { $0.1 }
        #expect(keys.count > 15)
        for key in keys { #expect(page.contains("`\(key)`"), "\(key)") }
    }
}

/// The files that go into a package.
struct Packaging {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    @Test(.enabled(if: Capability.tool("systemd-analyze").isUsable, "systemd-analyze is not installed"))
    func `systemd finds nothing wrong with the unit, and its sandbox tight`() async throws {
        let folder = try TemporaryFolder()
        let unit = try String(
            contentsOf: Self.root.appendingPathComponent("packaging/redfishd.service"), encoding: .utf8
        ).replacingOccurrences(of: "/usr/bin/redfishd", with: FrontProcess.program)
        let file = try folder.write(Array(unit.utf8), to: "redfishd.service")
        let verified = try await ForeignProgram("systemd-analyze", "verify", "--man=no", file).run()
        #expect(verified.status == 0 && !verified.error.contains("redfishd.service"), "\(verified)")
        let judged = try await ForeignProgram(
            "systemd-analyze", "security", "--offline=yes", "--threshold=30", "--no-pager", file
        ).run()
        #expect(judged.status == 0, "\(judged.output.suffix(400)) \(judged.error)")
    }
}
