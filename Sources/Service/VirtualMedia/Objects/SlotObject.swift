import DBusProtocol
import Synchronization

/// One slot as D-Bus shows it.
struct SlotObject: Sendable {
    let slot: SlotConfiguration
    let path: String
    /// Where the countdown is read from at each Get.
    private let latest: LatestReport

    init(_ slot: SlotConfiguration, clock: any MediaClock) {
        self.slot = slot
        path = MediaInterfaces.path(of: slot)
        latest = LatestReport(SlotReport(kind: slot.kind), inactivitySeconds: slot.inactivitySeconds, clock)
    }

    func export(in tree: inout ObjectTree) -> [Message] {
        let report = SlotReport(kind: slot.kind)
        var properties: [String: [String: ObjectTree.PropertySource]] = [:]
        for (interface, property, value) in constants + changing(report) {
            properties[interface.name, default: [:]][property] = .stored(value)
        }
        let latest = self.latest
        properties[MediaInterfaces.mountPoint.name]?["RemainingInactivityTimeout"] = .computed {
            .uint16(latest.remainingSeconds)
        }
        return tree.export(
            at: path,
            [
                MediaInterfaces.mountPoint, MediaInterfaces.process, MediaInterfaces.stats,
                MediaInterfaces.methods(of: slot.mode), MediaInterfaces.slot,
            ], properties: properties)
    }

    /// - Returns: PropertiesChanged signals, one per interface that changed.
    func show(_ report: SlotReport, in tree: inout ObjectTree) -> [Message] {
        latest.set(report)
        let values = changing(report)
        return Self.changingInterfaces.compactMap { interface in
            tree.setProperties(
                at: path, interface.name,
                values.filter { $0.0 == interface }.map { (property: $0.1, value: $0.2) })
        }
    }

    /// PropertiesChanged with all that can change, for listeners that may have missed something.
    func everything(in tree: ObjectTree) -> [Message] {
        Self.changingInterfaces.compactMap { tree.announceAll(at: path, $0.name) }
    }

    func completion(_ code: CompletionCode) -> Message {
        .signal(
            path: path, interface: MediaInterfaces.methods(of: slot.mode).name,
            member: MediaInterfaces.completion.name,
            body: [.int32(code.rawValue)])
    }

    private static let changingInterfaces = [
        MediaInterfaces.mountPoint, MediaInterfaces.process, MediaInterfaces.stats, MediaInterfaces.slot,
    ]

    private typealias Property = (InterfaceDescription, String, Value)

    private var constants: [Property] {
        [
            (MediaInterfaces.mountPoint, "EndPointId", .string(slot.endpoint)),
            (MediaInterfaces.mountPoint, "EndpointId", .string(slot.endpoint)),
            (MediaInterfaces.mountPoint, "Mode", .byte(slot.mode.rawValue)),
            (MediaInterfaces.mountPoint, "Device", .string(slot.device)),
            (MediaInterfaces.mountPoint, "Socket", .string(slot.socket)),
            (MediaInterfaces.mountPoint, "Timeout", .uint16(slot.timeoutSeconds)),
            (MediaInterfaces.mountPoint, "BlockSize", .uint16(slot.blockBytes)),
        ]
    }

    private func changing(_ report: SlotReport) -> [Property] {
        let failure = report.lastFailure
        return [
            (MediaInterfaces.mountPoint, "ImageURL", .string(report.imageURL)),
            (MediaInterfaces.mountPoint, "WriteProtected", .boolean(report.isWriteProtected)),
            (MediaInterfaces.process, "Active", .boolean(report.isActive)),
            (MediaInterfaces.process, "ExitCode", .int32(report.exitCode)),
            (MediaInterfaces.stats, "ReadIO", .uint64(report.readBytes)),
            (MediaInterfaces.stats, "WriteIO", .uint64(report.writtenBytes)),
            (MediaInterfaces.slot, "State", .string(report.state.rawValue)),
            (MediaInterfaces.slot, "Status", .string(report.status)),
            (MediaInterfaces.slot, "HostPresence", .string(report.host.rawValue)),
            (MediaInterfaces.slot, "MediumKind", .string(report.kind.rawValue)),
            (MediaInterfaces.slot, "MediumSize", .uint64(report.byteCount)),
            (MediaInterfaces.slot, "Controller", .string(report.controller)),
            (MediaInterfaces.slot, "LastError", .string(failure?.message ?? "")),
            (MediaInterfaces.slot, "LastErrorCause", .string(failure.map { "\($0.code)" } ?? "")),
            (MediaInterfaces.slot, "LastErrorCode", .int32(failure?.code.rawValue ?? 0)),
        ]
    }
}

/// The newest report, for the one property that depends on the time of asking.
private final class LatestReport: Sendable {
    private let report: Mutex<SlotReport>
    private let inactivitySeconds: UInt16?
    private let clock: any MediaClock

    init(_ report: SlotReport, inactivitySeconds: UInt16?, _ clock: any MediaClock) {
        self.report = Mutex(report)
        self.inactivitySeconds = inactivitySeconds
        self.clock = clock
    }

    func set(_ newest: SlotReport) { report.withLock { $0 = newest } }

    /// Rounded up; 0 while nothing is mounted or when mounts do not end by themselves.
    var remainingSeconds: UInt16 {
        guard let inactivitySeconds, let deadline = report.withLock({ $0.inactivityDeadline }) else {
            return 0
        }
        let remaining = max(.zero, deadline - clock.now).components
        let seconds = remaining.seconds + (remaining.attoseconds > 0 ? 1 : 0)
        return UInt16(min(seconds, Int64(inactivitySeconds)))
    }
}
