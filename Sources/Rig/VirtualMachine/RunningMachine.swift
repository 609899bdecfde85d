import CLinux
import Glibc
internal import Threads

/// A guest that was started by this process, or one that an earlier process left running.
package final class RunningMachine: Sendable {
    /// From QEMU's start to the agent's answer. Software emulation on a busy machine has taken 25 seconds.
    package static let bootLimit = Duration.seconds(180)
    /// For a guest that was told to go off.
    static let goingOffLimit = Duration.seconds(20)

    /// Of QEMU.
    package let processIdentifier: Int32
    package let consolePath: String
    package let token: String
    let socketPath: String
    private let end = Monitor<Int32?>(nil)

    /// How long QEMU lives.
    package enum Lifetime: Sendable {
        /// Dies when this process does, whatever ends it.
        case ours
        /// Until somebody ends it.
        case itsOwn
    }

    /// - Parameters:
    ///   - folder: for the socket and the console's log; private to this machine.
    ///   - console: is given what the guest writes to its console, as well as the log.
    package init(
        _ plan: MachinePlan, in folder: String, lifetime: Lifetime,
        console: (@Sendable ([UInt8]) -> Void)? = nil
    ) throws(RigFailure) {
        token = plan.token
        socketPath = "\(folder)/control"
        consolePath = "\(folder)/console.log"
        let arguments = try plan.arguments()
        let listener = try ControlSocket.listen(at: socketPath)
        defer { close(listener) }
        let log = open(consolePath, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw RigFailure(consolePath, errno: errno) }
        var pipe: [CInt] = [-1, log]
        if console != nil, pipe2(&pipe, O_CLOEXEC) != 0 { throw RigFailure("make a pipe", errno: errno) }
        let (reading, writing) = (pipe[0], pipe[1])
        // The system ends QEMU with the thread that started it; so that thread has to stay.
        var words = arguments
        if case .ours = lifetime { words = ["setpriv", "--pdeathsig", "KILL", "--"] + arguments }
        let started = Monitor<Result<pid_t, RigFailure>?>(nil)
        let end = self.end
        let isThreadStarted = BlockingThread.start("rig qemu") { [words] in
            let outcome: Result<ChildProgram, RigFailure>
            do throws(RigFailure) {
                outcome = .success(
                    try ChildProgram(
                        words, placement: .ownSession,
                        descriptors: [
                            (writing, 1), (log, 2), (listener, MachinePlan.controlDescriptor),
                        ]))
            } catch { outcome = .failure(error) }
            started.change { $0 = outcome.map(\.identifier) }
            guard case .success(let child) = outcome else { return }
            var status: CInt = 0
            while waitpid(child.identifier, &status, 0) < 0 && errno == EINTR {}
            end.change { $0 = ChildProgram.exitStatus(status) }
        }
        guard isThreadStarted else { throw RigFailure(.environment, "no thread left") }
        let outcome = started.wait { $0 }
        if writing != log { close(writing) }
        switch outcome {
        case .success(let identifier): processIdentifier = identifier
        case .failure(let failure):
            close(log)
            if reading >= 0 { close(reading) }
            throw RigFailure(
                .environment, "cannot start QEMU: \(failure). Install qemu-system-x86 (and util-linux)")
        }
        if let console {
            _ = BlockingThread.start("rig console") { Self.copy(reading, to: log, console) }
        } else {
            close(log)
        }
    }

    private static func copy(_ source: CInt, to log: CInt, _ console: @Sendable ([UInt8]) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while case let count = read(source, &buffer, buffer.count), count != 0 {
            if count < 0 {
                guard errno == EINTR else { break }
                continue
            }
            _ = write(log, buffer, count)
            console(Array(buffer[..<count]))
        }
        close(source)
        close(log)
    }

    package var hasEnded: Bool { end.withLock { $0 != nil } }

    /// Waits for QEMU's own end.
    package func waitForEnd(atMost limit: Duration) -> Bool {
        end.wait(atMost: limit) { $0 == nil ? nil : true } ?? false
    }

    /// Ends it at once.
    package func kill() {
        if !hasEnded { Glibc.kill(processIdentifier, SIGKILL) }
        _ = waitForEnd(atMost: Self.goingOffLimit)
    }

    /// The end of what the guest said, for an error.
    package var lastWords: String { Self.lastWords(of: consolePath) }

    package static func lastWords(of console: String) -> String {
        let bytes = (try? FileAccess.read(console)) ?? []
        let lines = String(decoding: bytes.suffix(4096), as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.suffix(12).joined(separator: "\n")
    }
}

/// The unix socket on which QEMU waits for operators.
enum ControlSocket {
    static func listen(at path: String) throws(RigFailure) -> CInt {
        unlink(path)
        let number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw RigFailure("make a socket", errno: errno) }
        let status = try withAddress(path) { bind(number, $0, $1) == 0 ? Glibc.listen(number, 8) : -1 }
        guard status == 0, chmod(path, 0o600) == 0 else {
            let code = errno
            close(number)
            throw RigFailure(path, errno: code)
        }
        return number
    }

    static func connect(to path: String) throws(RigFailure) -> CInt {
        let number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw RigFailure("make a socket", errno: errno) }
        let status = try withAddress(path) { Glibc.connect(number, $0, $1) }
        guard status == 0 else {
            let code = errno
            close(number)
            throw RigFailure(path, errno: code)
        }
        _ = fcntl(number, F_SETFL, O_NONBLOCK)
        return number
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) throws(RigFailure) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw RigFailure(.environment, "\(path) is too long for the path of a socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
