import Testing

@testable import VirtualMachine

struct RigDefinitionTests {
    static func document(_ machine: String) -> String {
        "targets:\n  main:\n    features: [nbd]\n    resources:\n      QEMUMachine:\n        memory: 256\n\(machine)"
    }

    private func failure(of yaml: String) -> String? {
        do throws(RigFailure) {
            _ = try RigDefinition(name: "x", yaml: yaml, file: "rig.yaml")
            return nil
        } catch { return error.kind == .usage ? error.description : "no usage failure: \(error)" }
    }

    @Test func `a machine is read, with what is not said at its default`() throws {
        let yaml = Self.document("        modules: [nbd nbds_max=16 max_part=0, sd_mod]\n")
        let definition = try RigDefinition(name: "x", yaml: yaml, file: "rig.yaml")
        guard case .machine(let machine) = definition.place else {
            Issue.record("\(definition)")
            return
        }
        #expect(definition.features == ["nbd"])
        #expect(machine.memoryMiB == 256 && machine.coreCount == 1 && machine.network == .restricted)
        #expect(machine.modules == [.init("nbd", parameters: "nbds_max=16 max_part=0"), .init("sd_mod")])
    }

    @Test func `a machine of its own is read`() throws {
        let yaml = "targets:\n  main:\n    resources:\n      NetworkService: {address: bmc, port: 2222}\n"
        let definition = try RigDefinition(name: "x", yaml: yaml, file: "rig.yaml")
        #expect(definition.place == .network(NetworkService(address: "bmc", user: "root", port: 2222)))
    }

    static let wrong: [(String, String)] = [
        ("", "rig.yaml: empty; a rig has `targets:`"),
        ("[]", "rig.yaml:1: the document wants fields"),
        ("targets: {}", "rig.yaml:1: targets a rig has one target, `main`"),
        ("targets: {main: {}}", "rig.yaml:1: targets.main.resources is missing"),
        (
            "targets:\n  main:\n    resources: {}",
            "rig.yaml:3: targets.main.resources wants QEMUMachine or NetworkService, one of them"
        ),
        (
            document("        memmory: 1\n"),
            "rig.yaml:7: targets.main.resources.QEMUMachine.memmory is no field that is known here"
        ),
        (
            document("        cores: 0\n"),
            "rig.yaml:7: targets.main.resources.QEMUMachine.cores wants a number from 1 to 64"
        ),
        (
            document("        cores: many\n"),
            "rig.yaml:7: targets.main.resources.QEMUMachine.cores wants a number from 1 to 64"
        ),
        (
            document("        network: wide\n"),
            "rig.yaml:7: targets.main.resources.QEMUMachine.network is [\"none\", \"restricted\", \"open\"], not wide"
        ),
        (
            document("        modules: nbd\n"),
            "rig.yaml:7: targets.main.resources.QEMUMachine.modules wants a list"
        ),
        (
            "targets: {main: {resources: {NetworkService: {username: me}}}}",
            "rig.yaml:1: targets.main.resources.NetworkService.address is missing"
        ),
        (
            "targets: {main: {resources: {NetworkService: {address: a, port: 70000}}}}",
            "rig.yaml:1: targets.main.resources.NetworkService.port wants a number from 1 to 65535"
        ),
    ]

    @Test(arguments: wrong)
    func `what is wrong is said with its place`(yaml: String, message: String) {
        #expect(failure(of: yaml) == message)
    }

    @Test func `the rigs that are shipped are right`() throws {
        let library = RigPlaces.root + "/rigs"
        #expect(RigStation.names(in: library) == ["board", "dummy-hcd-vm"])
        for name in RigStation.names(in: library) {
            #expect(try RigStation.definition(name, library: library).name == name)
        }
        #expect(throws: RigFailure.self) { try RigStation.definition("nosuch", library: library) }
    }
}
