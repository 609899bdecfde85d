internal import FaultPlan
internal import FaultPoints
internal import FaultyFiles
internal import MessageBus
internal import RemoteStore
package import Scenarios
internal import SimulatedBMC
internal import SimulatedNetwork
internal import StoreService
internal import VirtualMedia

/// What an emulated world can do. A scenario that needs more does not run there at all: what is left out in
/// silence would look like a proof.
package enum EmulatedCapabilities {
    /// Kinds of faults that the host carries out with commands to its disks.
    static let hostStrikes = ["host.eject", "host.prevent-removal", "usb.reset"]

    /// What the parts of the world do to what they meet.
    static let tables: [FaultTable] =
        [SimulatedKernel.carriedOut, MessageBus.carriedOut, StoreFaults.carriedOut, FaultyStore.carriedOut]
        + [NetworkFaults.carriedOut]
        + [AnswerFaults.carriedOut, HandshakeFaults.carriedOut, AnswerFaults.carriedOutAtClose]

    /// Operations of the store that an HTTPS server has for its files.
    private static let servedOperations: Set<String> = ["open", "getattr", "read"]
    /// Operations that the disk of a Proxy slot's client has.
    private static let diskOperations = Set(FaultyStore.carriedOut.entries.map(\.operation))

    /// Whether faults stand between NBD clients and servers, or one of these has to stand still: then servers
    /// that can do so stand in for the real ones.
    static func needsFaultyServers(_ scenario: Scenario) -> Bool {
        scenario.steps.contains(where: letsServerStand)
            || scenario.faults.contains { fault in
                if fault.kind == "process.stop" { return fault.parameters["process"] == "server" }
                guard let kind = FaultCatalogue.standard[fault.kind] else { return false }
                return kind.manner == .met && [.nbdSocket, .network].contains(kind.metIn)
            }
    }

    private static func letsServerStand(_ step: Scenario.Step) -> Bool {
        switch step {
        case .process(let action): action.target == .server && [.stop, .continue].contains(action.kind)
        case .repeat(let group): group.steps.contains(where: letsServerStand)
        case .parallel(let group): group.branches.contains { $0.contains(where: letsServerStand) }
        case .insert, .eject, .wait, .expect, .read, .write, .host, .image, .heal, .mark, .choose: false
        }
    }

    /// - Parameter scenario: with nothing left to be drawn.
    /// - Returns: what it needs and this world lacks, in words; empty when it can run.
    package static func missing(for scenario: Scenario) -> [String] {
        missing(for: scenario, in: .emulated)
    }

    /// The same for another world whose bus, store and clients are these.
    static func missing(for scenario: Scenario, in world: FaultWorld) -> [String] {
        var missing: [String] = []
        if world == .emulated, !scenario.worlds.contains(.emulated) {
            missing.append("it is for \(scenario.worlds.map(\.rawValue).joined(separator: ", ")) only")
        }
        missing += topologyMissing(for: scenario.topology)
        for step in scenario.steps { missing += stepMissing(step, scenario.topology) }
        for fault in scenario.faults {
            if let reason = faultMissing(fault, scenario.topology, in: world) {
                missing.append("fault \(fault.identifier) (\(fault.kind)): \(reason)")
            }
        }
        var seen: Set<String> = []
        return missing.filter { seen.insert($0).inserted }
    }

    // MARK: Topology

    private static func topologyMissing(for topology: Scenario.Topology) -> [String] {
        var missing: [String] = []
        if topology.store.bytesPerSecond != nil {
            missing.append("a store whose connections share a bandwidth; use the fault http.bandwidth")
        }
        for image in topology.images {
            let dataBytes = StoredImages.dataBytes(of: image)
            if dataBytes > StoredImages.maximumDataBytes {
                missing.append(
                    "room for image \(image.name): \(dataBytes) bytes of data, the most is "
                        + "\(StoredImages.maximumDataBytes)")
            }
        }
        return missing
    }

    // MARK: Steps

    private static func stepMissing(_ step: Scenario.Step, _ topology: Scenario.Topology) -> [String] {
        switch step {
        case .process(let action):
            let isStanding = action.kind == .stop || action.kind == .continue
            let slots = topology.slots.filter { action.slot == .all || action.slot == .named($0.name) }
            guard action.target == .server, isStanding, slots.contains(where: { $0.mode == .legacy }) else {
                return []
            }
            return ["step process \(action.kind.rawValue) of server: a Legacy slot's is part of the service"]
        case .repeat(let group): return group.steps.flatMap { stepMissing($0, topology) }
        case .parallel(let group): return group.branches.flatMap { $0 }.flatMap { stepMissing($0, topology) }
        case .insert, .eject, .wait, .expect, .read, .write, .host, .image, .heal, .mark, .choose: return []
        }
    }

    // MARK: Faults

    private static func faultMissing(
        _ fault: Fault, _ topology: Scenario.Topology, in world: FaultWorld
    ) -> String? {
        guard let kind = FaultCatalogue.standard[fault.kind] else { return "unknown" }
        guard kind.worlds.contains(world) else {
            return "the catalogue has it for \(kind.worlds.map(\.rawValue).joined(separator: ", "))"
        }
        guard kind.manner == .met else { return strikeMissing(fault, topology) }
        let known = operations(of: kind.metIn, topology).intersection(kind.operations)
        let reached = fault.select.operations(among: known)
        guard reached.isEmpty else { return nil }
        return "nothing here has the operation \(kind.operations.joined(separator: ", ")) of layer "
            + kind.metIn.rawValue
    }

    private static func strikeMissing(_ fault: Fault, _ topology: Scenario.Topology) -> String? {
        guard EmulatedWorld.strikes.contains(fault.kind) || hostStrikes.contains(fault.kind) else {
            return "nobody here carries it out"
        }
        if fault.kind == "process.stop", fault.parameters["process"] == "server",
            !topology.slots.contains(where: { $0.mode == .proxy })
        {
            return "a Legacy slot's server is part of the service"
        }
        return nil
    }

    /// What of a layer happens in a world of that topology.
    private static func operations(of layer: FaultLayer, _ topology: Scenario.Topology) -> Set<String> {
        // Between NBD clients and servers only: what is on the way to the image server is the system's.
        if layer == .network { return ["send", "receive"] }
        guard layer == .store else {
            return Set(tables.flatMap(\.entries).filter { $0.layer == layer }.map(\.operation))
        }
        var operations: Set<String> = []
        if topology.slots.contains(where: { $0.mode == .legacy }) { operations.formUnion(servedOperations) }
        if topology.slots.contains(where: { $0.mode == .proxy }) { operations.formUnion(diskOperations) }
        return operations
    }
}
