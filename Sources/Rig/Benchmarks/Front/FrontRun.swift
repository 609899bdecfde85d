import Foundation

/// `mediarig up` as another process, and what it has said of itself.
struct FrontRun: ~Copyable {
    private struct Announcement: Decodable {
        var urls: [String]
    }

    /// For the front to listen; a debug build on a busy machine takes seconds.
    private static let mostSeconds = 120.0

    private var run: ForeignRun
    /// Certificate and key, as `--state` keeps them.
    let state: String
    let urls: [String]
    let password: String
    /// With the password in it.
    let passwordFile: String
    /// From its start to its announcement.
    let startSeconds: Double
    private let output: String

    var identifier: pid_t { run.identifier }

    /// - Parameters:
    ///   - arguments: besides those that are always there.
    ///   - processor: the only one it may run on; `nil` for all.
    init(_ setting: BenchmarkSetting, _ arguments: [String], processor: Int? = nil) throws {
        let (state, output) = ("\(setting.folder)/front", "\(setting.folder)/front.out")
        try FileManager.default.createDirectory(
            atPath: state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let start = secondsNow()
        let password = "bench-\(UInt64.random(in: .min ... .max))"
        let passwordFile = "\(setting.folder)/front.password"
        guard FileManager.default.createFile(atPath: passwordFile, contents: Data(password.utf8)) else {
            throw BenchmarkFailure("\(passwordFile): cannot be written")
        }
        let command =
            [setting.ourProgram, "up", "--json", "--state", state, "--password-file", passwordFile]
            + arguments
        var started = try ForeignRun(Processors.pinned(command, to: processor), output: output)
        let announcement = try Self.announcement(of: &started, output)
        startSeconds = secondsNow() - start
        urls = announcement.urls
        (self.state, self.output, self.password, self.passwordFile) = (state, output, password, passwordFile)
        run = started
    }

    private static func announcement(of run: inout ForeignRun, _ output: String) throws -> Announcement {
        let deadline = secondsNow() + mostSeconds
        while true {
            if let line = try readText(output).split(separator: "\n").first,
                let announcement = try? JSONDecoder().decode(Announcement.self, from: Data(line.utf8))
            {
                return announcement
            }
            guard run.isRunning(), secondsNow() < deadline else {
                throw BenchmarkFailure("mediarig up: \((try? readText(output + ".err")) ?? "did not start")")
            }
            usleep(5_000)
        }
    }

    func processorSeconds() throws -> Double { try run.processorSeconds() }

    /// In MiB (VmRSS of proc(5)): all that is resident, files that others map too included.
    func residentMebibytes() throws -> Double { try ResidentMemory.mebibytes(of: identifier) }

    /// Waits for one more line of output.
    ///
    /// - Parameter make: what is wanted, out of a line; `nil` for another line.
    mutating func line<Wanted>(within seconds: Double, _ make: (String) -> Wanted?) throws -> Wanted {
        let deadline = secondsNow() + seconds
        while true {
            for line in try readText(output).split(separator: "\n").reversed() {
                if let wanted = make(String(line)) { return wanted }
            }
            guard run.isRunning(), secondsNow() < deadline else {
                throw BenchmarkFailure("mediarig up did not say what was waited for")
            }
            usleep(10_000)
        }
    }

    /// Logs in.
    ///
    /// - Returns: the token of a new session.
    func token(_ setting: BenchmarkSetting) throws -> String {
        let head = "\(setting.folder)/login.head"
        try ForeignRun.run(
            [
                "curl", "--silent", "--show-error", "--fail", "--cacert", "\(state)/authority.pem",
                "--dump-header", head, "--header", "Content-Type: application/json", "--data",
                #"{"UserName":"admin","Password":"\#(password)"}"#,
                "\(urls[0])/redfish/v1/SessionService/Sessions",
            ], output: "\(setting.folder)/login.out")
        for line in try readText(head).split(whereSeparator: \.isNewline)
        where line.lowercased().hasPrefix("x-auth-token:") {
            return line.dropFirst("x-auth-token:".count).trimmingCharacters(in: .whitespaces)
        }
        throw BenchmarkFailure("the front gave no token")
    }
}

/// Which processor a program runs on.
enum Processors {
    /// - Returns: the command, bound to a processor where there are several.
    static func pinned(_ command: [String], to processor: Int?) -> [String] {
        guard let processor, sysconf(CInt(_SC_NPROCESSORS_ONLN)) > 1 else { return command }
        return ["taskset", "--cpu-list", "\(processor)"] + command
    }
}

/// What proc(5) says of a process.
enum ResidentMemory {
    static func mebibytes(of process: pid_t) throws -> Double {
        for line in try readText("/proc/\(process)/status").split(separator: "\n")
        where line.hasPrefix("VmRSS:") {
            if let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Double($0) }) {
                return kibibytes / 1024
            }
        }
        throw BenchmarkFailure("/proc/\(process)/status does not say VmRSS")
    }
}
