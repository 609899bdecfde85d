import Foundation
import LinuxPlatform
import VirtualMedia

/// Decides on the BMC's configuration and on the slot of a run.
struct SlotChoice {
    private let plan: VerificationPlan
    private let folder: PrivateFolder

    init(_ plan: VerificationPlan, folder: PrivateFolder) {
        self.plan = plan
        self.folder = folder
    }

    /// - Throws: ``PlanError`` with what is wrong and which slots there are.
    func choose() throws(PlanError) -> (MediaConfiguration, SlotConfiguration) {
        var configuration = try plan.configurationFile.map(Self.load) ?? builtIn()
        let mode: SlotMode = plan.mode == .legacy ? .legacy : .proxy
        let candidates = configuration.slots.indices.filter { configuration.slots[$0].mode == mode }
        let names = candidates.map { configuration.slots[$0].name }.joined(separator: ", ")
        let index: Int
        if let wanted = plan.slot {
            guard let found = candidates.first(where: { configuration.slots[$0].name == wanted }) else {
                throw PlanError("no slot '\(wanted)' in \(plan.mode.rawValue) mode; there are: \(names)")
            }
            index = found
        } else {
            guard let first = candidates.first else {
                throw PlanError("the configuration has no slot in \(plan.mode.rawValue) mode")
            }
            index = first
        }
        configuration.slots[index].kind = plan.medium == .cdrom ? .cdrom : .disk
        return (configuration, configuration.slots[index])
    }

    /// Two slots of each mode, as shipped, with sockets that need no root.
    private func builtIn() -> MediaConfiguration {
        MediaConfiguration(
            slots: (0..<4).map { number in
                var slot = SlotConfiguration(
                    name: "Slot_\(number)", mode: number < 2 ? .proxy : .legacy, device: "nbd\(number)")
                slot.socket = folder.file("nbd\(number).sock")
                slot.endpoint = number < 2 ? "/nbd/\(number)" : ""
                slot.timeoutSeconds = UInt16(clamping: plan.timeout.components.seconds)
                slot.readAheadBytes = Self.readAheadBytes
                return slot
            })
    }

    /// Enough in flight that neither the socket nor the host waits for the other: a tenth faster than 4 MiB,
    /// and half of what the page cache holds.
    private static let readAheadBytes = 8 << 20

    private static func load(_ path: String) throws(PlanError) -> MediaConfiguration {
        guard let text = FileManager.default.contents(atPath: path) else {
            let cause = access(path, R_OK) == 0 ? "it is no file" : String(cString: strerror(errno))
            throw PlanError("cannot read the configuration \(path): \(cause)")
        }
        let result = ConfigurationReader.read(Array(text), file: path)
        guard let configuration = result.configuration else {
            let errors = result.issues.filter { $0.severity == .error }
            throw PlanError(errors.map(\.description).joined(separator: "\n"))
        }
        return configuration
    }
}
