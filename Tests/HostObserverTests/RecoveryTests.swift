import FaultPoints
import HostObserver
import SimulatedBMC
import TestSupport
import Testing
import USBMassStorage

/// What each host does with a device that does not answer.
struct RecoveryTests {
    static let profiles: [(HostProfile, Duration)] = [
        (.linux(), .seconds(30)), (.windows(), .seconds(20)), (.uefi, .seconds(5)),
    ]

    @Test(arguments: profiles.indices)
    func `a command that hangs once is given up in the profile's time, and the next one works`(index: Int)
        throws
    {
        let (profile, timeout) = Self.profiles[index]
        try FaultyGadget.run { gadget in
            let observer = try await gadget.observer(profile)
            gadget.faults.add(.init(.usb, "READ(10)", .hold(FaultHold())))
            let start = gadget.simulation.clock.now
            guard
                case .unknown(.transport(.timedOut, _)) = await observer.readBlocks(.init(first: 0, count: 8))
            else {
                Issue.record("the read did not time out")
                return
            }
            #expect(gadget.simulation.clock.now - start == timeout)
            guard case .passed(let data) = await observer.readBlocks(.init(first: 0, count: 8)) else {
                Issue.record("the device was not recovered")
                return
            }
            #expect(Array(data.joined()) == Array(FaultyGadget.image[..<4096]))
            let resets = gadget.faults.occasions.filter { $0.layer == .usb && $0.operation == "reset" }
            #expect(resets.count == (profile.name == "linux" ? 1 : 0))
        }
    }

    @Test func `a device that takes no recovery goes offline, until it is enumerated again`() throws {
        for (profile, _) in Self.profiles {
            try FaultyGadget.run { gadget in
                let observer = try await gadget.observer(profile)
                gadget.faults.add(.init(.usb, "READ(10)", .hold(FaultHold())))
                gadget.faults.add(.init(.usb, "control", at: 1...4, .hold(FaultHold())))
                gadget.faults.add(.init(.usb, "reset", at: 1...4, .fail(errno: 5)))
                _ = await observer.readBlocks(.init(first: 0, count: 8))
                #expect(observer.isOffline)
                let now = gadget.simulation.clock.now
                guard case .gone = await observer.readBlocks(.init(first: 0, count: 8)) else {
                    Issue.record("\(profile.name): a device offline answered")
                    return
                }
                #expect(gadget.simulation.clock.now == now)
                await #expect(throws: ObserverError.offline) { try await observer.pollUnit() }
            }
        }
    }

    @Test func `a host that was offline comes back by enumeration`() throws {
        try FaultyGadget.run { gadget in
            let observer = try await gadget.observer(.uefi)
            gadget.faults.add(.init(.usb, "READ(10)", .hold(FaultHold())))
            gadget.faults.add(.init(.usb, "control", .hold(FaultHold())))
            _ = await observer.readBlocks(.init(first: 0, count: 8))
            #expect(observer.isOffline)
            await gadget.kernel.resetHost(on: FaultyGadget.controller)
            let again = try await gadget.observer(.uefi)
            guard case .passed = await again.readBlocks(.init(first: 0, count: 8)) else {
                Issue.record("the device is still unusable")
                return
            }
        }
    }
}
