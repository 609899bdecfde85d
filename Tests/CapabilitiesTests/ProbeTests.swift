import Capabilities
import Testing

private struct ImaginedMachine: Machine {
    var executables: Set<String> = []
    var paths: Set<String> = []
    var modules: Set<String> = []
    var isRoot = false

    func executable(_ name: String) -> String? { executables.contains(name) ? "/usr/bin/\(name)" : nil }
    func exists(_ path: String) -> Bool { paths.contains(path) }
    func canReadAndWrite(_ path: String) -> Bool { paths.contains(path) }
    func names(in folder: String) -> [String] {
        paths.filter { $0.hasPrefix(folder + "/") }.map { String($0.dropFirst(folder.count + 1)) }.sorted()
    }
    func hasModule(_ name: String) -> Bool { modules.contains(name) }
}

struct ProbeTests {
    @Test func `on a bare machine each thing is missing and says how to get it`() {
        let found = Probe(ImaginedMachine()).capabilities()
        #expect(found.count > 15)
        for capability in found {
            #expect(!capability.isPresent)
            #expect(!capability.remedy.isEmpty && !capability.purpose.isEmpty && !capability.finding.isEmpty)
        }
    }

    @Test(arguments: [
        "nbdkit", "kernel-nbd", "fuse", "usb-devices", "configfs-gadget", "device-controller", "root",
    ])
    func `what is there is found, and only that`(name: String) {
        var machine = ImaginedMachine()
        switch name {
        case "nbdkit": machine.executables = ["nbdkit"]
        case "kernel-nbd": machine.modules = ["nbd"]
        case "fuse": machine.paths = ["/dev/fuse"]
        case "usb-devices": machine.paths = ["/dev/bus/usb"]
        case "device-controller": machine.paths = ["/sys/class/udc/dummy_udc.0"]
        case "configfs-gadget": machine.paths = ["/sys/kernel/config/usb_gadget"]
        default: machine.isRoot = true
        }
        let found = Probe(machine).capabilities()
        #expect(found.filter(\.isPresent).map(\.name) == [name])
        #expect(found.first { $0.name == name }?.remedy == "")
        #expect(Probe.unmet([name], in: found).isEmpty)
    }

    @Test func `a name that nothing bears counts as missing`() {
        let found = Probe(ImaginedMachine(executables: ["fio"])).capabilities()
        #expect(Probe.unmet(["fio", "flux-capacitor", "nbdkit"], in: found) == ["flux-capacitor", "nbdkit"])
    }

    @Test func `names are unique`() {
        let names = Probe(ImaginedMachine()).capabilities().map(\.name)
        #expect(Set(names).count == names.count)
    }

    @Test func `this machine has a shell and no imaginary module`() {
        let machine = ThisMachine(path: "/usr/bin:/bin")
        #expect(machine.executable("sh") != nil)
        #expect(machine.executable("no-such-program") == nil)
        #expect(!machine.hasModule("no_such_module"))
    }
}
