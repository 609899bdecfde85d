package import DBusProtocol
package import FaultPlan
package import HostObserver
package import Scenarios
package import USBMassStorage
package import VirtualMedia

/// Where a scenario runs: a BMC with its store, clients and host, seen from outside, with everything
/// in reach that can befall it.
package protocol World: Sendable {
    var kind: Scenario.World { get }
    var clock: any MediaClock { get }
    /// Starts what belongs to the rig: clients, the host, watchers.
    var spawner: any Spawner { get }
    /// Slots as the service was configured, sorted by name.
    var configuration: MediaConfiguration { get }
    /// Ports of the host, by the name of the controller on the other end.
    var hostPorts: [String] { get }

    /// From the moment in which a controller notices its host to that in which the host knows the device. Until
    /// then a slot whose host is present has no disk, and that is no contradiction.
    var acquaintanceTime: Duration { get }

    /// Starts the service, and returns once it has its bus name and has removed what was left.
    func start() async throws(WorldFailure)
    /// A new client's connection to the bus.
    func connectClient() async throws(BusError) -> any BusConnection
    /// A pipe with user name and password in it, as Mount takes them.
    func secretPipe(user: String, password: String) throws(WorldFailure) -> PassedDescriptor
    /// What a client has to name to mount an image of the scenario; "" for a Proxy slot, whose client
    /// begins to serve the image.
    func offer(_ image: String, to slot: SlotConfiguration, isReadWrite: Bool) async throws(WorldFailure)
        -> String
    /// Waits for a device on a port of the host.
    func device(on port: String, timeout: Duration) async throws(USBTransferError) -> any HostDevice
    /// What configfs and nbd hold of a slot; reading it disturbs nothing and meets no fault.
    func inspect(_ slot: SlotConfiguration) async -> SlotInspection
    /// The bytes of an image as they are on the store now.
    func content(of image: String) -> (any ExpectedImage & Sendable)?
    /// What an unmounted slot has left behind, in words.
    func leftovers(of slot: SlotConfiguration) async -> [String]
    /// - Returns: what the action may have cost: which slots, and whether unflushed writes.
    func perform(_ action: WorldAction) async throws(WorldFailure) -> Impact
    /// Brings back what faults took away for good, once all faults are over: a controller that vanished.
    func repair() async
    /// Takes everything down.
    func shutDown() async
}

extension World {
    /// The host is in memory, and knows its devices at once.
    package var acquaintanceTime: Duration { .zero }
}

/// A device on the host's bus, and when it leaves.
package protocol HostDevice: USBDeviceConnection {
    /// Returns once the device is gone.
    func departed() async
}

/// What the BMC's kernel holds of a slot.
package struct SlotInspection: Equatable, Sendable {
    /// `nil` without a gadget; "" without a medium.
    package var backingFile: String?
    package var isReadOnly = false
    package var isCDROM = false
    /// "" when unbound.
    package var controller = ""
    package var device: NBDDeviceStatus?

    package init() {}

    /// The host can reach a medium here.
    package var hasMedium: Bool {
        guard let backingFile, let device else { return false }
        return !backingFile.isEmpty && !controller.isEmpty && device.isAttached && device.byteCount > 0
    }
}

/// What a scenario's steps and struck faults do to a world.
package enum WorldAction: Sendable {
    /// For one slot where it concerns one, by name.
    case host(Scenario.Step.HostAction.Kind, slot: String?)
    case process(Scenario.Step.ProcessAction.Kind, Scenario.Step.ProcessAction.Target, slot: String?)
    case image(Scenario.Step.ImageChange)
    /// A fault of the catalogue that strikes.
    case strike(Strike)
}

/// What an action may have changed besides what it says.
package struct Impact: Equatable, Sendable {
    /// Slots whose host may notice; `nil` for all.
    package var slots: [String]?
    /// Writes that were not flushed may be lost.
    package var losesUnflushedWrites: Bool
    /// Who begins to stand still, or goes on: the service, or the bus that it speaks on.
    package var standstill: Standstill?

    package struct Standstill: Equatable, Sendable {
        package var who: String
        package var begins: Bool

        package init(who: String, begins: Bool) {
            self.who = who
            self.begins = begins
        }
    }

    package init(slots: [String]?, losesUnflushedWrites: Bool = false) {
        self.slots = slots
        self.losesUnflushedWrites = losesUnflushedWrites
    }

    package static let none = Impact(slots: [])

    /// Every slot may notice.
    package static func standstill(of who: String, begins: Bool) -> Impact {
        var impact = Impact(slots: nil)
        impact.standstill = Standstill(who: who, begins: begins)
        return impact
    }
}

/// The rig could not do what it was asked to; no fault of what is tested.
package struct WorldFailure: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
