import FaultPlan
import Scenarios
import Testing
import VirtualMedia

@testable import RealTime

/// What of a world on a kernel needs no kernel.
struct KernelWorldTests {
    @Test func `the service reads the slots that the world writes down`() throws {
        var proxy = SlotConfiguration(name: "Slot_0", mode: .proxy, device: "nbd0")
        proxy.socket = "/tmp/x/nbd0.sock"
        proxy.endpoint = "/nbd/0"
        proxy.kind = .cdrom
        proxy.controllers = ["dummy_udc.0", "dummy_udc.1"]
        proxy.usb.serialNumber = "00000000ABCDA000"
        var legacy = SlotConfiguration(name: "Slot_1", mode: .legacy, device: "nbd1")
        legacy.inactivitySeconds = 90
        legacy.timeoutSeconds = 45
        legacy.blockBytes = 4096
        legacy.failurePolicy.stallSeconds = 7
        legacy.failurePolicy.errorSeconds = 0
        legacy.requestTimeoutSeconds = 9
        legacy.readAheadBytes = 128 << 10
        legacy.usb.serialNumber = "00000000ABCDA001"
        let configuration = MediaConfiguration(slots: [proxy, legacy])
        let read = ConfigurationReader.read(ServiceDocument.text(configuration), file: "x")
        #expect(read.issues.isEmpty, "\(read.issues)")
        #expect(read.configuration == configuration)
    }

    @Test(arguments: [
        ("dummy_udc.0", true), ("dummy_udc.31", true), ("1e6a0000.usb-vhub:p1", false),
        ("dummy_udc.x", false),
    ])
    func `only dummy_hcd's controllers have their host here`(controller: String, isHere: Bool) {
        #expect((KernelHostPort(controller) != nil) == isHere)
    }

    static let lacking: [(Scenario, String)] = [
        (scenario([.host(.suspend)]), "step host suspend: nothing asks this kernel's host for it"),
        (
            scenario([.process(.kill, .server)], mode: .legacy),
            "step process kill of server: a Legacy slot's is part of the service"
        ),
        (
            scenario([], faults: [Fault("configfs.errno")]),
            "fault f1 (configfs.errno): the catalogue has it for sim, emulated"
        ),
        (
            scenario([.process(.stop, .server)]),
            "NBD servers with faults or that stand still: here they are real"
        ),
        (scenario([], chip: .aspeed), "controller 1e6a0000.usb-vhub:p1: only dummy_hcd's are here"),
        (scenario([], worlds: [.sim]), "it is for sim only"),
    ]

    private static func scenario(
        _ steps: [Scenario.Step], mode: SlotMode = .proxy, faults: [Fault] = [],
        chip: Scenario.Chip.Kind = .dummy, worlds: [Scenario.World] = Scenario.World.allCases
    ) -> Scenario {
        var scenario = Scenario(
            "x",
            topology: .init(
                slots: [.init("Slot_0", mode: mode)], images: [.init("disk", 1 << 20)],
                controllers: [.init(chip)]),
            steps: steps, faults: faults)
        scenario.worlds = worlds
        return scenario
    }

    @Test(arguments: lacking.indices)
    func `what a kernel cannot do is named`(index: Int) throws {
        let (scenario, reason) = Self.lacking[index]
        let missing = KernelCapabilities.missing(for: try scenario.resolve(seed: 1).scenario)
        #expect(missing.contains(reason), "\(missing)")
    }
}
