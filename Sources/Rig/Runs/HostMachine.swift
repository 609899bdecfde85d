internal import HostObserver
internal import RunLog
import Synchronization
internal import USBMassStorage
internal import VirtualMedia
internal import Worlds

/// The host: enumerates whatever appears on its ports, and knows its disks by their serial numbers.
final class HostMachine: Sendable {
    /// Between two tries to enumerate a device that did not answer.
    static let enumerationPause = Duration.milliseconds(500)
    static let enumerationAttempts = 3
    /// How long one wait for a device on a port lasts before it is begun anew.
    static let portPatience = Duration.seconds(86_400)

    private static let acquaintancePause = Duration.milliseconds(10)

    private struct State {
        var disks: [String: HostDisk] = [:]
        /// Of each of them, which visit to a device found it; visits count from 1.
        var visits: [String: Int] = [:]
        var visitCount = 0
        var isStopped = false
        var tasks: [any SpawnedTask] = []
        var enumerationCount = 0
    }

    private let world: any World
    private let profile: @Sendable () -> HostProfile
    private let recorder: RunRecorder
    private let slotOfSerial: [String: String]
    private let changed: @Sendable (_ slot: String, HostDisk, _ isThere: Bool) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - slotOfSerial: names of slots by the serial numbers of their gadgets.
    ///   - changed: called when the disk of a slot has appeared or gone.
    init(
        in world: any World, profile: @escaping @Sendable () -> HostProfile, slotOfSerial: [String: String],
        recorder: RunRecorder,
        changed: @escaping @Sendable (_ slot: String, HostDisk, _ isThere: Bool) -> Void
    ) {
        self.world = world
        self.profile = profile
        self.slotOfSerial = slotOfSerial
        self.recorder = recorder
        self.changed = changed
    }

    func start() {
        let tasks = world.hostPorts.map { port in
            world.spawner.spawn("host port \(port)", .shared) { [self] in await watch(port) }
        }
        state.withLock { $0.tasks = tasks }
    }

    func stop() {
        let tasks = state.withLock { state in
            state.isStopped = true
            return state.tasks
        }
        for task in tasks { task.cancel() }
    }

    func disk(of slot: String) -> HostDisk? { state.withLock { $0.disks[slot] } }

    /// The disk of a slot whose controller says that a host is there, as soon as this host knows it.
    ///
    /// - Returns: `nil` when it has none by the world's ``World/acquaintanceTime``.
    func diskOfPresentHost(of slot: String) async -> HostDisk? {
        let deadline = world.clock.now + world.acquaintanceTime
        while true {
            if let disk = disk(of: slot) { return disk }
            guard world.clock.now < deadline else { return nil }
            try? await world.clock.sleep(until: world.clock.now + Self.acquaintancePause)
        }
    }
    /// Devices of slots that were enumerated.
    var enumerationCount: Int { state.withLock { $0.enumerationCount } }

    /// Starts anew what the host has given up: once nothing goes wrong any more, somebody looks after it.
    func revive() async {
        let disks = state.withLock { $0.disks }
        for (slot, disk) in disks.sorted(by: { $0.key < $1.key }) {
            let (wasGivenUp, error) = await disk.revive()
            guard wasGivenUp else { continue }
            recorder.record(
                .host, slot: slot, "started anew", detail: error?.description ?? "",
                hasSucceeded: error == nil)
        }
    }

    private func watch(_ port: String) async {
        while !state.withLock({ $0.isStopped }) {
            let device: any HostDevice
            do throws(USBTransferError) {
                device = try await world.device(on: port, timeout: Self.portPatience)
            } catch { continue }
            guard !Task.isCancelled else { return }
            await visit(device, on: port)
            // It may have gone at once; a device that no try could enumerate is left alone until it leaves.
            await device.departed()
        }
    }

    private func visit(_ device: any HostDevice, on port: String) async {
        let disk = HostDisk(device, port: port, profile: profile(), clock: world.clock)
        let visit = state.withLock { state in
            state.visitCount += 1
            return state.visitCount
        }
        for attempt in 1...Self.enumerationAttempts {
            switch await disk.enumerate() {
            case .success(let serial):
                guard let slot = slotOfSerial[serial] else {
                    recorder.record(.host, "foreign device", detail: serial)
                    return
                }
                state.withLock { state in
                    state.enumerationCount += 1
                    // A visit that has not had its turn since may tell of a medium before the present one.
                    guard visit > state.visits[slot, default: 0] else { return }
                    state.visits[slot] = visit
                    state.disks[slot] = disk
                }
                recorder.record(.host, slot: slot, "enumerated", detail: port)
                changed(slot, disk, true)
                await device.departed()
                let isCurrent = state.withLock { state -> Bool in
                    guard state.disks[slot] === disk else { return false }
                    state.disks[slot] = nil
                    return true
                }
                recorder.record(.host, slot: slot, "device gone", detail: port)
                if isCurrent { changed(slot, disk, false) }
                return
            case .failure(let error):
                recorder.record(
                    .host, "enumeration failed", detail: "\(port): \(error)", hasSucceeded: false)
                if case .usb(.disconnected, _) = error { return }
                guard attempt < Self.enumerationAttempts else { return }
                let clock = world.clock
                try? await clock.sleep(until: clock.now + Self.enumerationPause)
            }
        }
    }
}
