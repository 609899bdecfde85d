import CLinux
import Glibc
internal import GuestControl

/// A command that runs in the guest, with our ends of its pipes or of its terminal. No end of ours ever waits.
final class GuestCommand {
    let identifier: pid_t
    /// -1 once closed, as the others.
    private(set) var input: CInt
    private(set) var output: CInt
    private(set) var error: CInt
    private let hasTerminal: Bool

    init(_ request: CommandRequest) throws(RigFailure) {
        guard access(request.folder, X_OK) == 0 else { throw RigFailure(request.folder, errno: errno) }
        // The search for the program happens in this process.
        if let path = request.environment.first(where: { $0.hasPrefix("PATH=") }) {
            setenv("PATH", String(path.dropFirst(5)), 1)
        }
        hasTerminal = request.terminal != nil
        if let size = request.terminal {
            let (ours, path) = try Self.terminal(size)
            do throws(RigFailure) {
                identifier = try ChildProgram(
                    request.arguments, environment: request.environment, folder: request.folder,
                    placement: .terminal(path: path)
                ).identifier
            } catch {
                Glibc.close(ours)
                throw error
            }
            (input, output, self.error) = (ours, ours, -1)
            return
        }
        var ends: [[CInt]] = []
        for _ in 0..<3 {
            var pair: [CInt] = [-1, -1]
            guard pipe2(&pair, O_CLOEXEC) == 0 else { throw RigFailure("make a pipe", errno: errno) }
            ends.append(pair)
        }
        let (first, second, third) = (ends[0], ends[1], ends[2])
        let its = [first[0], second[1], third[1]]
        let ours = [first[1], second[0], third[0]]
        defer { its.forEach { Glibc.close($0) } }
        do throws(RigFailure) {
            identifier = try ChildProgram(
                request.arguments, environment: request.environment, folder: request.folder,
                placement: .ownSession,
                descriptors: [(its[0], 0), (its[1], 1), (its[2], 2)]
            ).identifier
        } catch {
            ours.forEach { Glibc.close($0) }
            throw error
        }
        for descriptor in ours { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
        (input, output, self.error) = (ours[0], ours[1], ours[2])
    }

    /// A pseudo-terminal: our end, and the path of the command's.
    private static func terminal(_ size: CommandRequest.TerminalSize) throws(RigFailure)
        -> (ours: CInt, path: String)
    {
        let ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        guard ours >= 0, grantpt(ours) == 0, unlockpt(ours) == 0, let name = ptsname(ours) else {
            throw RigFailure("make a terminal", errno: errno)
        }
        setSize(ours, rows: size.rows, columns: size.columns)
        return (ours, String(cString: name))
    }

    private static func setSize(_ terminal: CInt, rows: UInt16, columns: UInt16) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(terminal, UInt(TIOCSWINSZ), &size)
    }

    func resize(rows: UInt16, columns: UInt16) {
        if hasTerminal { Self.setSize(output, rows: rows, columns: columns) }
    }

    func signal(_ number: CInt) { kill(-identifier, number) }

    func closeStream(_ stream: CommandStream) {
        switch stream {
        case .output:
            if !hasTerminal { Glibc.close(output) }
            output = -1
        case .error:
            Glibc.close(error)
            error = -1
        }
    }

    /// A terminal has no end of input but a key for it.
    func endInput() {
        if !hasTerminal { closeInput() }
    }

    func closeInput() {
        if input >= 0, !hasTerminal { Glibc.close(input) }
        input = -1
    }

    /// Everything that is still open.
    func close() {
        if hasTerminal {
            let terminal = max(input, output)
            if terminal >= 0 { Glibc.close(terminal) }
        } else {
            for descriptor in [input, output, error] where descriptor >= 0 { Glibc.close(descriptor) }
        }
        (input, output, error) = (-1, -1, -1)
    }
}
