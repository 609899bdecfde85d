/// Which message bus a daemon is on.
package enum DaemonBus: Equatable, Sendable {
    /// DBUS_SYSTEM_BUS_ADDRESS, or the well-known place.
    case system
    /// DBUS_SESSION_BUS_ADDRESS.
    case session
    case address(String)
}

/// Why a daemon ends; the raw value is its exit status.
package enum DaemonEnding: Int32, Sendable {
    case asked = 0
    /// Something that is needed is not to be had, or a second signal came. The log says which.
    case failed = 1
    /// The configuration has an error.
    case configuration = 2
}

/// The process cannot begin. What is wrong has been logged.
package struct DaemonFailure: Error, Sendable {
    package let ending: DaemonEnding
    package init(ending: DaemonEnding) { self.ending = ending }
}
