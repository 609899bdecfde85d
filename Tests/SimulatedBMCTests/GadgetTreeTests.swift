import Glibc
import Testing
import VirtualMedia

@testable import SimulatedBMC

struct GadgetTreeTests {
    static let function = "g1/functions/mass_storage.0"
    static let lun = "g1/functions/mass_storage.0/lun.0"

    @Test(arguments: [
        ("g1/UDC", ""), ("g1/idVendor", "0x0000"), ("g1/bDeviceClass", "0x00"), ("g1/bcdDevice", "0x0601"),
        ("g1/max_speed", "super-speed-plus"), ("g1/os_desc/use", "0"), ("\(function)/stall", "0"),
        ("\(lun)/cdrom", "0"), ("\(lun)/ro", "0"), ("\(lun)/removable", "1"), ("\(lun)/nofua", "0"),
        ("\(lun)/file", ""), ("\(lun)/inquiry_string", ""), ("g1/configs/c.1/MaxPower", "2"),
        ("g1/configs/c.1/bmAttributes", "0x80"), ("g1/strings/0x409/serialnumber", ""),
    ])
    func `a new gadget has the kernel's defaults`(path: String, value: String) {
        let fixture = KernelFixture(running: [
            .mkdir("g1"), .mkdir(Self.function), .mkdir("g1/configs/c.1"), .mkdir("g1/strings/0x409"),
        ])
        #expect(fixture.read(path) == value)
    }

    @Test func `directories list groups, attributes and links, sorted`() {
        let fixture = KernelFixture(running: GadgetState.assembled.steps)
        #expect(
            fixture.list("g1") == [
                "UDC", "bDeviceClass", "bDeviceProtocol", "bDeviceSubClass", "bMaxPacketSize0", "bcdDevice",
                "bcdUSB", "configs", "functions", "idProduct", "idVendor", "max_speed", "os_desc", "strings",
            ])
        #expect(fixture.list("g1/configs/c.1") == ["MaxPower", "bmAttributes", "mass_storage.0", "strings"])
        #expect(fixture.list("g1/configs/c.1/mass_storage.0") == ["lun.0", "lun.1", "stall"])
        #expect(
            fixture.list(Self.lun) == [
                "cdrom", "file", "forced_eject", "inquiry_string", "nofua", "removable", "ro",
            ])
        #expect(fixture.list("") == ["g1"])
    }

    @Test func `cdrom makes the unit read-only, and a disc needs three hundred sectors`() {
        let fixture = KernelFixture(running: GadgetState.assembled.steps)
        #expect(fixture.run(.write("\(Self.lun)/cdrom", "1")) == nil)
        #expect(fixture.read("\(Self.lun)/ro") == "1")
        #expect(fixture.run(.write("\(Self.lun)/file", "/images/disk.img")) == nil)
        #expect(fixture.kernel.tree.gadgets[0].functions[0].unit(0)?.medium?.blockCount == 512)
        #expect(fixture.run(.write("\(Self.lun)/file", "/images/short.img")) == .tooSmall)
        // The old medium stays when the new one does not open.
        #expect(fixture.read("\(Self.lun)/file") == "/images/disk.img")
    }

    @Test(arguments: [299, 300]) func `the shortest disc`(sectors: Int) {
        let fixture = KernelFixture(running: GadgetState.assembled.steps)
        fixture.kernel.files["/images/disc"] = MemoryFile(
            Array(repeating: 0, count: sectors * 2048), isReadOnly: false)
        #expect(fixture.run(.write("\(Self.lun)/cdrom", "1")) == nil)
        #expect(fixture.run(.write("\(Self.lun)/file", "/images/disc")) == (sectors < 300 ? .tooSmall : nil))
    }

    @Test func `a file that cannot be written is opened read-only`() {
        let fixture = KernelFixture(running: GadgetState.assembled.steps)
        #expect(fixture.run(.write("\(Self.lun)/file", "/images/locked.img")) == nil)
        #expect(fixture.read("\(Self.lun)/ro") == "1")
        #expect(fixture.run(.write("\(Self.lun)/file", "")) == nil)
        #expect(fixture.read("\(Self.lun)/ro") == "0")
    }

    @Test func `the inquiry text is cut at 28 characters and loses its newline`() {
        let fixture = KernelFixture(running: GadgetState.assembled.steps)
        let long = "MediaRigVirtual Media   0001TAIL"
        #expect(fixture.run(.write("\(Self.lun)/inquiry_string", long)) == nil)
        #expect(fixture.read("\(Self.lun)/inquiry_string") == String(long.prefix(28)))
        #expect(fixture.run(.write("\(Self.lun)/inquiry_string", "Short\n")) == nil)
        #expect(fixture.read("\(Self.lun)/inquiry_string") == "Short")
    }

    @Test(arguments: [Step.rmdir("\(function)/lun.1"), .unlink("g1/configs/c.1/mass_storage.0")])
    func `taking a part of a bound gadget away unbinds it`(step: Step) {
        let fixture = KernelFixture(running: GadgetState.boundLoaded.steps)
        #expect(fixture.read("g1/UDC") == "dummy_udc.0")
        #expect(fixture.kernel.controllers.listing[0].function == "g1")
        #expect(fixture.run(step) == nil)
        #expect(fixture.read("g1/UDC") == "")
        #expect(fixture.kernel.controllers.listing[0].function == "")
    }

    @Test func `the order of tear-down that works leaves nothing`() {
        let fixture = KernelFixture(running: GadgetState.boundLoaded.steps)
        let steps: [Step] = [
            .write("g1/UDC", ""), .unlink("g1/configs/c.1/mass_storage.0"), .rmdir("\(Self.function)/lun.1"),
            .rmdir(Self.function), .rmdir("g1/configs/c.1/strings/0x409"), .rmdir("g1/configs/c.1"),
            .rmdir("g1/strings/0x409"), .rmdir("g1"),
        ]
        for step in steps { #expect(fixture.run(step) == nil, "\(step)") }
        #expect(fixture.list("") == [])
        #expect(fixture.kernel.tree.gadgets.isEmpty)
    }

    @Test func `luns may leave gaps and go up to fifteen`() {
        let fixture = KernelFixture(running: [.mkdir("g1"), .mkdir(Self.function)])
        for name in ["lun.3", "lun.15"] { #expect(fixture.run(.mkdir("\(Self.function)/\(name)")) == nil) }
        #expect(fixture.list(Self.function) == ["lun.0", "lun.15", "lun.3", "stall"])
    }

    @Test func `Intel's statistics appear where the kernel has the patch`() {
        var profile = KernelProfile.linux6_1
        profile.hasIntelStatistics = true
        let fixture = KernelFixture(profile: profile, running: GadgetState.assembled.steps)
        #expect(
            fixture.read("\(Self.lun)/stats")
                == "read cnt: 0\nread sum: 0\nwrite cnt: 0\nwrite sum: 0")
    }

    @Test(arguments: [
        ("0", true, 0), ("0x10", true, 16), ("010", true, 8), ("255", true, 255), ("+7\n", true, 7),
        ("256", false, ERANGE), ("", false, EINVAL), ("-1", false, EINVAL), ("08", false, EINVAL),
        ("0x", false, EINVAL), ("1 ", false, EINVAL), ("٣", false, EINVAL),
        ("99999999999999999999", false, ERANGE),
    ])
    func `numbers are read as the kernel reads them`(text: String, isNumber: Bool, expected: CInt) {
        do throws(Errno) {
            let value: UInt8 = try AttributeText.unsigned(text)
            #expect(isNumber && CInt(value) == expected)
        } catch {
            #expect(!isNumber && error.rawValue == expected)
        }
    }
}

struct DeviceControllerTests {
    @Test func `gadgets on a chip share its endpoints`() {
        let fixture = KernelFixture(
            chips: [.aspeedVirtualHub(portCount: 3, endpointCount: 3)],
            running: GadgetState.assembly("g1") + GadgetState.assembly("g2"))
        #expect(fixture.run(.write("g1/UDC", "1e6a0000.usb-vhub:p1")) == nil)
        #expect(fixture.run(.write("g2/UDC", "1e6a0000.usb-vhub:p2")) == .busy)
        #expect(fixture.run(.write("g1/UDC", "")) == nil)
        #expect(fixture.run(.write("g2/UDC", "1e6a0000.usb-vhub:p2")) == nil)
        #expect(fixture.kernel.controllers.listing.map(\.function) == ["", "g2", ""])
    }

    @Test func `a controller taken by another driver is busy`() throws {
        let fixture = KernelFixture(running: GadgetState.assembled.steps)
        try fixture.kernel.controllers.take("dummy_udc.0", for: "kvm", endpoints: 1)
        #expect(fixture.run(.write("g1/UDC", "dummy_udc.0")) == .busy)
        #expect(fixture.run(.write("g1/UDC", "dummy_udc.1")) == nil)
        #expect(fixture.kernel.controllers.listing.map(\.function) == ["kvm", "g1"])
    }

    @Test func `several gadgets are bound at once`() {
        let fixture = KernelFixture(running: GadgetState.assembly("g1") + GadgetState.assembly("g2"))
        #expect(fixture.run(.write("g1/UDC", "dummy_udc.0")) == nil)
        #expect(fixture.run(.write("g2/UDC", "dummy_udc.0")) == .busy)
        #expect(fixture.run(.write("g2/UDC", "dummy_udc.1")) == nil)
    }
}
