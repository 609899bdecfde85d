import CLinux
import Glibc
package import GuestControl
internal import WireFormat

/// The first process of a guest: runs one command after another for whoever speaks on the control port.
///
/// All on one thread, which waits for descriptors. What cannot be passed on yet is not read either: the operator
/// who does not read holds up the command, as a terminal would.
package final class GuestAgent {
    /// Before it is looked again whether an operator has come: the port says so to nobody who waits.
    private static let absencePause: CInt = 20
    /// A machine of one operator goes off when none has come for so long.
    private static let loneliness = 15_000 / Int(absencePause)
    /// Of output that waits for the port.
    private static let maximumUnsentBytes = 64 << 10

    /// More than a pipe holds, by the size of a read.
    private static let maximumLastReads = 8

    private let port: CInt
    private let goesOffWithOperator: Bool
    private var session: AgentSession
    private var command: GuestCommand?
    private var unsent: [UInt8] = []
    private var unwritten: [UInt8] = []
    private var isInputEnding = false
    private var isGoingOff = false
    private var emptyLooks = 0

    /// Never returns.
    package static func main() -> Never {
        // What a shell would have set up for it.
        signal(SIGPIPE, SIG_IGN)
        ChildEvents.start()
        do throws(RigFailure) {
            try GuestAgent().serve()
        } catch { complain("\(error)") }
        goOff()
    }

    private init() throws(RigFailure) {
        let words = (FileAccess.line(of: "/proc/cmdline") ?? "").split(separator: " ")
        guard let text = words.first(where: { $0.hasPrefix("mediarig.token=") }),
            let token = SessionToken(hexadecimal: text.dropFirst("mediarig.token=".count))
        else { throw RigFailure(.environment, "no token on the kernel's command line") }
        goesOffWithOperator = words.contains("mediarig.once")
        port = try Self.openPort()
        session = AgentSession(token: token, kernel: FileAccess.line(of: "/proc/sys/kernel/osrelease") ?? "")
    }

    private static func openPort() throws(RigFailure) -> CInt {
        let folder = "/sys/class/virtio-ports"
        for entry in FileAccess.names(in: folder)
        where FileAccess.line(of: "\(folder)/\(entry)/name") == MachinePlan.controlPort {
            let port = open("/dev/\(entry)", O_RDWR | O_NONBLOCK | O_CLOEXEC)
            guard port >= 0 else { throw RigFailure("/dev/\(entry)", errno: errno) }
            return port
        }
        throw RigFailure(.environment, "there is no port \(MachinePlan.controlPort)")
    }

    // MARK: The loop

    private func serve() throws(RigFailure) {
        while !isGoingOff {
            reapChildren()
            let isAnswering = unsent.count < Self.maximumUnsentBytes
            var watched = [
                pollfd(fd: port, events: Int16(POLLIN | (unsent.isEmpty ? 0 : POLLOUT)), revents: 0),
                pollfd(fd: ChildEvents.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isAnswering ? command?.output ?? -1 : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isAnswering ? command?.error ?? -1 : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: unwritten.isEmpty ? -1 : command?.input ?? -1, events: Int16(POLLOUT), revents: 0),
            ]
            guard poll(&watched, nfds_t(watched.count), -1) >= 0 || errno == EINTR else {
                throw RigFailure("poll", errno: errno)
            }
            if watched[1].revents != 0 { ChildEvents.clear() }
            if watched[0].revents & Int16(POLLHUP) != 0 {
                noteAbsence()
                continue
            }
            emptyLooks = 0
            if watched[0].revents & Int16(POLLIN) != 0 { receive() }
            send()
            if watched[2].revents != 0 { forward(.output) }
            if watched[3].revents != 0 { forward(.error) }
            if watched[4].revents != 0 { feed() }
        }
    }

    private func noteAbsence() {
        let wasInSession = session.isInSession
        perform(session.disconnected())
        emptyLooks += 1
        if goesOffWithOperator, wasInSession || emptyLooks > Self.loneliness {
            isGoingOff = true
            return
        }
        _ = poll(nil, 0, Self.absencePause)
    }

    private func receive() {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = read(port, &buffer, buffer.count)
        if count > 0 { perform(session.received(buffer[..<count])) }
    }

    private func send() {
        while !unsent.isEmpty {
            let count = unsent.withUnsafeBytes { write(port, $0.baseAddress!, $0.count) }
            guard count > 0 else { return }
            unsent.removeFirst(count)
        }
    }

    private func perform(_ actions: [AgentSession.Action]) {
        for action in actions {
            switch action {
            case .send(let bytes): unsent += bytes
            case .start(let request): start(request)
            case .write(let bytes):
                unwritten += bytes
                feed()
            case .closeInput:
                isInputEnding = true
                feed()
            case .signal(let number): command?.signal(CInt(number))
            case .resize(let rows, let columns): command?.resize(rows: rows, columns: columns)
            case .kill: endCommand()
            case .dropUnsent: unsent = []
            case .powerOff: isGoingOff = true
            }
        }
    }

    // MARK: The command

    private func start(_ request: CommandRequest) {
        // A machine that stays outlives many a file that is built anew outside, and the kernel would go on with
        // what it has of the old one.
        if !goesOffWithOperator { forgetFiles() }
        do throws(RigFailure) { command = try GuestCommand(request) } catch {
            perform(session.failedToStart(errno: ENOENT, reason: "\(error)"))
        }
    }

    private func forgetFiles() {
        let file = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = write(file, "3", 1)
        close(file)
    }

    private func endCommand() {
        command?.signal(SIGKILL)
        forgetCommand()
    }

    private func forgetCommand() {
        command?.close()
        command = nil
        unwritten = []
        isInputEnding = false
    }

    /// - Returns: whether there was anything.
    @discardableResult
    private func forward(_ stream: CommandStream) -> Bool {
        guard let command else { return false }
        var buffer = [UInt8](repeating: 0, count: AgentSession.maximumOutputBytes)
        let count = read(stream == .output ? command.output : command.error, &buffer, buffer.count)
        if count > 0 {
            perform(session.wrote(Array(buffer[..<count]), to: stream))
            send()
            return true
        }
        // A terminal whose last user is gone reads as EIO.
        if count == 0 || errno != EAGAIN && errno != EINTR { command.closeStream(stream) }
        return false
    }

    private func feed() {
        guard let command else { return }
        guard command.input >= 0 else { return drop() }
        while !unwritten.isEmpty {
            let count = unwritten.withUnsafeBytes { write(command.input, $0.baseAddress!, $0.count) }
            if count <= 0 {
                if count < 0, errno == EAGAIN || errno == EINTR { return }
                command.closeInput()
                return drop()
            }
            unwritten.removeFirst(count)
            perform(session.tookInput(byteCount: count))
        }
        if isInputEnding { command.endInput() }
    }

    /// Nobody will ever read it.
    private func drop() {
        let count = unwritten.count
        unwritten = []
        perform(session.tookInput(byteCount: count))
    }

    /// The first process inherits every orphan of the guest.
    private func reapChildren() {
        var status: CInt = 0
        while case let child = waitpid(-1, &status, WNOHANG), child > 0 {
            guard let command, command.identifier == child else { continue }
            session.exited(
                status & 0x7F == 0
                    ? .exited(UInt8(truncatingIfNeeded: status >> 8)) : .killed(signal: UInt8(status & 0x7F)))
            // What it wrote last is in the pipes; what others of its session still write is not waited for.
            for stream in [CommandStream.output, .error] {
                var reads = 0
                while reads < Self.maximumLastReads, forward(stream) {
                    drain()
                    reads += 1
                }
            }
            perform(session.drained())
            forgetCommand()
        }
    }

    /// Makes room, for an operator who reads.
    private func drain() {
        while unsent.count >= Self.maximumUnsentBytes {
            var watched = pollfd(fd: port, events: Int16(POLLOUT), revents: 0)
            _ = poll(&watched, 1, -1)
            guard watched.revents & Int16(POLLHUP) == 0 else { return unsent = [] }
            send()
        }
    }

    // MARK: The end

    private static func complain(_ text: String) {
        let bytes = Array("mediarig: \(text)\n".utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }

    private static func goOff() -> Never {
        sync()
        reboot(CInt(CLINUX_POWER_OFF))
        // The kernel would panic if the first process ended.
        while true { pause() }
    }
}

/// Tells, through a descriptor, that a child of this process ended.
private enum ChildEvents {
    /// Written once, before the handler that reads it is set.
    private(set) nonisolated(unsafe) static var descriptor: CInt = -1

    static func start() {
        descriptor = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
        signal(SIGCHLD, handler)
    }

    static func clear() {
        var sum: eventfd_t = 0
        eventfd_read(descriptor, &sum)
    }

    /// Only calls what may be called from a signal handler (signal-safety(7)).
    private static let handler: @convention(c) (CInt) -> Void = { _ in eventfd_write(descriptor, 1) }
}

extension SessionToken {
    package init?(hexadecimal text: some StringProtocol) {
        guard let bytes = Hexadecimal.bytes(text), bytes.count == Self.byteCount else { return nil }
        self.init(bytes)
    }
}
