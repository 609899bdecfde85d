import Foundation
import Glibc
import TestSupport
import Testing

/// redfishd itself, with a supervisor that listens, and curl as the administrator's tool.
final class FrontProcess {
    static let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("redfishd").path
    static let curl = Capability.tools("curl", "dbus-daemon")
    static let slots = "/redfish/v1/Systems/system/VirtualMedia"

    let folder: TemporaryFolder
    private let notices: NoticeSocket
    private let running: RunningProgram
    private let log: String
    private(set) var port = 0

    var state: String { folder.file("state") }
    var authority: String { "\(state)/authority.pem" }

    /// - Parameter redirection: of the shell that starts it.
    init(
        bus: String, in folder: TemporaryFolder, options: [String] = [], redirection: String = ""
    ) async throws {
        self.folder = folder
        let name = UUID().uuidString.prefix(8)
        notices = try NoticeSocket(at: folder.file("notify-\(name)"))
        log = folder.file("log-\(name)")
        let words =
            [
                Self.program, "--bus", bus, "--state", folder.file("state"), "--address", "127.0.0.1",
                "--port", "0",
            ] + options
        let line = words.map { "'\($0)'" }.joined(separator: " ")
        running = try RunningProgram(
            "/bin/sh",
            ["-c", "NOTIFY_SOCKET='\(notices.path)' exec \(line) 2>>'\(log)' \(redirection)"])
        let notice = try await notices.next()
        try #require(notice == "READY=1", "\(logText)")
        let words2 = logText.split(separator: "\n").first { $0.contains("serving on") }?.split(separator: " ")
        port = try #require(words2?.last.flatMap { Int($0) }, "\(logText)")
    }

    var logText: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
    var password: String {
        let text = (try? String(contentsOfFile: "\(state)/initial-password", encoding: .utf8)) ?? ""
        return String(text.prefix { $0 != "\n" })
    }

    func nextNotice() async throws -> String { try await notices.next() }
    func signal(_ number: CInt) { kill(running.processIdentifier, number) }
    func stop() async -> Int32 { await running.stop() }

    struct Answer: CustomStringConvertible {
        let status: Int
        let body: String

        var object: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
        }
        var isInserted: Bool { object["Inserted"] as? Bool ?? false }
        /// "Base.1.22.ServiceTemporarilyUnavailable"
        var messageID: String {
            let error = object["error"] as? [String: Any]
            let entries = error?["@Message.ExtendedInfo"] as? [[String: Any]]
            return entries?.first?["MessageId"] as? String ?? ""
        }
        var description: String { "\(status) \(body)" }
    }

    /// - Parameter json: the body of a POST; `nil` asks with GET.
    func ask(_ path: String, json: String? = nil, password: String? = nil, authority: String? = nil)
        async throws -> Answer
    {
        var words = [
            "-sS", "--max-time", "30", "--cacert", authority ?? self.authority, "-u",
            "admin:\(password ?? self.password)", "-w", "\n%{http_code}",
        ]
        if let json { words += ["-H", "Content-Type: application/json", "-d", json] }
        let result = try await ForeignProgram("curl", words + ["https://127.0.0.1:\(port)\(path)"]).run()
        var lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        let status = lines.popLast().flatMap { Int($0) } ?? 0
        try #require(status > 0, "\(result.error) \(logText)")
        return Answer(status: status, body: lines.joined(separator: "\n"))
    }

    func insert(_ image: String, into slot: String) async throws -> Answer {
        try await ask(
            "\(Self.slots)/\(slot)/Actions/VirtualMedia.InsertMedia", json: "{\"Image\": \"\(image)\"}")
    }

    func eject(_ slot: String) async throws -> Answer {
        try await ask("\(Self.slots)/\(slot)/Actions/VirtualMedia.EjectMedia", json: "{}")
    }

    /// Asks until the answer is as wanted: what a service on the bus does reaches the front in its own time.
    ///
    /// - Returns: every status on the way, each once in a row.
    @discardableResult
    func wait(for slot: String, until isWanted: (Answer) -> Bool) async throws -> [Int] {
        let deadline = ContinuousClock.now + .seconds(60)
        var statuses: [Int] = []
        while true {
            let answer = try await ask("\(Self.slots)/\(slot)")
            if statuses.last != answer.status { statuses.append(answer.status) }
            if isWanted(answer) { return statuses }
            try #require(ContinuousClock.now < deadline, "\(answer) \(logText)")
        }
    }
}
