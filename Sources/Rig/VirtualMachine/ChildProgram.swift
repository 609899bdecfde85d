import CLinux
import Glibc
internal import Threads

/// A program of this machine, started as a child of this process.
///
/// Usually a group of its own, so that a Ctrl-C at the terminal reaches it only through us.
struct ChildProgram: Sendable {
    /// The most that is kept of what a program says.
    static let maximumOutputBytes = 4 << 20

    let identifier: pid_t
    private let hasOwnGroup: Bool

    enum Placement: Equatable {
        /// Our own group: what our terminal's keys do to us, they do to it.
        case ours
        case ownGroup
        /// Nothing that happens to our terminal touches it.
        case ownSession
        /// A session whose terminal this is, as standard input, output and error.
        case terminal(path: String)
    }

    /// - Parameters:
    ///   - arguments: the program first, looked up on the PATH.
    ///   - environment: "NAME=VALUE"; `nil` for this process's.
    ///   - descriptors: which of ours become which of its; it has no other.
    init(
        _ arguments: [String], environment: [String]? = nil, folder: String? = nil,
        placement: Placement = .ownGroup, descriptors: [(ours: CInt, its: CInt)] = []
    ) throws(RigFailure) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // First to numbers nobody uses, so that none is overwritten before it has been passed on.
        for (index, pair) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, pair.ours, 200 + CInt(index))
        }
        for (index, pair) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, 200 + CInt(index), pair.its)
        }
        if case .terminal(let path) = placement {
            // The first terminal that a session opens is its own.
            posix_spawn_file_actions_addopen(&actions, 0, path, O_RDWR, 0)
            posix_spawn_file_actions_adddup2(&actions, 0, 1)
            posix_spawn_file_actions_adddup2(&actions, 0, 2)
        }
        let most = descriptors.map(\.its).max() ?? 2
        for unset in 0..<3 where !descriptors.contains(where: { $0.its == unset }) && descriptors.count > 0 {
            posix_spawn_file_actions_addopen(&actions, CInt(unset), "/dev/null", O_RDWR, 0)
        }
        posix_spawn_file_actions_addclosefrom_np(&actions, max(most, 2) + 1)
        if let folder { posix_spawn_file_actions_addchdir_np(&actions, folder) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let grouping =
            switch placement {
            case .ours: CInt(0)
            case .ownGroup: CInt(POSIX_SPAWN_SETPGROUP)
            case .ownSession, .terminal: CInt(CLINUX_POSIX_SPAWN_SETSID)
            }
        hasOwnGroup = placement != .ours
        posix_spawnattr_setflags(
            &attributes, Int16(CInt(POSIX_SPAWN_SETSIGMASK) | CInt(POSIX_SPAWN_SETSIGDEF) | grouping))
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var settings: [UnsafeMutablePointer<CChar>?] = (environment ?? []).map { strdup($0) } + [nil]
        defer { settings.forEach { free($0) } }
        var child = pid_t()
        let status = settings.withUnsafeMutableBufferPointer { own in
            posix_spawnp(
                &child, arguments[0], &actions, &attributes, &words,
                environment == nil ? environ : own.baseAddress)
        }
        guard status == 0 else { throw RigFailure(arguments[0], errno: status) }
        identifier = child
    }

    /// To the program and all it started; to itself alone where it is in our group.
    func signal(_ number: CInt) { Glibc.kill(hasOwnGroup ? -identifier : identifier, number) }

    /// Waits for its end; kills it when the time is up. Called once.
    ///
    /// - Returns: its exit status, 128 and the signal where one ended it; `nil` when it was killed here.
    func wait(atMost limit: Duration) -> Int32? {
        let handle = clinux_pidfd_open(identifier, 0)
        defer { if handle >= 0 { close(handle) } }
        var watched = pollfd(fd: handle, events: Int16(POLLIN), revents: 0)
        let deadline = Monotonic.now + limit
        var isOver = false
        while !isOver, Monotonic.now < deadline {
            isOver = poll(&watched, 1, CInt((deadline - Monotonic.now).wholeMilliseconds)) > 0
        }
        if !isOver { signal(SIGKILL) }
        let status = reap()
        return isOver ? status : nil
    }

    private func reap() -> Int32 {
        var status: CInt = 0
        while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
        return Self.exitStatus(status)
    }

    /// - Parameter status: as waitpid gives it.
    static func exitStatus(_ status: CInt) -> Int32 {
        status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    // MARK: To the end

    struct Result {
        let status: Int32
        let output: [UInt8]
        /// Its last words on standard error.
        let complaint: String
    }

    /// Runs a program to its end and keeps what it says.
    ///
    /// - Parameter output: where standard output goes; `nil` to keep it.
    /// - Throws: when it cannot be started, does not end in time or fails.
    @discardableResult
    static func run(
        _ arguments: [String], folder: String? = nil, within limit: Duration, input: String? = nil,
        output: CInt? = nil
    ) throws(RigFailure) -> Result {
        let words = tmpfile()
        let errors = tmpfile()
        defer {
            if let words { fclose(words) }
            if let errors { fclose(errors) }
        }
        guard let words, let errors else { throw RigFailure("make a temporary file", errno: errno) }
        let source = open(input ?? "/dev/null", O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw RigFailure(input ?? "/dev/null", errno: errno) }
        defer { close(source) }
        let child = try ChildProgram(
            arguments, folder: folder,
            descriptors: [(source, 0), (output ?? fileno(words), 1), (fileno(errors), 2)])
        let status = child.wait(atMost: limit)
        let complaint = String(decoding: content(of: errors), as: UTF8.self)
        guard let status else {
            throw RigFailure(.late, "\(arguments.joined(separator: " ")): not over after \(limit)")
        }
        guard status == 0 else {
            let said = complaint.split(separator: "\n").suffix(4).joined(separator: " / ")
            throw RigFailure(
                .environment, "\(arguments.joined(separator: " ")): exit status \(status): \(said)")
        }
        return Result(status: status, output: content(of: words), complaint: complaint)
    }

    private static func content(of file: UnsafeMutablePointer<FILE>) -> [UInt8] {
        rewind(file)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < maximumOutputBytes, case let count = fread(&buffer, 1, buffer.count, file),
            count > 0
        {
            bytes += buffer[..<count]
        }
        return bytes
    }
}
