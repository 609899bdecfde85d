package import DBusProtocol
package import FaultPlan
package import RunLog
package import Scenarios
package import SimulatedBMC
import Synchronization
package import USBMassStorage
package import VirtualMedia

/// A world whose BMC is the kernel's model: what can befall kernel, host, processes, power and images is the
/// same there, in virtual time and in real time. A world of this kind says what its processes and sockets are.
package protocol ModelledBMC: World {
    var scenario: Scenario { get }
    var kernel: SimulatedKernel { get }
    var state: WorldState { get }
    var busControls: any WorldBus { get }
    var storeControls: any WorldStore { get }
    var clientControls: any WorldClients { get }
    /// Pipes with secrets that somebody holds open.
    var openSecretCount: Int { get }
    /// A process of the service, running.
    func makeService(number: Int) -> any WorldService
    /// A strike that only this world knows.
    ///
    /// - Returns: `nil` for any other.
    func performOwn(_ strike: Strike) async throws(WorldFailure) -> Impact?
}

/// The virtual media service as a process: it can be stopped and killed at any moment.
package protocol WorldService: Sendable {
    var isAlive: Bool { get }
    /// Slots whose NBD server runs in this process.
    var servedSlots: [String] { get }
    func kill()
    func pause()
    func resume()
    /// Once, at its death by whatever cause.
    func atDeath(_ body: @escaping @Sendable () -> Void)
    /// The NBD server of a Legacy slot is part of this process.
    func killServer(of slot: String)
    func hangUpServer(of slot: String)
    /// As SIGTERM: everything is taken down in order.
    func shutDown() async
}

package protocol WorldBus: Sendable {
    /// As SIGSTOP: messages wait, none is refused.
    func pause()
    func resume()
    /// Every connection ends; names are free again.
    func restart()
    /// Returns once somebody has the service's name and answers.
    func waitForService() async throws(BusError)
}

package protocol WorldStore: Sendable {
    func change(_ change: Scenario.Step.ImageChange) throws(WorldFailure)
    func setRunning(_ isRunning: Bool) async throws(WorldFailure)
    func dropConnections() async throws(WorldFailure)
    /// Stands still: nothing is answered, nothing refused.
    func setPaused(_ isPaused: Bool)
    /// What faults did to it for good is mended.
    func recover()
}

/// The clients of Proxy slots.
package protocol WorldClients: Sendable {
    func kill(_ slot: SlotConfiguration)
    func setPaused(_ slot: SlotConfiguration, _ isPaused: Bool) throws(WorldFailure)
    /// The way to the BMC is lost; the client is well.
    func loseConnections(_ slot: SlotConfiguration)
    /// What a killed client served is served again.
    func restart(_ slot: SlotConfiguration) throws(WorldFailure)
    /// The power of the client's machine fails: what its disk was not told to keep is gone.
    func losePower(_ slot: SlotConfiguration)
}

/// What becomes of a world with a modelled BMC in the course of a run.
package final class WorldState: Sendable {
    /// What actions have changed and must be able to change back.
    struct Changes {
        /// By slot: the port whose cable was pulled.
        var unplugged: [String: String] = [:]
        /// By fault: the controller that went.
        var lostControllers: [String: String] = [:]
        var hasPower = true
    }

    private struct Services {
        var present: (any WorldService)?
        var count = 0
    }

    let changes = Mutex(Changes())
    let recorder: RunRecorder
    let serviceDied: @Sendable () -> Void
    private let services = Mutex(Services())

    /// - Parameter serviceDied: is told that the service was killed.
    package init(_ recorder: RunRecorder, serviceDied: @escaping @Sendable () -> Void) {
        self.recorder = recorder
        self.serviceDied = serviceDied
    }

    package var service: (any WorldService)? { services.withLock { $0.present } }

    func nextServiceNumber() -> Int {
        services.withLock { services in
            services.count += 1
            return services.count
        }
    }

    func began(_ service: any WorldService, number: Int) {
        services.withLock { $0.present = service }
        recorder.record(.process, "service started", detail: "\(number)")
        service.atDeath { [serviceDied, recorder] in
            recorder.record(.process, "service died", detail: "\(number)")
            serviceDied()
        }
    }
}

extension ModelledBMC {
    package func start() async throws(WorldFailure) {
        for (port, function) in scenario.topology.occupiedPorts {
            do throws(SystemError) { try await kernel.occupyController(port, by: function) } catch {
                throw WorldFailure("port \(port): \(error)")
            }
        }
        if scenario.topology.host.isPresent {
            for port in hostPorts { await kernel.attachHost(to: port) }
        }
        startService()
        do throws(BusError) { try await busControls.waitForService() } catch {
            throw WorldFailure("the service did not come up: \(error)")
        }
    }

    func startService() {
        let number = state.nextServiceNumber()
        state.began(makeService(number: number), number: number)
    }

    package func device(on port: String, timeout: Duration) async throws(USBTransferError) -> any HostDevice {
        try await kernel.device(on: port, timeout: timeout)
    }

    package func inspect(_ slot: SlotConfiguration) async -> SlotInspection {
        let found = await kernel.inspect(gadget: slot.gadgetName, lun: lunPath, device: slot.device)
        var inspection = SlotInspection()
        inspection.backingFile = found.backingFile
        inspection.isReadOnly = found.isReadOnly
        inspection.isCDROM = found.isCDROM
        inspection.controller = found.controller
        inspection.device = found.device
        return inspection
    }

    package func leftovers(of slot: SlotConfiguration) async -> [String] {
        let found = await inspect(slot)
        var left: [String] = []
        if found.backingFile != nil { left.append("gadget \(slot.gadgetName)") }
        if let device = found.device {
            if device.isAttached { left.append("\(slot.device) attached") }
            if device.byteCount > 0 { left.append("\(slot.device) with \(device.byteCount) bytes") }
        }
        if state.service?.servedSlots.contains(slot.name) == true {
            left.append("NBD server of \(slot.name)")
        }
        if openSecretCount > 0 { left.append("\(openSecretCount) pipes with secrets") }
        return left
    }

    package func repair() async {
        storeControls.recover()
        let present = ((try? await kernel.controllers()) ?? []).map(\.name)
        for port in hostPorts where !present.contains(port) { await kernel.addController(port) }
        if state.service?.isAlive != true { startService() }
        try? await busControls.waitForService()
    }

    func slotConfiguration(_ name: String) throws(WorldFailure) -> SlotConfiguration {
        guard let slot = configuration.slots.first(where: { $0.name == name }) else {
            throw WorldFailure("there is no slot \(name)")
        }
        return slot
    }
}

/// Where the service puts the one unit of its gadgets.
private let lunPath = "functions/mass_storage.usb0/lun.0"

extension SimulatedUSBConnection: HostDevice {}
