import FaultPoints
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedBMC

struct UeventFaultTests {
    /// Emits "a" to "f" a second apart, the last but one of the subsystem "udc", and lets a minute pass.
    static func delivered(_ rules: FaultScript.Rule...) async throws -> [Uevent] {
        let faults = FaultScript()
        for rule in rules { faults.add(rule) }
        let fixture = KernelFixture(faults: faults)
        let stream = fixture.kernel.uevents.listen()
        for name in ["a", "b", "c", "d", "e", "f"] {
            fixture.kernel.uevents.emit("change", name, subsystem: name == "e" ? "udc" : "block", ["N=1"])
            fixture.clock.advance(by: .seconds(1))
            fixture.kernel.timers.fireDue()
        }
        fixture.clock.advance(by: .seconds(60))
        fixture.kernel.timers.fireDue()
        fixture.kernel.uevents.finish()
        var events: [Uevent] = []
        for await event in stream { events.append(event) }
        #expect(faults.firedCount > 0 || rules.isEmpty)
        return events
    }

    @Test(arguments: [
        (FaultAction.drop, "acdef"), (.duplicate, "abbcdef"), (.delay(.milliseconds(2500)), "acdbef"),
        (.delay(.seconds(60)), "acdefb"), (.special("burst", 3), "abbbbcdef"),
        (.special("overflow", 0), "acdef"), (.special("overflow", 2500), "aef"),
    ])
    func `an event is lost, repeated, late, in a crowd or in an overflow`(action: FaultAction, order: String)
        async throws
    {
        let events = try await Self.delivered(.init(.uevent, "change", on: "b", action))
        #expect(events.map(\.devicePath).joined() == order)
    }

    @Test func `an event lets others pass, but waits no longer than a second for them`() async throws {
        let fixture = KernelFixture(
            faults: FaultScript(
                .init(.uevent, on: "b", .reorder(behind: 2)), .init(.uevent, on: "f", .reorder(behind: 2))))
        let stream = fixture.kernel.uevents.listen()
        for name in ["a", "b", "c", "d", "e", "f"] {
            fixture.kernel.uevents.emit("add", name, subsystem: "block", [])
        }
        fixture.clock.advance(by: .seconds(1))
        fixture.kernel.timers.fireDue()
        fixture.kernel.uevents.finish()
        var order = ""
        for await event in stream { order += event.devicePath }
        #expect(order == "acdbef")
    }

    @Test func `a spurious event is of another device`() async throws {
        let events = try await Self.delivered(.init(.uevent, on: "c", .special("spurious", 0)))
        #expect(
            events.map(\.devicePath) == ["a", "b", "c", "/devices/virtual/block/loop7", "d", "e", "f"])
        #expect(events.map(\.sequenceNumber) == [1, 2, 3, 4, 5, 6, 7])
    }

    @Test(arguments: 0...2 as ClosedRange<Int64>)
    func `garbage comes in the place of the event`(kind: Int64) async throws {
        let events = try await Self.delivered(.init(.uevent, on: "c", .special("garbage", kind)))
        let clean = try await Self.delivered()
        #expect(events.count == 6 && events[2] != clean[2])
        #expect(events[2].sequenceNumber == 3)
        #expect(events.enumerated().allSatisfy { $0.offset == 2 || $0.element == clean[$0.offset] })
    }

    @Test func `a held event comes with its release`() throws {
        let hold = FaultHold()
        try KernelRun.run(faults: FaultScript(.init(.uevent, "bind", .hold(hold)))) { run in
            let stream = await run.kernel.uevents()
            try await run.buildGadget(files: [])
            try await run.kernel.write("", to: "g1/UDC")
            hold.release()
            var actions: [String] = []
            for await event in stream {
                actions.append(event.action)
                if event.action == "bind" { break }
            }
            #expect(actions == ["change", "change", "unbind", "bind"])
        }
    }

    @Test func `an event tells the slot that it concerns`() throws {
        let faults = FaultScript()
        try KernelRun.run(faults: faults) { run in
            try await run.buildGadget("mass-storage-Slot_1", files: [])
            var attachment = run.attachment(byteCount: 4096)
            attachment.backendIdentifier = "virtual-media/Slot_2"
            let (_, channel) = run.server(ScriptedServer.Script(image: [UInt8](repeating: 0, count: 4096)))
            try await run.kernel.attach(attachment, connections: [channel])
            try await run.kernel.detach("nbd0")
        }
        let met = faults.occasions.filter { $0.layer == .uevent }
        #expect(met.prefix(5).map(\.slot) == ["Slot_1", "Slot_1", "Slot_2", "Slot_2", "Slot_2"])
    }
}
