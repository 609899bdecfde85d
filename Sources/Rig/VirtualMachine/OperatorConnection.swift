import CLinux
import Glibc
internal import GuestControl
internal import Threads
internal import WireFormat

/// A session with a guest's agent, over QEMU's socket.
package final class OperatorConnection {
    private var socket: CInt
    private var session: OperatorSession
    private var unsent: [UInt8] = []
    private var result: CommandEnd?
    private var kernel: String?

    /// What a command is connected to on this side. -1 for nothing.
    package struct Streams: Sendable {
        package var input: CInt = -1
        package var output: CInt = STDOUT_FILENO
        package var error: CInt = STDERR_FILENO
        /// Bytes with signal numbers to be passed on, or 0 when the size of the terminal changed.
        package var signals: CInt = -1

        package init() {}
    }

    package init(to socketPath: String, token: String) throws(RigFailure) {
        guard let token = SessionToken(hexadecimal: token) else {
            throw RigFailure(.environment, "the rig's state has no proper token")
        }
        socket = try ControlSocket.connect(to: socketPath)
        session = OperatorSession(token: token, session: .random(in: 0 ... .max))
        unsent = session.opening
    }

    deinit { close() }

    /// Whoever is behind it notices at once.
    package func close() {
        if socket >= 0 { Glibc.close(socket) }
        socket = -1
    }

    /// Waits for the agent.
    ///
    /// - Returns: the release of the guest's kernel.
    package func waitUntilReady(within limit: Duration, isAlive: () -> Bool = { true })
        throws(RigFailure) -> String
    {
        let deadline = Monotonic.now + limit
        while kernel == nil {
            guard Monotonic.now < deadline else {
                throw RigFailure(
                    .late, "the guest did not answer within \(limit); somebody else may be using it")
            }
            guard isAlive() else { throw RigFailure(.environment, "the guest ended before it was up") }
            try turn(Streams(), until: deadline, listensToInput: false)
        }
        return kernel ?? ""
    }

    /// Runs a command to its end. The agent must be ready.
    ///
    /// - Throws: `.late` at the deadline.
    package func run(_ request: GuestRequest, _ streams: Streams, within limit: Duration?)
        throws(RigFailure) -> Int32
    {
        unsent += session.run(request.request)
        // Without a limit, for as long as a process lives.
        let deadline = Monotonic.now + (limit ?? .seconds(1 << 30))
        if streams.input < 0 { unsent += session.input([]) }
        while true {
            if let result { return result.status }
            guard Monotonic.now < deadline else {
                throw RigFailure(.late, "the command was not over after \(limit ?? .zero)")
            }
            try turn(streams, until: deadline, listensToInput: true)
        }
    }

    /// Tells the guest to go off, and waits until QEMU has gone with it: an operator who leaves at once is not
    /// listened to any more.
    ///
    /// - Throws: when it has not gone within the limit.
    package func powerOff(within limit: Duration) throws(RigFailure) {
        unsent += ControlMessage.powerOff.encoded
        let deadline = Monotonic.now + limit
        while Monotonic.now < deadline {
            do throws(RigFailure) { try turn(Streams(), until: deadline, listensToInput: false) } catch {
                return
            }
        }
        throw RigFailure(.late, "the guest did not go off within \(limit)")
    }

    // MARK: One turn

    /// The longest wait, after which the caller looks whether the guest is still alive.
    private static let turnLimit = 500

    private func turn(_ streams: Streams, until deadline: Duration, listensToInput: Bool) throws(RigFailure) {
        let wantsInput = listensToInput && session.wantsInput && unsent.isEmpty && streams.input >= 0
        var watched = [
            pollfd(fd: socket, events: Int16(POLLIN | (unsent.isEmpty ? 0 : POLLOUT)), revents: 0),
            pollfd(fd: wantsInput ? streams.input : -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: listensToInput ? streams.signals : -1, events: Int16(POLLIN), revents: 0),
        ]
        let wait = min(Self.turnLimit, (deadline - Monotonic.now).wholeMilliseconds)
        guard poll(&watched, nfds_t(watched.count), CInt(wait)) >= 0 || errno == EINTR else {
            throw RigFailure("poll", errno: errno)
        }
        if watched[2].revents & Int16(POLLIN) != 0 { passSignals(from: streams) }
        if watched[1].revents != 0 { passInput(from: streams.input) }
        try send()
        if watched[0].revents & Int16(POLLIN | POLLHUP) != 0 { try receive(streams) }
    }

    private func send() throws(RigFailure) {
        while !unsent.isEmpty {
            let count = unsent.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            guard count > 0 else { throw RigFailure(.environment, "the guest has gone") }
            unsent.removeFirst(count)
        }
    }

    private func passInput(from descriptor: CInt) {
        var buffer = [UInt8](repeating: 0, count: OperatorSession.maximumInputBytes)
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        unsent += session.input(Array(buffer[..<max(0, count)]))
    }

    private func passSignals(from streams: Streams) {
        var numbers = [UInt8](repeating: 0, count: 16)
        let count = read(streams.signals, &numbers, numbers.count)
        for number in numbers[..<max(0, count)] {
            if number == 0 {
                if let size = TerminalMode.size(of: streams.output) {
                    unsent += session.resize(rows: size.rows, columns: size.columns)
                }
            } else {
                unsent += session.signal(number)
            }
        }
    }

    private func receive(_ streams: Streams) throws(RigFailure) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = read(socket, &buffer, buffer.count)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        guard count > 0 else { throw RigFailure(.environment, "the guest has gone") }
        let actions: [OperatorSession.Action]
        do throws(ControlViolation) { actions = try session.received(buffer[..<count]) } catch {
            throw RigFailure(.environment, "the guest's agent: \(error)")
        }
        for action in actions {
            switch action {
            case .send(let bytes): unsent += bytes
            case .ready(let release): kernel = release
            case .write(let stream, let bytes):
                try put(bytes, on: stream == .output ? streams.output : streams.error)
            case .finish(let end): result = end
            case .refused(let reason): throw RigFailure(.usage, reason)
            }
        }
    }

    private func put(_ bytes: [UInt8], on descriptor: CInt) throws(RigFailure) {
        guard descriptor >= 0 else { return }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress!, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN {
                    var watched = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&watched, 1, -1)
                    continue
                }
                // A reader who has seen enough: as a shell does it, the command is told so by a signal.
                guard errno != EPIPE else {
                    unsent += session.signal(UInt8(SIGPIPE))
                    return
                }
                throw RigFailure("write what the command said", errno: errno)
            }
            rest.removeFirst(count)
        }
    }
}

/// A command for a guest, without its protocol.
package struct GuestRequest: Sendable {
    private(set) var request: CommandRequest

    /// - Parameter environment: "NAME=VALUE", all of it.
    package init(_ arguments: [String], environment: [String], folder: String) {
        request = CommandRequest(arguments, environment: environment, folder: folder)
    }

    mutating func hasTerminal(of size: (rows: UInt16, columns: UInt16)) {
        request.terminal = .init(rows: size.rows, columns: size.columns)
    }
}

/// The user's terminal, for as long as a shell in a guest uses it.
struct TerminalMode {
    private let descriptor: CInt
    private var before = termios()

    /// Passes every key on. - Returns: `nil` when the descriptor is no terminal.
    init?(raw descriptor: CInt) {
        self.descriptor = descriptor
        guard tcgetattr(descriptor, &before) == 0 else { return nil }
        var raw = before
        cfmakeraw(&raw)
        tcsetattr(descriptor, TCSANOW, &raw)
    }

    func restore() {
        var before = self.before
        tcsetattr(descriptor, TCSANOW, &before)
    }

    static func size(of descriptor: CInt) -> (rows: UInt16, columns: UInt16)? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return (size.ws_row, size.ws_col)
    }
}
