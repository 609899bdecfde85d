import Glibc
import Testing

@testable import SimulatedBMC

/// One line of the kernel's errno table: in that state, that call ends so (0 is success).
struct Rule: Sendable, CustomStringConvertible {
    let state: GadgetState
    let step: Step
    let errno: CInt
    init(_ state: GadgetState, _ step: Step, _ errno: CInt) {
        self.state = state
        self.step = step
        self.errno = errno
    }
    var description: String { "\(state): \(step) is \(errno)" }
}

struct GadgetTreeRulesTests {
    static let function = "g1/functions/mass_storage.0"
    static let lun = "g1/functions/mass_storage.0/lun.0"

    @Test(arguments: directoryRules + attributeRules + controllerRules + unitRules + removalRules)
    func `each call ends as in the kernel`(rule: Rule) {
        let fixture = KernelFixture(running: rule.state.steps)
        #expect(fixture.run(rule.step)?.rawValue ?? 0 == rule.errno)
    }

    static let directoryRules: [Rule] = [
        Rule(.nothing, .mkdir("g1"), 0),
        Rule(.nothing, .mkdir("g1/functions"), ENOENT),
        Rule(.empty, .mkdir("g1"), EEXIST),
        Rule(.empty, .mkdir("g1/anything"), EPERM),
        Rule(.empty, .mkdir("g1/UDC"), EEXIST),
        Rule(.empty, .mkdir("g1/UDC/x"), ENOTDIR),
        Rule(.empty, .mkdir(String(repeating: "n", count: 256)), ENAMETOOLONG),
        Rule(.empty, .mkdir("g1/strings/0x409"), 0),
        Rule(.empty, .mkdir("g1/strings/zz"), EINVAL),
        Rule(.empty, .mkdir("g1/strings/0x0000"), EINVAL),
        Rule(.empty, .mkdir("g1/strings/0x0009"), EINVAL),
        Rule(.empty, .mkdir("g1/strings/0x0462"), EINVAL),
        Rule(.empty, .mkdir("g1/strings/0x10409"), ERANGE),
        Rule(.assembled, .mkdir("g1/strings/0x409"), EEXIST),
        Rule(.empty, .mkdir("g1/configs/c"), EINVAL),
        Rule(.empty, .mkdir("g1/configs/.1"), EINVAL),
        Rule(.empty, .mkdir("g1/configs/c.0"), EINVAL),
        Rule(.empty, .mkdir("g1/configs/c.x"), EINVAL),
        Rule(.empty, .mkdir("g1/configs/c.255"), 0),
        Rule(.empty, .mkdir("g1/configs/c.256"), ERANGE),
        Rule(.assembled, .mkdir("g1/configs/other.1"), EBUSY),
        Rule(.assembled, .mkdir("g1/configs/c.1/deeper"), EPERM),
        Rule(.empty, .mkdir("g1/functions/foo"), EINVAL),
        Rule(.empty, .mkdir("g1/functions/nosuch.x"), ENOENT),
        Rule(.empty, .mkdir("g1/functions/mass_storage." + String(repeating: "i", count: 28)), ENAMETOOLONG),
        Rule(.empty, .mkdir("g1/functions/mass_storage." + String(repeating: "i", count: 27)), ENAMETOOLONG),
        Rule(.empty, .mkdir("g1/functions/mass_storage." + String(repeating: "i", count: 26)), 0),
        Rule(.assembled, .mkdir(function), EEXIST),
        Rule(.nothing, .list("g1"), ENOENT),
        Rule(.empty, .list("g1/UDC"), ENOTDIR),
    ]

    static let attributeRules: [Rule] = [
        Rule(.empty, .write("g1/nothing", "1"), ENOENT),
        Rule(.empty, .write("g1/functions", "1"), EISDIR),
        Rule(.empty, .write("g1/idVendor", "zzz"), EINVAL),
        Rule(.empty, .write("g1/idVendor", ""), EINVAL),
        Rule(.empty, .write("g1/idVendor", "0x12345"), ERANGE),
        Rule(.empty, .write("g1/idVendor", "65536"), ERANGE),
        Rule(.empty, .write("g1/bDeviceClass", "256"), ERANGE),
        Rule(.empty, .write("g1/bcdUSB", "0x9999"), 0),
        Rule(.empty, .write("g1/bcdUSB", "0x020a"), EINVAL),
        Rule(.empty, .write("g1/bcdDevice", "0xffff"), EINVAL),
        Rule(.empty, .write("g1/max_speed", "high-speed"), 0),
        Rule(.empty, .write("g1/max_speed", "bogus"), EINVAL),
        Rule(.bound, .write("g1/max_speed", "high-speed"), EINVAL),
        Rule(.bound, .write("g1/idVendor", "0x1234"), 0),
        Rule(
            .assembled, .write("g1/strings/0x409/product", String(repeating: "p", count: 126)), 0),
        Rule(
            .assembled, .write("g1/strings/0x409/product", String(repeating: "p", count: 127)), EOVERFLOW),
        Rule(.assembled, .write("g1/configs/c.1/MaxPower", "500"), 0),
        Rule(.assembled, .write("g1/configs/c.1/MaxPower", "2041"), ERANGE),
        Rule(.assembled, .write("g1/configs/c.1/bmAttributes", "0xe0"), 0),
        Rule(.assembled, .write("g1/configs/c.1/bmAttributes", "0x40"), EINVAL),
        Rule(.assembled, .write("g1/configs/c.1/bmAttributes", "0x81"), EINVAL),
    ]

    static let controllerRules: [Rule] = [
        Rule(.assembled, .write("g1/UDC", ""), ENODEV),
        Rule(.assembled, .write("g1/UDC", "\n"), ENODEV),
        Rule(.assembled, .write("g1/UDC", "nonexistent"), EBUSY),
        Rule(.assembled, .write("g1/UDC", "dummy_udc.0"), 0),
        Rule(.assembled, .write("g1/UDC", "dummy_udc.0\n"), 0),
        Rule(.assembled, .write("g1/UDC", "dummy\0udc"), EOVERFLOW),
        Rule(.empty, .write("g1/UDC", "dummy_udc.0"), EBUSY),
        Rule(.bound, .write("g1/UDC", "dummy_udc.0"), EBUSY),
        Rule(.bound, .write("g1/UDC", "dummy_udc.1"), EBUSY),
        Rule(.bound, .write("g1/UDC", ""), 0),
    ]

    static let unitRules: [Rule] = [
        Rule(.loaded, .write("\(lun)/ro", "1"), EBUSY),
        Rule(.loaded, .write("\(lun)/cdrom", "1"), EBUSY),
        Rule(.loaded, .write("\(lun)/removable", "0"), 0),
        Rule(.loaded, .write("\(lun)/nofua", "1"), 0),
        Rule(.loaded, .write("\(lun)/inquiry_string", "X"), 0),
        Rule(.assembled, .write("\(lun)/ro", "banana"), EINVAL),
        Rule(.assembled, .write("\(lun)/ro", "on"), 0),
        Rule(.assembled, .write("\(lun)/cdrom", "Y"), 0),
        Rule(.assembled, .write("\(lun)/file", "/images/none"), ENOENT),
        Rule(.assembled, .write("\(lun)/file", "/images"), EISDIR),
        Rule(.assembled, .write("\(lun)/file", "/dev/null"), EINVAL),
        Rule(.assembled, .write("\(lun)/file", "/dev/nbd99"), ENOENT),
        Rule(.assembled, .write("\(lun)/file", "/dev/nbd0"), 525),
        Rule(.assembled, .write("\(lun)/file", "/images/empty.img"), 525),
        Rule(.assembled, .write("\(lun)/file", "/images/short.img"), 525),
        Rule(.assembled, .write("\(lun)/file", "/images/disk.img\n"), 0),
        Rule(.assembled, .write("\(lun)/file", ""), 0),
        Rule(.boundLoaded, .write("\(lun)/file", "/images/other.img"), 0),
        Rule(.assembled, .read("\(lun)/forced_eject"), EACCES),
        Rule(.assembled, .write("\(lun)/forced_eject", "1"), 0),
        Rule(.boundLoaded, .write("\(lun)/forced_eject", "x"), 0),
        Rule(.assembled, .read("\(lun)/stats"), ENOENT),
        Rule(.assembled, .write("\(function)/stall", "1"), EBUSY),
        Rule(.assembled, .mkdir("\(function)/lun.2"), EBUSY),
        Rule(.bound, .mkdir("\(function)/lun.2"), EBUSY),
        Rule(.assembled, .mkdir("\(function)/lun.16"), ERANGE),
        Rule(.assembled, .mkdir("\(function)/lun.x"), EINVAL),
        Rule(.assembled, .mkdir("\(function)/foo"), EINVAL),
        Rule(.assembled, .mkdir("\(function)/lun.1"), EEXIST),
    ]

    static let removalRules: [Rule] = [
        Rule(.nothing, .rmdir("g1"), ENOENT),
        Rule(.empty, .rmdir("g1"), 0),
        Rule(.empty, .rmdir("g1/functions"), EPERM),
        Rule(.empty, .rmdir("g1/idVendor"), ENOTDIR),
        Rule(.assembled, .rmdir("g1"), ENOTEMPTY),
        Rule(.assembled, .rmdir(function), EBUSY),
        Rule(.assembled, .rmdir(lun), EPERM),
        Rule(.assembled, .rmdir("\(function)/lun.1"), 0),
        Rule(.bound, .rmdir("\(function)/lun.1"), 0),
        Rule(.assembled, .rmdir("g1/configs/c.1"), ENOTEMPTY),
        Rule(.assembled, .rmdir("g1/configs/c.1/mass_storage.0"), ENOTDIR),
        Rule(.bound, .rmdir("g1/strings/0x409"), 0),
        Rule(.bound, .unlink("g1/configs/c.1/mass_storage.0"), 0),
        Rule(.assembled, .unlink("g1/configs/c.1/nothing"), ENOENT),
        Rule(.assembled, .unlink("g1/configs/c.1"), EISDIR),
        Rule(.assembled, .unlink("g1/UDC"), EPERM),
        Rule(.assembled, .link("g1/configs/c.1/mass_storage.0", to: function), EEXIST),
        Rule(.assembled, .link("g1/configs/c.1/second", to: function), EEXIST),
        Rule(.bound, .link("g1/configs/c.1/second", to: function), EINVAL),
        Rule(.assembled, .link("g1/configs/c.1/lun", to: lun), EINVAL),
        Rule(.assembled, .link("g1/configs/c.1/none", to: "g1/functions/none.0"), ENOENT),
        Rule(.assembled, .link("g1/functions/link", to: function), EPERM),
    ]

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
