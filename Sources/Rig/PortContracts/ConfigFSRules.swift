import Glibc
import VirtualMedia

/// One line of the kernel's errno table: in that state, that call ends so (0 is success).
package struct ConfigFSRule: Sendable, CustomStringConvertible {
    package let state: GadgetState
    package let step: ConfigFSStep
    package let errno: CInt

    init(_ state: GadgetState, _ step: ConfigFSStep, _ errno: CInt) {
        self.state = state
        self.step = step
        self.errno = errno
    }

    package var description: String {
        let outcome = errno == 0 ? "succeeds" : "is \(ErrnoNames.name(errno))"
        return "\(state.rawValue): \(step) \(outcome)"
    }

    var contract: PortContract {
        PortContract(.gadgetTree, description) { subject in
            try await subject.perform(state.steps)
            let found = await errorNumber(of: { () throws(SystemError) in
                try await step.perform(on: subject)
            })
            guard found != errno else { return }
            throw ContractBreach(
                "\(step) is \(ErrnoNames.name(found)), not \(ErrnoNames.name(errno))")
        }
    }

    package static let all =
        directoryRules + attributeRules + controllerRules + unitRules + unlinkedRules + removalRules

    static let function = "g1/functions/mass_storage.0"
    static let lun = "g1/functions/mass_storage.0/lun.0"

    static let directoryRules: [ConfigFSRule] = [
        ConfigFSRule(.nothing, .mkdir("g1"), 0),
        ConfigFSRule(.nothing, .mkdir("g1/functions"), ENOENT),
        ConfigFSRule(.empty, .mkdir("g1"), EEXIST),
        ConfigFSRule(.empty, .mkdir("g1/anything"), EPERM),
        ConfigFSRule(.empty, .mkdir("g1/UDC"), EEXIST),
        ConfigFSRule(.empty, .mkdir("g1/UDC/x"), ENOTDIR),
        ConfigFSRule(.empty, .mkdir(String(repeating: "n", count: 256)), ENAMETOOLONG),
        ConfigFSRule(.empty, .mkdir("g1/strings/0x409"), 0),
        ConfigFSRule(.empty, .mkdir("g1/strings/zz"), EINVAL),
        ConfigFSRule(.empty, .mkdir("g1/strings/0x0000"), EINVAL),
        ConfigFSRule(.empty, .mkdir("g1/strings/0x0009"), EINVAL),
        ConfigFSRule(.empty, .mkdir("g1/strings/0x0462"), EINVAL),
        ConfigFSRule(.empty, .mkdir("g1/strings/0x10409"), ERANGE),
        ConfigFSRule(.assembled, .mkdir("g1/strings/0x409"), EEXIST),
        ConfigFSRule(.empty, .mkdir("g1/configs/c"), EINVAL),
        ConfigFSRule(.empty, .mkdir("g1/configs/.1"), EINVAL),
        ConfigFSRule(.empty, .mkdir("g1/configs/c.0"), EINVAL),
        ConfigFSRule(.empty, .mkdir("g1/configs/c.x"), EINVAL),
        ConfigFSRule(.empty, .mkdir("g1/configs/c.255"), 0),
        ConfigFSRule(.empty, .mkdir("g1/configs/c.256"), ERANGE),
        ConfigFSRule(.assembled, .mkdir("g1/configs/other.1"), EBUSY),
        ConfigFSRule(.assembled, .mkdir("g1/configs/c.1/deeper"), EPERM),
        ConfigFSRule(.empty, .mkdir("g1/functions/foo"), EINVAL),
        ConfigFSRule(.empty, .mkdir("g1/functions/nosuch.x"), ENOENT),
        ConfigFSRule(
            .empty, .mkdir("g1/functions/mass_storage." + String(repeating: "i", count: 28)), ENAMETOOLONG),
        ConfigFSRule(
            .empty, .mkdir("g1/functions/mass_storage." + String(repeating: "i", count: 27)), ENAMETOOLONG),
        ConfigFSRule(.empty, .mkdir("g1/functions/mass_storage." + String(repeating: "i", count: 26)), 0),
        ConfigFSRule(.assembled, .mkdir(function), EEXIST),
        ConfigFSRule(.nothing, .list("g1"), ENOENT),
        ConfigFSRule(.empty, .list("g1/UDC"), ENOTDIR),
    ]

    static let attributeRules: [ConfigFSRule] = [
        ConfigFSRule(.empty, .write("g1/nothing", "1"), ENOENT),
        ConfigFSRule(.empty, .write("g1/functions", "1"), EISDIR),
        ConfigFSRule(.empty, .write("g1/idVendor", "zzz"), EINVAL),
        ConfigFSRule(.empty, .write("g1/idVendor", ""), EINVAL),
        ConfigFSRule(.empty, .write("g1/idVendor", "0x12345"), ERANGE),
        ConfigFSRule(.empty, .write("g1/idVendor", "65536"), ERANGE),
        ConfigFSRule(.empty, .write("g1/bDeviceClass", "256"), ERANGE),
        ConfigFSRule(.empty, .write("g1/bcdUSB", "0x9999"), 0),
        ConfigFSRule(.empty, .write("g1/bcdUSB", "0x020a"), EINVAL),
        ConfigFSRule(.empty, .write("g1/bcdDevice", "0xffff"), EINVAL),
        ConfigFSRule(.empty, .write("g1/max_speed", "high-speed"), 0),
        ConfigFSRule(.empty, .write("g1/max_speed", "bogus"), EINVAL),
        ConfigFSRule(.bound, .write("g1/max_speed", "high-speed"), EINVAL),
        ConfigFSRule(.bound, .write("g1/idVendor", "0x1234"), 0),
        ConfigFSRule(
            .assembled, .write("g1/strings/0x409/product", String(repeating: "p", count: 126)), 0),
        ConfigFSRule(
            .assembled, .write("g1/strings/0x409/product", String(repeating: "p", count: 127)), EOVERFLOW),
        ConfigFSRule(.assembled, .write("g1/configs/c.1/MaxPower", "500"), 0),
        ConfigFSRule(.assembled, .write("g1/configs/c.1/MaxPower", "2041"), ERANGE),
        ConfigFSRule(.assembled, .write("g1/configs/c.1/bmAttributes", "0xe0"), 0),
        ConfigFSRule(.assembled, .write("g1/configs/c.1/bmAttributes", "0x40"), EINVAL),
        ConfigFSRule(.assembled, .write("g1/configs/c.1/bmAttributes", "0x81"), EINVAL),
    ]

    static let controllerRules: [ConfigFSRule] = [
        ConfigFSRule(.assembled, .write("g1/UDC", ""), ENODEV),
        ConfigFSRule(.assembled, .write("g1/UDC", "\n"), ENODEV),
        ConfigFSRule(.assembled, .write("g1/UDC", "nonexistent"), EBUSY),
        ConfigFSRule(.assembled, .write("g1/UDC", "UDC0"), 0),
        ConfigFSRule(.assembled, .write("g1/UDC", "UDC0\n"), 0),
        ConfigFSRule(.assembled, .write("g1/UDC", "dummy\0udc"), EOVERFLOW),
        ConfigFSRule(.empty, .write("g1/UDC", "UDC0"), EBUSY),
        ConfigFSRule(.bound, .write("g1/UDC", "UDC0"), EBUSY),
        ConfigFSRule(.bound, .write("g1/UDC", "UDC1"), EBUSY),
        ConfigFSRule(.bound, .write("g1/UDC", ""), 0),
    ]

    static let unitRules: [ConfigFSRule] = [
        ConfigFSRule(.loaded, .write("\(lun)/ro", "1"), EBUSY),
        ConfigFSRule(.loaded, .write("\(lun)/cdrom", "1"), EBUSY),
        ConfigFSRule(.loaded, .write("\(lun)/removable", "0"), 0),
        ConfigFSRule(.loaded, .write("\(lun)/nofua", "1"), 0),
        ConfigFSRule(.loaded, .write("\(lun)/inquiry_string", "X"), 0),
        ConfigFSRule(.assembled, .write("\(lun)/ro", "banana"), EINVAL),
        ConfigFSRule(.assembled, .write("\(lun)/ro", "on"), 0),
        ConfigFSRule(.assembled, .write("\(lun)/cdrom", "Y"), 0),
        ConfigFSRule(.assembled, .write("\(lun)/file", "IMAGES/none"), ENOENT),
        ConfigFSRule(.assembled, .write("\(lun)/file", "IMAGES"), EISDIR),
        ConfigFSRule(.assembled, .write("\(lun)/file", "/dev/null"), EINVAL),
        ConfigFSRule(.assembled, .write("\(lun)/file", "/dev/nbd99"), ENOENT),
        ConfigFSRule(.assembled, .write("\(lun)/file", "NBD0"), 525),
        ConfigFSRule(.assembled, .write("\(lun)/file", "IMAGES/empty.img"), 525),
        ConfigFSRule(.assembled, .write("\(lun)/file", "IMAGES/short.img"), 525),
        ConfigFSRule(.assembled, .write("\(lun)/file", "IMAGES/disk.img\n"), 0),
        ConfigFSRule(.assembled, .write("\(lun)/file", ""), 0),
        ConfigFSRule(.boundLoaded, .write("\(lun)/file", "IMAGES/other.img"), 0),
        ConfigFSRule(.assembled, .read("\(lun)/forced_eject"), EACCES),
        ConfigFSRule(.assembled, .write("\(lun)/forced_eject", "1"), 0),
        ConfigFSRule(.boundLoaded, .write("\(lun)/forced_eject", "x"), 0),
        ConfigFSRule(.assembled, .read("\(lun)/stats"), ENOENT),
        ConfigFSRule(.assembled, .write("\(function)/stall", "1"), EBUSY),
        ConfigFSRule(.assembled, .mkdir("\(function)/lun.2"), EBUSY),
        ConfigFSRule(.bound, .mkdir("\(function)/lun.2"), EBUSY),
        ConfigFSRule(.assembled, .mkdir("\(function)/lun.16"), ERANGE),
        ConfigFSRule(.assembled, .mkdir("\(function)/lun.x"), EINVAL),
        ConfigFSRule(.assembled, .mkdir("\(function)/foo"), EINVAL),
        ConfigFSRule(.assembled, .mkdir("\(function)/lun.1"), EEXIST),
    ]

    /// What is fixed once the function is linked.
    static let unlinkedRules: [ConfigFSRule] = [
        ConfigFSRule(.unlinked, .mkdir("\(function)/lun.3"), 0),
        ConfigFSRule(.unlinked, .mkdir("\(function)/lun.15"), 0),
        ConfigFSRule(.unlinked, .mkdir("\(function)/lun.16"), ERANGE),
        ConfigFSRule(.unlinked, .mkdir("\(function)/lun.256"), ERANGE),
        ConfigFSRule(.unlinked, .mkdir("\(function)/lun."), EINVAL),
        ConfigFSRule(.unlinked, .mkdir("\(function)/lun.-1"), EINVAL),
        ConfigFSRule(.unlinked, .mkdir("\(function)/lun.01"), EBUSY),
        ConfigFSRule(.unlinked, .mkdir("\(function)/other.2"), 0),
        ConfigFSRule(.unlinked, .write("\(function)/stall", "1"), 0),
        ConfigFSRule(.unlinked, .write("\(function)/stall", "2"), EINVAL),
        ConfigFSRule(.unlinked, .write("g1/UDC", "UDC0"), EBUSY),
        ConfigFSRule(.unlinked, .rmdir(function), ENOTEMPTY),
        ConfigFSRule(.unlinked, .rmdir("\(function)/lun.1"), 0),
        ConfigFSRule(.unlinked, .rmdir("g1/configs/c.1"), ENOTEMPTY),
        ConfigFSRule(.unlinked, .rmdir("g1/configs/c.1/strings/0x409"), 0),
        ConfigFSRule(.unlinked, .rmdir("g1/configs/c.1/strings"), EPERM),
        ConfigFSRule(.unlinked, .link("g1/configs/c.1/any name", to: function), 0),
        ConfigFSRule(.unlinked, .link("g1/configs/c.1/gadget", to: "g1"), EINVAL),
        ConfigFSRule(.unlinked, .write("\(lun)/file", "/dev"), EISDIR),
        ConfigFSRule(.unlinked, .write("\(lun)/file", "IMAGES/disk.img/x"), ENOTDIR),
        ConfigFSRule(.unlinked, .write("\(lun)/file", "relative.img"), ENOENT),
        ConfigFSRule(.unlinked, .write("\(lun)/removable", "yes"), 0),
        ConfigFSRule(.unlinked, .write("\(lun)/nofua", ""), EINVAL),
        ConfigFSRule(.unlinked, .write("g1/strings/0x409/serialnumber", ""), 0),
        ConfigFSRule(.unlinked, .write("g1/idVendor", "0x1d6b "), EINVAL),
        ConfigFSRule(.unlinked, .write("g1/idVendor", "+7"), 0),
        ConfigFSRule(.unlinked, .write("g1/idVendor", "-1"), EINVAL),
        ConfigFSRule(.unlinked, .write("g1/idVendor", "017"), 0),
        ConfigFSRule(.unlinked, .write("g1/idVendor", "018"), EINVAL),
        ConfigFSRule(.unlinked, .write("g1/max_speed", "super-speed-plus-plus"), 0),
        ConfigFSRule(.unlinked, .write("g1/bcdUSB", "0x0210\n"), 0),
        ConfigFSRule(.unlinked, .write("g1/configs/c.1/MaxPower", "2040"), 0),
        ConfigFSRule(.unlinked, .mkdir("g1/strings/0x409/x"), EPERM),
        ConfigFSRule(.unlinked, .mkdir("g1/strings/1033"), EEXIST),
    ]

    static let removalRules: [ConfigFSRule] = [
        ConfigFSRule(.nothing, .rmdir("g1"), ENOENT),
        ConfigFSRule(.empty, .rmdir("g1"), 0),
        ConfigFSRule(.empty, .rmdir("g1/functions"), EPERM),
        ConfigFSRule(.empty, .rmdir("g1/idVendor"), ENOTDIR),
        ConfigFSRule(.assembled, .rmdir("g1"), ENOTEMPTY),
        ConfigFSRule(.assembled, .rmdir(function), EBUSY),
        ConfigFSRule(.assembled, .rmdir(lun), EPERM),
        ConfigFSRule(.assembled, .rmdir("\(function)/lun.1"), 0),
        ConfigFSRule(.bound, .rmdir("\(function)/lun.1"), 0),
        ConfigFSRule(.assembled, .rmdir("g1/configs/c.1"), ENOTEMPTY),
        ConfigFSRule(.assembled, .rmdir("g1/configs/c.1/mass_storage.0"), ENOTDIR),
        ConfigFSRule(.bound, .rmdir("g1/strings/0x409"), 0),
        ConfigFSRule(.bound, .unlink("g1/configs/c.1/mass_storage.0"), 0),
        ConfigFSRule(.assembled, .unlink("g1/configs/c.1/nothing"), ENOENT),
        ConfigFSRule(.assembled, .unlink("g1/configs/c.1"), EISDIR),
        ConfigFSRule(.assembled, .unlink("g1/UDC"), EPERM),
        ConfigFSRule(.assembled, .link("g1/configs/c.1/mass_storage.0", to: function), EEXIST),
        ConfigFSRule(.assembled, .link("g1/configs/c.1/second", to: function), EEXIST),
        ConfigFSRule(.bound, .link("g1/configs/c.1/second", to: function), EINVAL),
        ConfigFSRule(.assembled, .link("g1/configs/c.1/lun", to: lun), EINVAL),
        ConfigFSRule(.assembled, .link("g1/configs/c.1/none", to: "g1/functions/none.0"), ENOENT),
        ConfigFSRule(.assembled, .link("g1/functions/link", to: function), EPERM),
    ]
}
