/// The whole list of what can be probed, in the order it is shown.
package struct Probe {
    private let machine: any Machine

    package init(_ machine: any Machine) { self.machine = machine }

    package func capabilities() -> [Capability] {
        Self.tools.map(tool) + Self.modules.map(module) + [
            fuse, usbDevices, configfs, deviceController, root,
        ]
    }

    /// Checks `names` against what was found.
    ///
    /// - Returns: the names that are missing or unknown, in the order asked.
    package static func unmet(_ names: [String], in found: [Capability]) -> [String] {
        names.filter { name in !found.contains { $0.name == name && $0.isPresent } }
    }

    private struct Tool {
        let name: String
        let package: String
        let purpose: String
    }

    private static let tools = [
        Tool(name: "xorriso", package: "xorriso", purpose: "makes the demo's bootable ISO"),
        Tool(name: "mkfs.vfat", package: "dosfstools", purpose: "makes the demo's FAT image"),
        Tool(name: "mcopy", package: "mtools", purpose: "fills FAT images"),
        Tool(name: "gcc", package: "gcc", purpose: "assembles the demo's boot payload"),
        Tool(name: "nbdkit", package: "nbdkit", purpose: "peer of the NBD benchmarks and tests"),
        Tool(name: "nbdcopy", package: "libnbd-bin", purpose: "foreign NBD client"),
        Tool(name: "qemu-img", package: "qemu-utils", purpose: "foreign NBD client"),
        Tool(name: "fio", package: "fio", purpose: "random I/O benchmarks"),
        Tool(name: "bindfs", package: "bindfs", purpose: "peer of the store's benchmarks"),
        Tool(name: "smbd", package: "samba", purpose: "shares the store by SMB"),
        Tool(name: "smbclient", package: "smbclient", purpose: "foreign SMB client"),
        Tool(name: "busctl", package: "systemd", purpose: "foreign D-Bus client"),
        Tool(name: "gdbus", package: "libglib2.0-bin", purpose: "foreign D-Bus client"),
        Tool(name: "dbus-daemon", package: "dbus-daemon", purpose: "foreign message bus"),
        Tool(name: "nginx", package: "nginx-light", purpose: "foreign image server"),
        Tool(
            name: "qemu-system-x86_64", package: "qemu-system-x86",
            purpose: "boots the demo's images, and the rig with a real kernel"),
        Tool(name: "busybox", package: "busybox-static", purpose: "starts the rig's guest"),
        Tool(name: "xz", package: "xz-utils", purpose: "unpacks the rig's kernel"),
        Tool(name: "setpriv", package: "util-linux", purpose: "ends the rig's guest with whoever started it"),
        Tool(name: "ssh", package: "openssh-client", purpose: "reaches a rig that is a machine of its own"),
    ]

    private static let modules: [(name: String, purpose: String)] = [
        ("nbd", "attaches an image server to a block device of this kernel"),
        ("libcomposite", "builds USB gadgets in configfs on this kernel"),
        ("usb_f_mass_storage", "gives a gadget its mass-storage function"),
        ("dummy_hcd", "is a USB host and a device controller in one, without hardware"),
        ("vhci_hcd", "attaches a device over USB/IP"),
    ]

    private func tool(_ tool: Tool) -> Capability {
        let path = machine.executable(tool.name)
        return Capability(
            name: tool.name, purpose: tool.purpose, isPresent: path != nil,
            finding: path ?? "not on the PATH", remedy: "apt-get install \(tool.package)")
    }

    private func module(_ module: (name: String, purpose: String)) -> Capability {
        let isPresent = machine.hasModule(module.name)
        return Capability(
            name: "kernel-\(module.name)", purpose: module.purpose, isPresent: isPresent,
            finding: isPresent ? "this kernel has it" : "not in this kernel",
            remedy: "run on a kernel that has the module, or in a virtual machine")
    }

    private var fuse: Capability {
        let isPresent = machine.canReadAndWrite("/dev/fuse")
        return Capability(
            name: "fuse", purpose: "mounts simulated files", isPresent: isPresent,
            finding: isPresent ? "/dev/fuse" : "/dev/fuse cannot be opened",
            remedy: "load the fuse module, or run as a user that may open /dev/fuse")
    }

    private var usbDevices: Capability {
        let isPresent = machine.exists("/dev/bus/usb")
        // usbfs lets a device be listed by everybody, and driven by who may write to its node.
        let whose = machine.isRoot ? "" : ", for devices whose node this user may write to"
        return Capability(
            name: "usb-devices", purpose: "drives a real USB device (observe --usb)", isPresent: isPresent,
            finding: isPresent ? "/dev/bus/usb" + whose : "no /dev/bus/usb",
            remedy: "run where a USB host controller is, or in the rig dummy-hcd-vm")
    }

    private var configfs: Capability {
        let isPresent = machine.exists("/sys/kernel/config/usb_gadget")
        return Capability(
            name: "configfs-gadget", purpose: "builds USB gadgets on this kernel", isPresent: isPresent,
            finding: isPresent ? "/sys/kernel/config/usb_gadget" : "no /sys/kernel/config/usb_gadget",
            remedy: "mount -t configfs none /sys/kernel/config; modprobe libcomposite")
    }

    private var deviceController: Capability {
        let names = machine.names(in: "/sys/class/udc")
        return Capability(
            name: "device-controller", purpose: "shows gadgets to a host", isPresent: !names.isEmpty,
            finding: names.isEmpty ? "none in /sys/class/udc" : names.joined(separator: " "),
            remedy: "modprobe dummy_hcd num=8, or a board with a USB device port")
    }

    private var root: Capability {
        Capability(
            name: "root", purpose: "installs packages; attaches kernel devices", isPresent: machine.isRoot,
            finding: machine.isRoot ? "effective user 0" : "not root", remedy: "run as root or with sudo")
    }
}
