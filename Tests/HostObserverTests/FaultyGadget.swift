import FaultPoints
import HostObserver
import SimulatedBMC
import SimulatedTime
import TestSupport

/// A gadget on the simulated bus, with whatever faults a test wants, and a host that looks at it.
struct FaultyGadget: Sendable {
    static let controller = "dummy_udc.0"
    static let image = TemporaryFolder.pattern(384 << 10, seed: 3)

    let simulation: Simulation
    let kernel: SimulatedKernel
    let faults: FaultScript

    /// Runs `body` with a device that has the image in its drive and a host at its cable.
    static func run<Result: Sendable>(
        isReadOnly: Bool = true, _ body: @escaping @Sendable (FaultyGadget) async throws -> Result
    ) throws -> Result {
        try Simulation(seed: 1).run { simulation in
            let faults = FaultScript()
            let kernel = SimulatedKernel(
                executor: simulation.executor, clock: simulation.clock, spawner: simulation.spawner,
                controllers: ControllerChip.dummies(1), faults: faults)
            let gadget = FaultyGadget(simulation: simulation, kernel: kernel, faults: faults)
            try await gadget.build(isReadOnly: isReadOnly)
            let result = try await body(gadget)
            await kernel.shutDown()
            return result
        }
    }

    private func build(isReadOnly: Bool) async throws {
        await kernel.addFile("/image", Self.image)
        let function = "g/functions/mass_storage.0"
        for path in ["g", "g/strings/0x409", "g/configs/c.1", function] {
            try await kernel.makeDirectory(path)
        }
        try await kernel.write("0123456789AB", to: "g/strings/0x409/serialnumber")
        try await kernel.write(isReadOnly ? "1" : "0", to: "\(function)/lun.0/ro")
        try await kernel.write("/image", to: "\(function)/lun.0/file")
        try await kernel.makeLink(at: "g/configs/c.1/f", to: function)
        try await kernel.write(Self.controller, to: "g/UDC")
        await kernel.attachHost(to: Self.controller)
    }

    /// A host that has examined the unit.
    func observer(_ profile: HostProfile = .linux()) async throws -> HostObserver {
        let clock = simulation.clock
        let device = try await kernel.device(on: Self.controller, timeout: .seconds(10))
        let observer = HostObserver(
            connection: device, profile: profile, now: { clock.now },
            pause: { try? await clock.sleep(until: clock.now + $0) })
        try await observer.enumerate()
        try await observer.examineUnit()
        return observer
    }

    /// Reads all of the image, with the rules in force once the unit has been examined.
    static func readAll(rules: [FaultScript.Rule]) throws -> (report: ReadReport, fired: Int) {
        try run { gadget in
            let observer = try await gadget.observer()
            for rule in rules { gadget.faults.add(rule) }
            let report = try await observer.readAll(expecting: .image(ExpectedBytes(image)))
            return (report, gadget.faults.firedCount)
        }
    }
}
