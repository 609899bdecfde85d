import Synchronization

/// Which slot is about to use, or uses, which controller, so that two slots that bind at the same
/// time do not try for the same one.
package final class ControllerPool: Sendable {
    private let owners = Mutex<[String: String]>([:])

    package init() {}

    /// - Returns: `false` while another slot has it.
    func reserve(_ controller: String, for slot: String) -> Bool {
        owners.withLock { owners in
            guard owners[controller] == nil || owners[controller] == slot else { return false }
            owners[controller] = slot
            return true
        }
    }

    func release(allOf slot: String) {
        owners.withLock { owners in owners = owners.filter { $0.value != slot } }
    }
}
