import Testing
import VirtualMedia

@testable import SimulatedBMC

struct DepartureTests {
    @Test(arguments: ["cable", "gadget", "host at once"])
    func `a host hears when its device is gone`(how: String) throws {
        try KernelRun.run { run in
            await run.kernel.addFile("/disk.img", [UInt8](repeating: 1, count: 1 << 20))
            try await run.buildGadget(files: ["/disk.img"])
            await run.kernel.attachHost(to: KernelRun.udc)
            let device = try await run.kernel.device(on: KernelRun.udc, timeout: .seconds(1))
            switch how {
            case "cable":
                run.simulation.spawner.spawn("pull") {
                    try? await run.simulation.clock.sleep(for: .seconds(5))
                    await run.kernel.detachHost(from: KernelRun.udc)
                }
            case "gadget":
                run.simulation.spawner.spawn("unbind") {
                    try? await run.simulation.clock.sleep(for: .seconds(5))
                    try? await run.kernel.write("", to: "g1/UDC")
                }
            default:
                await run.kernel.detachHost(from: KernelRun.udc)
                await run.kernel.attachHost(to: KernelRun.udc)
            }
            await device.departed()
            #expect(run.now == (how == "host at once" ? .zero : .seconds(5)))
        }
    }
}
