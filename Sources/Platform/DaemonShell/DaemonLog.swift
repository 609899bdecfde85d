import Glibc

/// How much a line of the log matters.
package enum LogLevel: String, Comparable, Sendable, CaseIterable {
    case error, warning, notice, info, debug

    /// syslog's number.
    package var priority: Int {
        switch self {
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug: 7
        }
    }

    package static func < (one: LogLevel, other: LogLevel) -> Bool { one.priority < other.priority }
}

/// Lines on standard error. The journal is told each line's level as sd-daemon(3) has it; a terminal gets
/// the program's name instead.
package struct DaemonLog: Sendable {
    package let level: LogLevel
    private let program: String
    private let isJournal: Bool
    private let put: @Sendable (String) -> Void

    /// - Parameters:
    ///   - program: whose log it is, where a line has to say so.
    ///   - put: takes whole lines, with their newline, in one call.
    package init(
        _ program: String, level: LogLevel, isJournal: Bool = getenv("JOURNAL_STREAM") != nil,
        put: @escaping @Sendable (String) -> Void = DaemonLog.putOnStandardError
    ) {
        self.program = program
        self.level = level
        self.isJournal = isJournal
        self.put = put
    }

    package func callAsFunction(_ level: LogLevel, _ text: @autoclosure () -> String) {
        guard level <= self.level else { return }
        // One line each: a text from outside must not be able to make up another.
        let line = String(text().unicodeScalars.map { $0.value < 32 ? " " : Character($0) })
        put(isJournal ? "<\(level.priority)>\(line)\n" : "\(program): \(level.rawValue): \(line)\n")
    }

    /// One write per line, so that lines of several threads do not mix.
    package static let putOnStandardError: @Sendable (String) -> Void = { line in
        let bytes = Array(line.utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
