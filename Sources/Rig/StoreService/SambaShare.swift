import CLinux
import Glibc
import Threads

/// Debian's smbd serving a folder, as a child of this process: loopback only, a port and a configuration
/// of its own, nothing of it outside a private folder.
package final class SambaShare: Sendable {
    package struct Configuration: Sendable {
        package var folder: String
        package var port: UInt16
        package var isReadOnly = true
        package var shareName = "images"
        /// Clients must name these; without a user everybody is a guest.
        package var user: String?
        package var password: String?
        /// The newest dialect on offer: "SMB3_11", "SMB2_02", "NT1".
        package var maximumProtocol: String?
        /// smbd's own folder: configuration, databases, logs.
        package var stateFolder: String

        package init(folder: String, port: UInt16, stateFolder: String) {
            self.folder = folder
            self.port = port
            self.stateFolder = stateFolder
        }
    }

    /// Within this it listens, or it does not start.
    package static let startTimeout = Duration.seconds(20)
    /// After SIGTERM, before SIGKILL.
    package static let stopTimeout = Duration.seconds(5)

    package let configuration: Configuration
    private let state = Monitor(State())

    private struct State {
        /// Leader of the group of all its processes; `nil` when none runs.
        var process: pid_t?
        /// Open as long as it shall run: smbd ends when its standard input does, so it also ends with us.
        var lifeline: CInt = -1
    }

    package static let program = "/usr/sbin/smbd"
    package static let passwordProgram = "/usr/bin/smbpasswd"

    /// Whether Debian's samba is installed.
    package static var isInstalled: Bool { access(program, X_OK) == 0 }

    package var url: String { "smb://127.0.0.1:\(configuration.port)/\(configuration.shareName)" }

    /// Listens when it returns.
    package init(_ configuration: Configuration) throws(StoreFailure) {
        guard Self.isInstalled else {
            throw StoreFailure("\(Self.program) is not there: apt-get install samba")
        }
        guard geteuid() == 0 else { throw StoreFailure("smbd serves nobody unless root starts it") }
        self.configuration = configuration
        try Self.prepare(configuration)
        try start()
    }

    /// Starts it, or starts it again after it was killed.
    package func start() throws(StoreFailure) {
        guard !isRunning else { return }
        let folder = configuration.stateFolder
        let (process, lifeline) = try Self.start(
            [
                Self.program, "--foreground", "--no-process-group", "--configfile=\(folder)/smb.conf",
            ], output: "\(folder)/smbd.out")
        state.change { $0 = State(process: process, lifeline: lifeline) }
        watch(process)
        guard waitUntilListening() else {
            stop()
            throw StoreFailure(
                "smbd does not listen on port \(configuration.port): \(Self.end(of: "\(folder)/smbd.log"))")
        }
    }

    /// Whether the server runs, paused or not.
    package var isRunning: Bool { state.withLock { $0.process != nil } }

    /// Whether a process is one of the server's.
    package func owns(_ process: Int32) -> Bool {
        guard let leader = state.withLock({ $0.process }) else { return false }
        return getpgid(process) == leader
    }

    /// Halts every process of the server, as a machine that hangs; connections stay open.
    package func pause() { signalAll(SIGSTOP) }
    package func resume() { signalAll(SIGCONT) }

    /// Ends every process of the server at once.
    package func kill() {
        signalAll(SIGKILL)
        _ = state.wait(atMost: Self.stopTimeout) { $0.process == nil ? true : nil }
    }

    /// Ends it in order, then by force. Harmless when repeated.
    package func stop() {
        guard isRunning else { return }
        signalAll(SIGCONT)
        signalAll(SIGTERM)
        if state.wait(atMost: Self.stopTimeout, for: { $0.process == nil ? true : nil }) == nil { kill() }
    }

    /// Parent and children: smbd forks for each connection, all in one process group.
    private func signalAll(_ number: CInt) {
        if let process = state.withLock({ $0.process }) { Glibc.kill(-process, number) }
    }

    // MARK: Starting

    private static func prepare(_ configuration: Configuration) throws(StoreFailure) {
        for folder in ["private", "state", "cache", "lock", "pid", "ncalrpc"] {
            let path = "\(configuration.stateFolder)/\(folder)"
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw StoreFailure(path, errno: errno) }
        }
        let path = "\(configuration.stateFolder)/smb.conf"
        guard let file = fopen(path, "we") else { throw StoreFailure(path, errno: errno) }
        fputs(text(configuration), file)
        guard fclose(file) == 0 else { throw StoreFailure(path, errno: errno) }
        if let user = configuration.user { try setPassword(configuration, user: user) }
    }

    /// See smb.conf(5).
    static func text(_ configuration: Configuration) -> String {
        let state = configuration.stateFolder
        var lines = [
            "[global]", "interfaces = 127.0.0.1/8", "bind interfaces only = yes",
            "smb ports = \(configuration.port)", "disable netbios = yes", "server role = standalone server",
            "workgroup = MEDIARIG", "private dir = \(state)/private", "state directory = \(state)/state",
            "cache directory = \(state)/cache", "lock directory = \(state)/lock",
            "pid directory = \(state)/pid", "ncalrpc dir = \(state)/ncalrpc", "passdb backend = tdbsam",
            "load printers = no", "printing = bsd", "printcap name = /dev/null", "disable spoolss = yes",
            "log level = 1", "log file = \(state)/smbd.log", "max log size = 10000",
            "server min protocol = NT1", "strict sync = yes", "sync always = no",
            // What a fault does to a read or write must show at once, not after smbd's own caches.
            "use sendfile = no", "aio read size = 1", "aio write size = 1", "kernel oplocks = no",
            "store dos attributes = no", "ea support = no", "unix extensions = no",
        ]
        if let newest = configuration.maximumProtocol { lines.append("server max protocol = \(newest)") }
        if configuration.user == nil {
            lines += ["map to guest = Bad User", "guest account = root"]
        } else {
            lines.append("map to guest = Never")
        }
        lines += [
            "", "[\(configuration.shareName)]", "path = \(configuration.folder)",
            "read only = \(configuration.isReadOnly ? "yes" : "no")",
            "guest ok = \(configuration.user == nil ? "yes" : "no")",
            "guest only = \(configuration.user == nil ? "yes" : "no")",
            "force user = root", "oplocks = no", "level2 oplocks = no", "posix locking = no", "",
        ]
        return lines.joined(separator: "\n")
    }

    /// The account is of smbd's own database; the password goes through a pipe, never through an argument.
    private static func setPassword(_ configuration: Configuration, user: String) throws(StoreFailure) {
        guard getpwnam(user) != nil else {
            throw StoreFailure(
                "smbd knows only users of this machine, and \"\(user)\" is none: take \"root\" or another")
        }
        let password = configuration.password ?? ""
        let (child, input) = try start(
            [passwordProgram, "-c", "\(configuration.stateFolder)/smb.conf", "-s", "-a", user],
            output: "\(configuration.stateFolder)/smbpasswd.log")
        // Far less than a pipe holds.
        let bytes = Array("\(password)\n\(password)\n".utf8)
        _ = write(input, bytes, bytes.count)
        close(input)
        var status: CInt = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
        guard status == 0 else {
            throw StoreFailure(
                "smbpasswd failed: \(end(of: "\(configuration.stateFolder)/smbpasswd.log"))")
        }
    }

    /// The last that a program said: its log goes away with the private folder.
    private static func end(of log: String) -> String {
        guard let file = fopen(log, "re") else { return "it said nothing" }
        defer { fclose(file) }
        fseek(file, -Self.quotedBytes, SEEK_END)
        var bytes = [UInt8](repeating: 0, count: Self.quotedBytes)
        let count = fread(&bytes, 1, bytes.count, file)
        let words = String(decoding: bytes[..<count], as: UTF8.self).split(whereSeparator: \.isNewline)
        return words.suffix(4).joined(separator: " / ")
    }

    /// Of a log, in an error.
    private static let quotedBytes = 600

    /// - Returns: the process, and the other end of its standard input.
    private static func start(_ arguments: [String], output: String) throws(StoreFailure) -> (pid_t, CInt) {
        var ends: [CInt] = [-1, -1]
        // A pipe: a socket there would be a client to serve, as inetd hands it over.
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw StoreFailure("make a pipe", errno: errno) }
        defer { close(ends[0]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        // A group of its own, so that a Ctrl-C at our terminal does not end it before we do.
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var child = pid_t()
        let status = posix_spawn(&child, arguments[0], &actions, &attributes, &words, environ)
        guard status == 0 else {
            close(ends[1])
            throw StoreFailure(arguments[0], errno: status)
        }
        return (child, ends[1])
    }

    private func watch(_ process: pid_t) {
        let isWatched = BlockingThread.start("store smbd") { [self] in
            var status: CInt = 0
            while waitpid(process, &status, 0) < 0 && errno == EINTR {}
            state.change { state in
                close(state.lifeline)
                state = State()
            }
        }
        precondition(isWatched, "no thread left to watch smbd")
    }

    private func waitUntilListening() -> Bool {
        let deadline = Monotonic.now + Self.startTimeout
        let address = ControlAddress.loopback(port: configuration.port)
        while isRunning, Monotonic.now < deadline {
            let probe = address.newSocket()
            guard probe >= 0 else { return false }
            let isListening = address.withSocketAddress { connect(probe, $0, $1) } == 0
            close(probe)
            if isListening { return true }
            _ = state.wait(atMost: .milliseconds(20)) { $0.process == nil ? true : nil }
        }
        return false
    }
}
