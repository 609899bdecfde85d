import Scenarios
import SimulatedTime
import Synchronization
import Testing
import VirtualMedia
import Worlds

@testable import RedfishServer

/// Many clients, a service that dies and a bus that restarts, in an order that the seed draws: when all is quiet
/// again, Redfish says what the kernel holds.
struct SwarmTests {
    static let slots = ["Slot_2", "Slot_3"]

    /// Statuses that any request of the swarm may be answered with; 500 is none of them.
    static let expected: Set<Int> = [200, 202, 204, 400, 404, 409, 502, 503, 504]

    struct Client: Sendable {
        let front: Front
        let url: String
        var random: RandomStream
        let statuses: Mutexed

        mutating func act() async {
            let slot = SwarmTests.slots[Int.random(in: 0..<2, using: &random)]
            let answer: Answer
            switch Int.random(in: 0..<10, using: &random) {
            case 0...3:
                let image = Bool.random(using: &random) ? url : url + ".missing"
                answer = await front.send("POST", Front.insert(slot), #"{"Image": "\#(image)"}"#)
            case 4...6: answer = await front.send("POST", Front.eject(slot))
            case 7:
                let tasks = await front.get("/redfish/v1/TaskService/Tasks").json?.members ?? []
                guard let task = tasks.last else { return }
                answer = await front.send("DELETE", task)
            case 8: answer = await front.send("PATCH", Front.slot(slot), #"{"Image": null}"#)
            default: answer = await front.get(Front.slot(slot))
            }
            statuses.add(answer.status)
        }
    }

    final class Mutexed: Sendable {
        private let values = Mutex<[Int]>([])
        func add(_ value: Int) { values.withLock { $0.append(value) } }
        var all: [Int] { values.withLock { $0 } }
    }

    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func `after any storm Redfish says what the kernel holds`(seed: UInt64) throws {
        var topology = Front.topology
        topology.store.roundTrip = .milliseconds(Int(seed % 5) * 400)
        let settled = topology
        try Front.run(
            seed: seed, settled, isOrderDrawn: true, configure: { $0.shortWait = .seconds(1) }
        ) { front in
            let simulation = front.simulation
            let url = try await front.url()
            let statuses = Mutexed()
            let clients = (0..<4).map { number in
                simulation.spawner.spawn("client \(number)") {
                    var client = Client(
                        front: front, url: url, random: simulation.random.stream("client \(number)"),
                        statuses: statuses)
                    for _ in 0..<12 {
                        await client.act()
                        let pause = Int.random(in: 0..<3000, using: &client.random)
                        try? await simulation.clock.sleep(for: .milliseconds(pause))
                    }
                }
            }
            var random = simulation.random.stream("faults")
            for _ in 0..<Int.random(in: 0..<4, using: &random) {
                try await simulation.clock.sleep(for: .seconds(Int.random(in: 1..<10, using: &random)))
                if Bool.random(using: &random) {
                    _ = try await front.world.perform(.process(.kill, .service, slot: nil))
                    _ = try await front.world.perform(.process(.start, .service, slot: nil))
                } else {
                    front.world.busControls.restart()
                }
            }
            for client in clients { await client.finished() }
            #expect(statuses.all.count > 20)
            #expect(statuses.all.allSatisfy { Self.expected.contains($0) }, "\(Set(statuses.all).sorted())")
            // What is under way ends, each within its limit.
            try await front.until(within: .seconds(600)) {
                let tasks = await front.get("/redfish/v1/TaskService/Tasks?$expand=.").json
                return tasks?["Members"]?.elements.allSatisfy { task in
                    ["Completed", "Exception", "Cancelled"].contains(task["TaskState"]?.text)
                } == true
            }
            try await front.until(within: .seconds(600)) {
                for name in Self.slots {
                    let slot = await front.get(Front.slot(name))
                    let state = slot.json?["Oem"]?["MediaRig"]?["State"]?.text
                    guard slot.status == 200, ["Ready", "Active"].contains(state) else { return false }
                }
                return true
            }
            for name in Self.slots {
                let json = await front.get(Front.slot(name)).json
                let plan = try #require(front.world.configuration.slots.first { $0.name == name })
                let kernel = await front.world.inspect(plan)
                let isInserted = json?["Inserted"]?.flag
                #expect(isInserted == kernel.hasMedium, "\(name): \(kernel)")
                #expect((json?["Image"]?.text == url) == isInserted)
                #expect(json?["ConnectedVia"]?.text == (isInserted == true ? "URI" : "NotConnected"))
                if isInserted == true { #expect(json?["WriteProtected"]?.flag == kernel.isReadOnly) }
            }
        }
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `a bus that restarts loses no medium, and requests work again by themselves`(seed: UInt64) throws {
        try Front.run(seed: seed, isOrderDrawn: true) { front in
            let url = try await front.url()
            #expect(await front.send("POST", Front.insert(), #"{"Image": "\#(url)"}"#).status == 204)
            front.world.busControls.restart()
            // Until both are on the bus again there is nobody to ask.
            try await front.until(within: .seconds(60)) {
                let answer = await front.send("POST", Front.eject())
                #expect([204, 503].contains(answer.status), "\(answer.text)")
                return answer.status == 204
            }
            #expect(await front.get(Front.slot()).json?["Inserted"]?.flag == false)
        }
    }
}
