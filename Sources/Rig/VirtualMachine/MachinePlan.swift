/// How QEMU is to be started for a rig.
package struct MachinePlan: Sendable {
    /// The descriptor of QEMU with the listening socket for the operator.
    static let controlDescriptor: Int32 = 3
    static let controlPort = "mediarig.control"
    /// Of the guest on QEMU's own network.
    static let guestAddress = "10.0.2.15"
    /// The kernel reads no more of its command line.
    static let maximumCommandLineBytes = 2047

    package var definition: MachineDefinition
    package var kernel: String
    package var initramfs: String
    /// This program.
    package var agent: String
    /// Sixteen bytes in hexadecimal.
    package var token: String
    /// Folders of this machine that the guest may write to, at the same path.
    package var shares: [String] = []
    /// Ports of 127.0.0.1 of this machine, each with the guest's that it leads to.
    package var forwards: [PortForward] = []
    /// Goes off as soon as its first operator leaves.
    package var goesOffWithOperator = false
    /// Of two, decided; never ``MachineDefinition/Accelerator/auto``.
    package var accelerator: MachineDefinition.Accelerator = .tcg

    package struct PortForward: Equatable, Sendable {
        package var outside: UInt16
        package var inside: UInt16

        /// "13240:3240".
        package init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let outside = UInt16(parts[0]), let inside = UInt16(parts[1]),
                outside > 0, inside > 0
            else { return nil }
            (self.outside, self.inside) = (outside, inside)
        }
    }

    package init(
        definition: MachineDefinition, kernel: String, initramfs: String, agent: String, token: String
    ) {
        self.definition = definition
        self.kernel = kernel
        self.initramfs = initramfs
        self.agent = agent
        self.token = token
    }

    /// The command line of the guest's kernel.
    ///
    /// - Throws: when it has more bytes than the kernel reads.
    package func kernelArguments() throws(RigFailure) -> String {
        var words = [
            "console=ttyS0", "quiet", "panic=-1", "mediarig.token=\(token)",
            "mediarig.agent=\(Self.encoded(Self.split(agent).name))",
        ]
        if !shares.isEmpty {
            let list = shares.enumerated().map { "\($0.offset):\(Self.encoded($0.element))" }
            words.append("mediarig.shares=\(list.joined(separator: ","))")
        }
        if definition.network != .none { words.append("mediarig.address=\(Self.guestAddress)") }
        if goesOffWithOperator { words.append("mediarig.once") }
        let line = (words + definition.kernelArguments).joined(separator: " ")
        guard line.utf8.count <= Self.maximumCommandLineBytes else {
            throw RigFailure(.usage, "the paths of the shares are too long for the kernel's command line")
        }
        return line
    }

    /// QEMU and its arguments. Its standard output is the guest's console.
    package func arguments() throws(RigFailure) -> [String] {
        var words = [
            "qemu-system-x86_64", "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot",
            "-machine", "q35", "-accel", accelerator.rawValue,
            "-cpu", accelerator == .kvm ? "host" : "max",
            "-m", "\(definition.memoryMiB)", "-smp", "\(definition.coreCount)",
            "-kernel", kernel, "-initrd", initramfs, "-append", try kernelArguments(),
            "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
            "-device", "virtio-serial-pci",
            "-chardev", "socket,id=control,fd=\(Self.controlDescriptor),server=on,wait=off",
            "-device", "virtserialport,chardev=control,name=\(Self.controlPort)",
            "-fsdev", Self.folder("root", "/") + ",readonly=on",
            "-device", "virtio-9p-pci,fsdev=root,mount_tag=\(GuestScript.rootTag)",
            "-fsdev", Self.folder("agent", Self.split(agent).folder) + ",readonly=on",
            "-device", "virtio-9p-pci,fsdev=agent,mount_tag=\(GuestScript.agentTag)",
        ]
        for (index, share) in shares.enumerated() {
            words += [
                "-fsdev", Self.folder("share\(index)", share),
                "-device", "virtio-9p-pci,fsdev=share\(index),mount_tag=mediarig-share\(index)",
            ]
        }
        guard definition.network != .none else { return words + ["-nic", "none"] }
        var network = "user,id=network"
        if definition.network == .restricted { network += ",restrict=on" }
        for forward in forwards {
            network += ",hostfwd=tcp:127.0.0.1:\(forward.outside)-\(Self.guestAddress):\(forward.inside)"
        }
        return words + ["-netdev", network, "-device", "virtio-net-pci,netdev=network,romfile="]
    }

    private static func folder(_ identifier: String, _ path: String) -> String {
        // A comma within a value is doubled.
        let value = path.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
        return "local,id=\(identifier),path=\(value),security_model=none,multidevs=remap"
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = String(path[..<slash])
        return (folder.isEmpty ? "/" : folder, String(path[path.index(after: slash)...]))
    }

    /// A path as one word of a command line, as web servers write such things.
    static func encoded(_ path: String) -> String {
        var text = ""
        for byte in path.utf8 {
            let character = UnicodeScalar(byte)
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "/"), UInt8(ascii: "."),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                text.unicodeScalars.append(character)
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (byte < 16 ? "0" : "") + digits
            }
        }
        return text
    }
}
