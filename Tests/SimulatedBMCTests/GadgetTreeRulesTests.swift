import Glibc
import Testing

@testable import SimulatedBMC

/// What differs from kernel to kernel; the rules that are the same for all are in `PortContracts`.
struct GadgetTreeRulesTests {
    static let function = "g1/functions/mass_storage.0"
    static let lun = "g1/functions/mass_storage.0/lun.0"

    @Test func `a function of another gadget cannot be linked`() {
        let fixture = KernelFixture(running: GadgetState.assembled.steps + [.mkdir("g2")])
        _ = fixture.run(.mkdir("g2/configs/c.1"))
        #expect(fixture.run(.link("g2/configs/c.1/f", to: Self.function)) == .invalid)
    }

    @Test func `a kernel before the gadget bus tells a missing controller from a busy one`() {
        let fixture = KernelFixture(
            profile: .linux5_15, running: GadgetState.assembled.steps + GadgetState.assembly("g2"))
        #expect(fixture.run(.write("g1/UDC", "nonexistent")) == .noDevice)
        #expect(fixture.run(.write("g1/UDC", "dummy_udc.0")) == nil)
        // One bound configfs gadget at a time, whatever the controller.
        #expect(fixture.run(.write("g2/UDC", "dummy_udc.1")) == .busy)
        #expect(fixture.run(.mkdir("g3")) == nil)
        #expect(fixture.run(.write("g3/UDC", "dummy_udc.1")) == .invalid)
        #expect(fixture.run(.write("\(Self.lun)/forced_eject", "1")) == .noEntry)
    }
}
