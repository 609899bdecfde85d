import ArgumentParser
@preconcurrency import Glibc

/// How every command ends.
enum ExitStatus: Int32 {
    case passed = 0
    /// Wrong data, or a broken invariant.
    case failed = 1
    case usage = 2
    /// Something did not end within its deadline.
    case notLive = 3
    /// Nothing wrong was seen, but nothing was proven either.
    case unproven = 5
    /// The machine lacks something, or the rig itself failed.
    case environmentMissing = 6
}

enum Console {
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Lines come out as they are printed, whatever stdout is; a writer gone away is no signal.
    static func prepare() {
        setvbuf(stdout, nil, _IOLBF, 0)
        signal(SIGPIPE, SIG_IGN)
    }

    /// What was printed must have arrived, or success would be claimed of nothing. A reader who has seen
    /// enough and left (`| head`) is no failure.
    static func finishOutput() throws {
        guard fflush(stdout) != 0 || ferror(stdout) != 0 else { return }
        var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        let hasReaderLeft = poll(&output, 1, 0) > 0 && output.revents & Int16(POLLERR) != 0
        if hasReaderLeft { return }
        complain("standard output did not take everything: is the disk full?")
        throw ExitCode(ExitStatus.environmentMissing.rawValue)
    }

    static func complain(_ text: String) {
        fputs("mediarig: \(text)\n", stderr)
    }
}
