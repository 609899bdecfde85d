package import Glibc

/// A started program; ends with SIGTERM when its owner is gone.
package struct ForeignRun: ~Copyable {
    package let identifier: pid_t
    private var isReaped = false

    /// - Parameter output: a file for its standard output; its errors go beside it, with ".err".
    package init(_ arguments: [String], output: String) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        let flags = O_WRONLY | O_CREAT | O_TRUNC
        posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, output + ".err", flags, 0o600)
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var started = pid_t()
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The threads of a task pool block all signals, and a child inherits that: it could not be ended.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var reset = sigset_t()
        sigemptyset(&reset)
        sigaddset(&reset, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &reset)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let status = posix_spawnp(&started, arguments[0], &actions, &attributes, &words, environ)
        guard status == 0 else {
            throw BenchmarkFailure("\(arguments[0]): \(String(cString: strerror(status)))")
        }
        identifier = started
    }

    deinit {
        guard !isReaped else { return }
        kill(identifier, SIGTERM)
        var status: CInt = 0
        let deadline = secondsNow() + Self.endSeconds
        while waitpid(identifier, &status, WNOHANG) == 0 {
            if secondsNow() > deadline { kill(identifier, SIGKILL) }
            usleep(5_000)
        }
    }

    /// After SIGTERM, before SIGKILL.
    private static let endSeconds = 5.0

    /// Whether it still runs.
    package mutating func isRunning() -> Bool {
        guard !isReaped else { return false }
        var status: CInt = 0
        isReaped = waitpid(identifier, &status, WNOHANG) == identifier
        return !isReaped
    }

    /// Waits for its end.
    ///
    /// - Throws: when it did not exit with 0, with what it said on standard error.
    package consuming func finish(_ name: String, output: String) throws {
        var status: CInt = 0
        while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
        isReaped = true
        guard status == 0 else {
            let words = (try? readText(output + ".err")) ?? ""
            throw BenchmarkFailure("\(name) failed (wait status \(status)): \(words)")
        }
    }

    /// Seconds of processor time so far, of all its threads, ended ones too.
    package func processorSeconds() throws -> Double {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(identifier, &clock) == 0, clock_gettime(clock, &time) == 0 else {
            throw BenchmarkFailure("no processor time of process \(identifier)")
        }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Runs a program to its end.
    package static func run(_ arguments: [String], output: String) throws {
        let run = try ForeignRun(arguments, output: output)
        try run.finish(arguments[0], output: output)
    }
}

package func readText(_ path: String) throws -> String {
    guard let file = fopen(path, "r") else {
        throw BenchmarkFailure("\(path): \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes += buffer[..<count]
    }
}

/// Monotonic seconds.
package func secondsNow() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}
