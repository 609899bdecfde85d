import CLinux
import Foundation

/// One command on a rig, with this process's own standard streams.
package struct RigVisit {
    package let definition: RigDefinition
    package let options: RigStation.Options
    package let request: GuestRequest
    package let limit: Duration?
    /// The command gets a terminal, and every key of ours.
    package var usesTerminal = false
    /// Where the command's standard input comes from.
    package var input = STDIN_FILENO

    package init(
        definition: RigDefinition, options: RigStation.Options, request: GuestRequest, limit: Duration?
    ) {
        self.definition = definition
        self.options = options
        self.request = request
        self.limit = limit
    }

    /// - Parameters:
    ///   - folder: `nil` for this process's.
    ///   - environment: "NAME=VALUE", or "NAME" for what it is here.
    package static func request(_ arguments: [String], folder: String?, environment: [String]) -> GuestRequest
    {
        let own = ProcessInfo.processInfo.environment
        var settings = [
            "PATH=\(GuestFiles.firstFolder):\(own["PATH"] ?? "/usr/bin:/bin"):/usr/sbin:/sbin:\(GuestFiles.rigFolder)/bin",
            "HOME=/root", "LANG=C.UTF-8", "USER=root",
        ]
        for text in environment {
            if text.contains("=") {
                settings.append(text)
            } else if let value = own[text] {
                settings.append("\(text)=\(value)")
            }
        }
        return GuestRequest(
            arguments, environment: settings, folder: folder ?? FileManager.default.currentDirectoryPath)
    }

    /// - Returns: the command's exit status; 128 and the signal where one ended it.
    package func run(on station: RigStation) throws(RigFailure) -> Int32 {
        switch definition.place {
        case .network(let service):
            return try SecureShell(service).run(request, hasTerminal: usesTerminal, within: limit)
        case .machine(let machine):
            if let state = station.running(definition.name) {
                if let missing = options.shares.first(where: { !state.holds($0) }) {
                    throw RigFailure(
                        .usage,
                        "\(state.name) is up and does not share \(missing): `mediarig rig down \(state.name)`, or "
                            + "give --share at `rig up`")
                }
                let connection = try OperatorConnection(to: state.socket, token: state.token)
                _ = try connection.waitUntilReady(within: options.bootLimit)
                return try use(connection)
            }
            let folder = try PrivateRun()
            let (running, connection) = try station.boot(machine, options, in: folder.path)
            do throws(RigFailure) {
                let status = try use(connection)
                connection.close()
                if !running.waitForEnd(atMost: RunningMachine.goingOffLimit) { running.kill() }
                return status
            } catch {
                running.kill()
                guard error.kind != .usage else { throw error }
                throw RigFailure(error.kind, "\(error)\nthe guest's last words:\n\(running.lastWords)")
            }
        }
    }

    private func use(_ connection: OperatorConnection) throws(RigFailure) -> Int32 {
        var streams = OperatorConnection.Streams()
        streams.input = input
        streams.signals = try PassedSignals.start(withInterrupt: !usesTerminal)
        var request = request
        guard usesTerminal else { return try connection.run(request, streams, within: limit) }
        guard let size = TerminalMode.size(of: STDIN_FILENO), let mode = TerminalMode(raw: STDIN_FILENO)
        else {
            throw RigFailure(.usage, "a shell wants a terminal; for a script there is `rig run`")
        }
        request.hasTerminal(of: size)
        defer { mode.restore() }
        return try connection.run(request, streams, within: limit)
    }
}

/// A folder for the socket and the log of one run, gone with it. What a run left that was killed goes with the next.
final class PrivateRun {
    private static let prefix = "mediarig-rig-"
    let path: String

    init() throws(RigFailure) {
        Self.removeAbandoned()
        var template = Array("/tmp/\(Self.prefix)\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw RigFailure("make a folder in /tmp", errno: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { FileAccess.removeAll(path) }

    /// Folders of this user's whose name tells of a process that is no more.
    private static func removeAbandoned() {
        for name in FileAccess.names(in: "/tmp") where name.hasPrefix(prefix) {
            guard
                let process = name.dropFirst(prefix.count).split(separator: "-").first.flatMap({ Int32($0) }),
                RigState.start(ofProcess: process) == nil
            else { continue }
            var status = stat()
            guard lstat("/tmp/\(name)", &status) == 0, status.st_uid == geteuid(),
                status.st_mode & S_IFMT == S_IFDIR
            else { continue }
            FileAccess.removeAll("/tmp/\(name)")
        }
    }
}

/// Signals to this process that are meant for the command: as bytes in a pipe; 0 for a terminal that changed
/// its size.
enum PassedSignals {
    /// Written once, before the handler that reads it is set.
    private nonisolated(unsafe) static var pipe: [CInt] = [-1, -1]

    /// - Returns: where the bytes can be read.
    static func start(withInterrupt: Bool) throws(RigFailure) -> CInt {
        if pipe[0] < 0, pipe2(&pipe, O_CLOEXEC | O_NONBLOCK) != 0 {
            throw RigFailure("make a pipe", errno: errno)
        }
        if withInterrupt { signal(SIGINT, handler) }
        signal(SIGTERM, handler)
        signal(SIGWINCH, handler)
        return pipe[0]
    }

    /// Only calls what may be called from a signal handler (signal-safety(7)).
    private static let handler: @convention(c) (CInt) -> Void = { number in
        var byte = number == SIGWINCH ? 0 : UInt8(number)
        _ = write(pipe[1], &byte, 1)
    }
}
