import SimulatedBMC
import SimulatedTime
import Testing

@testable import VirtualMedia

struct EndpointBudgetTests {
    private static func port(_ number: Int, endpoints: Int? = 15) -> DeviceController {
        DeviceController(
            name: "hub:p\(number)", state: "not attached", function: "", currentSpeed: "UNKNOWN",
            maximumSpeed: "high-speed",
            endpoints: endpoints.map { EndpointPool(name: "hub", endpointCount: $0) })
    }

    /// A gadget of another program, as obmc-ikvm and the network of a BMC have them.
    private static func add(
        _ gadget: String, on controller: String, _ configurations: [[String]], withoutOut: Set<String> = [],
        to world: FakeWorld
    ) {
        world.state.withLock { state in
            state.tree.nodes[gadget] = .directory(isDefault: false)
            state.tree.nodes["\(gadget)/UDC"] = .attribute(controller)
            for (number, functions) in configurations.enumerated() {
                state.tree.nodes["\(gadget)/configs/c.\(number + 1)"] = .directory(isDefault: false)
                for function in functions {
                    let path = "\(gadget)/functions/\(function)"
                    state.tree.nodes[path] = .directory(isDefault: false)
                    state.tree.nodes["\(gadget)/configs/c.\(number + 1)/\(function)"] = .link(path)
                    if withoutOut.contains(function) {
                        state.tree.nodes["\(path)/no_out_endpoint"] = .attribute("1")
                    }
                }
            }
        }
    }

    /// Configurations of one gadget, and the endpoints that it takes.
    static let gadgets: [([[String]], taken: Int)] = [
        ([], 0), ([[]], 0), ([["mass_storage.usb0"]], 2), ([["hid.0", "hid.1"]], 3),
        ([["ecm.usb0", "acm.a"]], 6),
        ([["ffs.mtp"]], 0), ([["mass_storage.0"], ["ncm.0", "rndis.0"]], 6), ([["unheard-of"]], 0),
    ]

    @Test(arguments: gadgets.indices)
    func `what a gadget has is taken from its hub`(index: Int) throws {
        try Simulation(seed: 1).run { simulation in
            let world = FakeWorld(simulation)
            let (configurations, taken) = Self.gadgets[index]
            Self.add("kvm", on: "hub:p1", configurations, withoutOut: ["hid.1"], to: world)
            let budget = await EndpointBudget(
                [Self.port(1), Self.port(2)], in: FakeGadgetTree(world: world))
            #expect(budget.freeCount(on: Self.port(2)) == 15 - taken)
        }
    }

    @Test func `gadgets elsewhere and unbound ones take nothing of a hub`() throws {
        try Simulation(seed: 1).run { simulation in
            let world = FakeWorld(simulation)
            Self.add("unbound", on: "", [["ecm.0"]], to: world)
            Self.add("elsewhere", on: "dummy_udc.0", [["ecm.0"]], to: world)
            Self.add("here", on: "hub:p2", [["hid.0"]], to: world)
            Self.add("here-too", on: "hub:p3", [["acm.0"]], to: world)
            let budget = await EndpointBudget(
                [Self.port(1), Self.port(2), Self.port(3)], in: FakeGadgetTree(world: world))
            #expect(budget.freeCount(on: Self.port(1)) == 10)
            #expect(budget.freeCount(on: Self.port(1, endpoints: nil)) == nil)
            #expect(budget.freeCount(on: Self.port(1, endpoints: 3)) == 0)
        }
    }

    @Test func `where nobody tells of endpoints nothing is looked at`() throws {
        try Simulation(seed: 1).run { simulation in
            let world = FakeWorld(simulation)
            _ = await EndpointBudget([Self.port(1, endpoints: nil)], in: FakeGadgetTree(world: world))
            #expect(world.state.withLock { $0.operations.isEmpty })
        }
    }

    /// Slots on one hub, and how many of them find endpoints.
    @Test(arguments: [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3), (21, 3)])
    func `slots that share a hub are refused when its endpoints are used up`(endpoints: Int, fitting: Int)
        throws
    {
        try Simulation(seed: 1).run { simulation in
            let kernel = SimulatedKernel(
                executor: simulation.executor, clock: simulation.clock, spawner: simulation.spawner,
                controllers: [.aspeedVirtualHub(portCount: 5, endpointCount: endpoints)])
            let (world, pool) = (FakeWorld(simulation), ControllerPool())
            let harnesses = (0..<3).map { number in
                SlotHarness(
                    simulation, .proxy, world: world, name: "Slot_\(number)", device: "nbd\(number)",
                    sharing: pool, kernel: kernel)
            }
            for (number, harness) in harnesses.enumerated() {
                try await harness.mount()
                try await harness.untilCompletions(1)
                #expect((harness.completions == [.done]) == (number < fitting), "Slot_\(number)")
                guard number >= fitting else { continue }
                let free = endpoints - 2 * fitting
                let reason = try #require(await harness.slot.report.lastFailure?.message)
                #expect(
                    reason.contains("has \(free) endpoints left of \(endpoints), and 2 are needed"),
                    "\(reason)")
            }
            // What one gives back the next can have.
            if fitting > 0, fitting < 3 {
                try await harnesses[0].slot.unmount()
                try await harnesses[0].untilCompletions(2)
                try await harnesses[2].mount()
                try await harnesses[2].untilCompletions(2)
                #expect(harnesses[2].completions.last == .done)
            }
            for harness in harnesses { await harness.slot.shutDown() }
            await kernel.shutDown()
        }
    }
}
