import Foundation
import Glibc
import LinuxPlatform
import SimulatedBMC
import TestSupport
import Testing
import VirtualMedia

@testable import KernelDevices

/// On a plain folder: what configfs itself answers is in the contracts, which run on a kernel.
struct ConfigFSGadgetTreeTests {
    @Test func `attributes are written in one call and read without their newline`() async throws {
        let folder = try TemporaryFolder()
        try folder.write([], to: "UDC")
        let tree = ConfigFSGadgetTree(root: folder.path)
        try await tree.write("dummy_udc.0", to: "UDC")
        #expect(try String(contentsOfFile: folder.file("UDC"), encoding: .utf8) == "dummy_udc.0")
        try folder.write(Array("one\n\n".utf8), to: "UDC")
        #expect(try await tree.read("UDC") == "one\n")
    }

    @Test func `clearing an attribute writes a newline, since nothing written is nothing told`() async throws
    {
        let folder = try TemporaryFolder()
        try folder.write([], to: "file")
        try await ConfigFSGadgetTree(root: folder.path).write("", to: "file")
        #expect(try String(contentsOfFile: folder.file("file"), encoding: .utf8) == "\n")
    }

    @Test func `directories and links are made, listed sorted and removed`() async throws {
        let folder = try TemporaryFolder()
        let tree = ConfigFSGadgetTree(root: folder.path)
        for name in ["b", "a", "c"] { try await tree.makeDirectory(name) }
        try await tree.makeLink(at: "b/link", to: "a")
        #expect(try await tree.list("") == ["a", "b", "c"])
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("b/link"))
                == folder.file("a"))
        try await tree.removeLink("b/link")
        try await tree.removeDirectory("b")
        #expect(try await tree.list("") == ["a", "c"])
    }

    @Test func `each failure keeps its errno and says what was attempted`() async throws {
        let folder = try TemporaryFolder()
        let tree = ConfigFSGadgetTree(root: folder.path)
        try await tree.makeDirectory("g")
        await #expect(throws: SystemError(EEXIST, "mkdir usb_gadget/g")) { try await tree.makeDirectory("g") }
        await #expect(throws: SystemError(ENOENT, "mkdir usb_gadget/x/y")) {
            try await tree.makeDirectory("x/y")
        }
        await #expect(throws: SystemError(ENOENT, "read usb_gadget/g/UDC")) { try await tree.read("g/UDC") }
        await #expect(throws: SystemError(ENOENT, "write usb_gadget/g/UDC")) {
            try await tree.write("", to: "g/UDC")
        }
        await #expect(throws: SystemError(ENOENT, "rmdir usb_gadget/h")) {
            try await tree.removeDirectory("h")
        }
        await #expect(throws: SystemError(EISDIR, "unlink usb_gadget/g")) { try await tree.removeLink("g") }
        await #expect(throws: SystemError(ENOENT, "list usb_gadget/h")) { try await tree.list("h") }
    }

    @Test func `a machine without a gadget tree is told apart from a missing parent`() async throws {
        let tree = ConfigFSGadgetTree(root: "/nonexistent")
        let error = await #expect(throws: SystemError.self) { try await tree.makeDirectory("g") }
        #expect(error?.errno == ENODEV && error?.operation.contains("libcomposite") == true)
    }
}

struct SysfsControllerDirectoryTests {
    private func add(_ name: String, _ attributes: [String: String], to folder: TemporaryFolder) throws {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        for (attribute, value) in attributes {
            try folder.write(Array("\(value)\n".utf8), to: "\(name)/\(attribute)")
        }
    }

    @Test func `controllers are sorted, and one that is going is left out`() async throws {
        let folder = try TemporaryFolder()
        let speeds = ["current_speed": "UNKNOWN", "maximum_speed": "super-speed"]
        try add("dummy_udc.1", ["state": "not attached", "function": ""].merging(speeds) { $1 }, to: folder)
        try add("dummy_udc.0", ["state": "configured", "function": "g1"].merging(speeds) { $1 }, to: folder)
        try add("going", ["state": "configured"], to: folder)
        let found = try await SysfsControllerDirectory(root: folder.path).controllers()
        #expect(
            found == [
                DeviceController(
                    name: "dummy_udc.0", state: "configured", function: "g1", currentSpeed: "UNKNOWN",
                    maximumSpeed: "super-speed"),
                DeviceController(
                    name: "dummy_udc.1", state: "not attached", function: "", currentSpeed: "UNKNOWN",
                    maximumSpeed: "super-speed"),
            ])
    }

    /// The ports of an ASPEED hub as sysfs has them, below `root`; `cell` is what the device tree says of endpoints.
    private func addHub(ports: Int, cell: [UInt8]?, compatible: String, to root: TemporaryFolder) throws {
        let hub = "devices/1e6a0000.usb-vhub"
        let files = FileManager.default
        for port in 1...ports {
            let name = "1e6a0000.usb-vhub:p\(port)"
            try add(
                "\(hub)/\(name)/udc/\(name)",
                [
                    "state": "not attached", "function": "", "current_speed": "UNKNOWN",
                    "maximum_speed": "high-speed",
                ], to: root)
            try files.createSymbolicLink(
                atPath: root.file("\(hub)/\(name)/udc/\(name)/device"), withDestinationPath: "../..")
            try files.createDirectory(atPath: root.file("class"), withIntermediateDirectories: true)
            try files.createSymbolicLink(
                atPath: root.file("class/\(name)"), withDestinationPath: "../\(hub)/\(name)/udc/\(name)")
        }
        try files.createDirectory(atPath: root.file("\(hub)/of_node"), withIntermediateDirectories: true)
        try root.write(Array("\(compatible)\0".utf8), to: "\(hub)/of_node/compatible")
        if let cell { try root.write(cell, to: "\(hub)/of_node/aspeed,vhub-generic-endpoints") }
    }

    /// Ports, and what the device tree says; 10 is a newline too.
    @Test(arguments: [(7, 21), (5, 15), (2, 10), (1, 200)])
    func `an ASPEED hub is what the simulation takes it for`(ports: Int, endpoints: Int) async throws {
        let folder = try TemporaryFolder()
        try addHub(
            ports: ports, cell: [0, 0, 0, UInt8(endpoints)], compatible: "aspeed,ast2600-usb-vhub", to: folder
        )
        let found = try await SysfsControllerDirectory(root: folder.file("class")).controllers()
        let executor = ThreadExecutor(name: "kernel")
        let kernel = SimulatedKernel(
            executor: executor, clock: SystemClock(), spawner: SystemSpawner(),
            controllers: [.aspeedVirtualHub(portCount: ports, endpointCount: endpoints)])
        #expect(try await kernel.controllers() == found)
        await kernel.shutDown()
        executor.stop()
    }

    @Test func `a hub whose device tree is silent has what its driver takes`() async throws {
        let folder = try TemporaryFolder()
        try addHub(ports: 1, cell: nil, compatible: "aspeed,ast2500-usb-vhub", to: folder)
        let found = try await SysfsControllerDirectory(root: folder.file("class")).controllers()
        #expect(found.map(\.endpoints) == [EndpointPool(name: "1e6a0000.usb-vhub", endpointCount: 15)])
    }

    @Test func `other controllers tell of no endpoints`() async throws {
        let folder = try TemporaryFolder()
        try addHub(ports: 1, cell: [0, 0, 0, 9], compatible: "snps,dwc2", to: folder)
        let found = try await SysfsControllerDirectory(root: folder.file("class")).controllers()
        #expect(found.count == 1 && found[0].endpoints == nil)
    }

    @Test func `a machine without the class has no controllers`() async throws {
        #expect(try await SysfsControllerDirectory(root: "/nonexistent").controllers().isEmpty)
    }
}
