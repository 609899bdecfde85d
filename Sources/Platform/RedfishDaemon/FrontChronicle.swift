import DBusProtocol
import DaemonShell
import RedfishServer
import Synchronization
import VirtualMedia

/// What happens in front of the virtual media service, as lines of a log. A URL is never in it, since some hold a
/// secret.
struct FrontChronicle: Sendable {
    let log: DaemonLog

    /// Until cancelled, or the changes end.
    func follow(_ changes: AsyncStream<MediaSlotChange>) async {
        var present: Set<String> = []
        for await change in changes {
            let wasThere = !present.isEmpty
            if let slot = change.new { present.insert(slot.path) }
            if let slot = change.old, change.new == nil { present.remove(slot.path) }
            if present.isEmpty != !wasThere {
                if wasThere {
                    log(.warning, "the virtual media service is gone")
                } else {
                    log(.notice, "the virtual media service is there")
                }
            }
            guard let slot = change.new, slot.isActive != (change.old?.isActive ?? false) else { continue }
            log(.notice, "\(slot.name): \(slot.isActive ? "inserted" : "empty")")
        }
    }

    func audit(_ entry: AuditEntry) {
        let who = entry.userName.isEmpty ? "nobody" : entry.userName
        log(
            [401, 403].contains(entry.status) ? .warning : .info,
            "\(who) at \(entry.address): \(entry.action): \(entry.status)")
    }
}

/// The bus, with its comings and goings in the log.
struct ChronicledBus: BusConnector {
    private let connector: @Sendable () async throws(BusError) -> any BusConnection
    private let log: DaemonLog
    private let lastFailure = Shared<String?>(nil)

    init(_ log: DaemonLog, connect: @escaping @Sendable () async throws(BusError) -> any BusConnection) {
        self.log = log
        connector = connect
    }

    func connect() async throws(BusError) -> any BusConnection {
        do throws(BusError) {
            let connection = try await connector()
            lastFailure.set(nil)
            log(.info, "connected to the bus")
            return connection
        } catch {
            // Once per cause: it is tried again every second.
            if lastFailure.set(error.message) != error.message { log(.error, "no bus: \(error.message)") }
            throw error
        }
    }

    private final class Shared<Value: Sendable>: Sendable {
        private let value: Mutex<Value>
        init(_ value: Value) { self.value = Mutex(value) }

        /// - Returns: what was there before.
        @discardableResult
        func set(_ new: Value) -> Value {
            value.withLock { value in
                defer { value = new }
                return value
            }
        }
    }
}
