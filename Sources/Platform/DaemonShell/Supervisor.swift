import DescriptorPassing
import Glibc
import LinuxPlatform
import Threads

/// The program that started us, where it wants to know how we are (sd_notify(3)): one datagram of
/// `KEY=value` lines per piece of news, to the socket in NOTIFY_SOCKET.
package struct Supervisor: Sendable {
    package enum News: Equatable, Sendable {
        case ready
        case reloading
        case stopping
        /// For people, in `systemctl status`.
        case status(String)
        /// A sign of life, wanted within each ``Supervisor/watchdogInterval``.
        case alive
    }

    private let address: SocketAddress?
    /// How often a sign of life is wanted at the least; `nil` never.
    package let watchdogInterval: Duration?

    /// - Parameter environment: reads one variable.
    package init(environment: (String) -> String? = Self.environmentVariable) {
        address = environment("NOTIFY_SOCKET").flatMap { text in
            if text.hasPrefix("/") { return .path(text) }
            return text.hasPrefix("@") ? .abstract(String(text.dropFirst())) : nil
        }
        // WATCHDOG_PID says for whom it is: a child must not take it for its own.
        let isForUs = environment("WATCHDOG_PID").map { $0 == "\(getpid())" } ?? true
        let microseconds = isForUs ? environment("WATCHDOG_USEC").flatMap { Int64($0) } : nil
        watchdogInterval = microseconds.flatMap { $0 > 0 ? .microseconds($0) : nil }
    }

    /// - Returns: whether somebody wanted to know and was told.
    @discardableResult
    package func tell(_ news: News) -> Bool {
        guard let address else { return false }
        let text =
            switch news {
            case .ready: "READY=1"
            // The time says which READY answers it (sd_notify(3), MONOTONIC_USEC).
            case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(Self.microseconds(Monotonic.now))"
            case .stopping: "STOPPING=1"
            case .status(let status): "STATUS=\(status)"
            case .alive: "WATCHDOG=1"
            }
        return DescriptorSocket.sendDatagram(Array(text.utf8), to: address)
    }

    private static func microseconds(_ time: Duration) -> Int64 {
        let (seconds, attoseconds) = time.components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }

    package static func environmentVariable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
