internal import CLinux
import Foundation
internal import Threads

/// A rig that was left running, for those who come later: `state.json` in its folder.
package struct RigState: Codable, Equatable, Sendable {
    package var name: String
    /// Of QEMU.
    package var process: Int32
    /// When that process began, in the kernel's ticks: numbers of processes are used again.
    package var processStart: UInt64
    package var socket: String
    package var console: String
    package var token: String
    package var kernel: String
    package var shares: [String]

    /// Where rigs have their folders: `XDG_STATE_HOME`, or what it is by default.
    package static func folder(environment: [String: String]) throws(RigFailure) -> String {
        if let base = environment["XDG_STATE_HOME"], base.hasPrefix("/") { return "\(base)/mediarig/rigs" }
        guard let home = environment["HOME"], home.hasPrefix("/") else {
            throw RigFailure(.environment, "neither XDG_STATE_HOME nor HOME says where to keep a rig's state")
        }
        return "\(home)/.local/state/mediarig/rigs"
    }

    /// - Returns: the rig of that name, if it runs; what a dead one has left is removed.
    package static func running(_ name: String, in folder: String) -> RigState? {
        let path = "\(folder)/\(name)/state.json"
        guard let data = FileManager.default.contents(atPath: path),
            let state = try? JSONDecoder().decode(RigState.self, from: data)
        else { return nil }
        guard start(ofProcess: state.process) == state.processStart else {
            remove(name, in: folder)
            return nil
        }
        return state
    }

    /// Whether the guest may write there.
    func holds(_ path: String) -> Bool {
        let whole = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        return shares.contains { share in
            let folder = URL(fileURLWithPath: share).resolvingSymlinksInPath().path
            return whole == folder || whole.hasPrefix(folder + "/")
        }
    }

    package func save(in folder: String) throws(RigFailure) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { return }
        // The token in it lets its holder run commands in the guest.
        try FileAccess.write(Array(data), to: "\(folder)/\(name)/state.json", permissions: 0o600)
    }

    package static func remove(_ name: String, in folder: String) {
        unlink("\(folder)/\(name)/state.json")
        unlink("\(folder)/\(name)/control")
    }

    /// Field 22 of proc_pid_stat(5); `nil` when there is no such process, or only its remains.
    package static func start(ofProcess process: Int32) -> UInt64? {
        guard let line = FileAccess.line(of: "/proc/\(process)/stat"),
            let afterName = line.lastIndex(of: ")")
        else { return nil }
        let fields = line[line.index(after: afterName)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z" else { return nil }
        return UInt64(fields[19])
    }

    /// Ends it: in order, or at once where it does not listen.
    package func stop() throws(RigFailure) {
        let handle = clinux_pidfd_open(process, 0)
        defer { if handle >= 0 { close(handle) } }
        guard handle >= 0, Self.start(ofProcess: process) == processStart else { return }
        let limit = RunningMachine.goingOffLimit
        let isOff = (try? OperatorConnection(to: socket, token: token).powerOff(within: limit)) != nil
        if !isOff { kill(process, SIGKILL) }
        guard Self.waitForEnd(handle, RunningMachine.goingOffLimit) else {
            throw RigFailure(.late, "process \(process) of rig \(name) does not end")
        }
    }

    private static func waitForEnd(_ handle: CInt, _ limit: Duration) -> Bool {
        var watched = pollfd(fd: handle, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, CInt(limit.wholeMilliseconds)) > 0
    }
}
