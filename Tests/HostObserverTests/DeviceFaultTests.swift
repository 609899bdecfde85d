import FaultPoints
import HostObserver
import SimulatedBMC
import TestSupport
import Testing
import USBMassStorage

/// Everything that a device and its bus can do wrong while the image is read: the observer either finds
/// it out, or it did no harm.
struct DeviceFaultTests {
    enum Judgement: String {
        /// Every byte was seen and was right, and nothing was against the rules.
        case harmless
        case mismatch
        /// Some blocks, or the rest of the medium, could not be read.
        case unreadable
        /// The bytes were right, the device was not.
        case unproven
    }

    static func judge(_ report: ReadReport) -> Judgement {
        switch report.verdict {
        case .proven: .harmless
        case .mismatch: .mismatch
        case .unreadable: .unreadable
        case .unproven: .unproven
        }
    }

    static func check(_ rule: FaultScript.Rule, _ expected: Judgement) throws {
        let (report, fired) = try FaultyGadget.readAll(rules: [rule])
        #expect(fired == rule.occurrences.count, "\(rule.operation ?? "any")")
        #expect(judge(report) == expected, "\(rule.actions): \(report.verdict)")
        if expected == .harmless {
            #expect(report.provenByteCount == UInt64(FaultyGadget.image.count) && report.violations.isEmpty)
        }
    }

    @Test(
        arguments: [
            (.corrupt(.bitFlip(bit: 4000)), .mismatch), (.corrupt(.zero(at: 1024)), .mismatch),
            (.corrupt(.swap(0, 5)), .mismatch), (.corrupt(.shift(byteCount: 8)), .mismatch),
            (.special("wrong-block", 8), .mismatch), (.special("wrong-block", -1), .mismatch),
            (.short(byteCount: 1), .unproven), (.short(byteCount: 512), .unproven),
            (.lie(field: "csw-signature", value: 0x5342_5356), .unproven),
            (.lie(field: "csw-tag", value: 77), .unproven), (.lie(field: "csw-status", value: 2), .unproven),
            (.lie(field: "csw-status", value: 9), .unproven),
            (.lie(field: "csw-status", value: 1), .harmless),
            (.lie(field: "csw-residue", value: 512), .unproven),
            (.lie(field: "csw-residue", value: 1 << 30), .unproven),
            (.special("csw-length", 12), .unproven), (.special("csw-length", 0), .unproven),
            (.special("csw-length", 14), .unproven), (.special("csw-early", 0), .unproven),
            (.duplicate, .unproven), (.special("babble", 0), .unproven), (.special("stall", 0), .unproven),
            (.drop, .unproven), (.delay(.seconds(5)), .harmless), (.delay(.seconds(40)), .unproven),
            (.hold(FaultHold()), .unproven),
            (.sense(key: 3, code: 0x11, qualifier: 0), .harmless),
            (.sense(key: 2, code: 4, qualifier: 1), .harmless),
            (.sense(key: 4, code: 8, qualifier: 0), .harmless),
            (.sense(key: 0xB, code: 0, qualifier: 0), .harmless),
            (.sense(key: 5, code: 0x21, qualifier: 0), .harmless),
            (.sense(key: 2, code: 0x3A, qualifier: 0), .unreadable),
            (.sense(key: 6, code: 0x28, qualifier: 0), .unproven),
            (.special("unit-attention", 3), .harmless), (.special("unit-attention", 40), .harmless),
            (.special("disconnect", 0), .unreadable), (.special("disconnect", 2000), .unreadable),
            (.special("disconnect-at-data", 0), .unreadable),
            (.special("disconnect-at-status", 0), .unreadable),
            (.special("reset", 0), .unreadable), (.special("reset-at-data", 0), .unreadable),
            (.special("reset-at-status", 0), .unreadable), (.special("suspend", 3000), .harmless),
            (.special("suspend-at-data", 3000), .harmless), (.special("suspend-at-status", 3000), .harmless),
            (.special("suspend", 45_000), .unreadable),
        ] as [(FaultAction, Judgement)])
    func `a fault of one read is found out or does no harm`(action: FaultAction, judgement: Judgement) throws
    {
        try Self.check(.init(.usb, "READ(10)", at: 3...3, action), judgement)
    }

    @Test(
        arguments: [
            ("bulk-in", .corrupt(.bitFlip(bit: 9)), .mismatch), ("bulk-in", .drop, .unproven),
            ("bulk-in", .duplicate, .unproven), ("bulk-in", .short(byteCount: 512), .unproven),
            ("bulk-in", .special("babble", 0), .unproven), ("bulk-in", .special("zero-length", 0), .unproven),
            ("bulk-in", .special("stall", 0), .unproven), ("bulk-in", .delay(.seconds(3)), .harmless),
            ("bulk-in", .hold(FaultHold()), .unproven), ("bulk-in", .special("disconnect", 0), .unreadable),
            ("bulk-in", .special("reset", 0), .unreadable), ("bulk-in", .special("suspend", 100), .harmless),
            ("bulk-out", .drop, .unproven), ("bulk-out", .duplicate, .unproven),
            ("bulk-out", .corrupt(.bitFlip(bit: 0)), .unproven),
            ("bulk-out", .corrupt(.bitFlip(bit: 8 * 20)), .mismatch),
            ("bulk-out", .special("stall", 0), .unproven), ("bulk-out", .delay(.seconds(3)), .harmless),
            ("bulk-out", .special("disconnect", 0), .unreadable),
        ] as [(String, FaultAction, Judgement)])
    func `a fault of one transfer is found out or does no harm`(
        operation: String, action: FaultAction, judgement: Judgement
    ) throws {
        // Each read is one transfer out and two in, so that this is the data of the third one.
        try Self.check(.init(.usb, operation, at: operation == "bulk-in" ? 5...5 : 3...3, action), judgement)
    }

    @Test func `a capacity that is a lie is a wrong capacity`() throws {
        for byteCount in [1 << 18, 1 << 19] as [Int64] {
            let report = try FaultyGadget.run { gadget in
                gadget.faults.add(
                    .init(.usb, "READ CAPACITY(10)", .lie(field: "capacity", value: byteCount)))
                let observer = try await gadget.observer()
                return try await observer.readAll(expecting: .image(ExpectedBytes(FaultyGadget.image)))
            }
            #expect(Self.judge(report) == .mismatch, "\(report.verdict)")
        }
    }

    @Test func `a write whose data are changed on the way is found when they are read back`() throws {
        for action in [FaultAction.corrupt(.bitFlip(bit: 100)), .special("wrong-block", 3), .drop] {
            let report = try FaultyGadget.run(isReadOnly: false) { gadget in
                let observer = try await gadget.observer()
                gadget.faults.add(.init(.usb, "WRITE(10)", action))
                do {
                    return try await observer.writeTest([BlockRange(first: 64, count: 64)], seed: 5).verdict
                } catch { return .unproven("\(error)") }
            }
            #expect(report != .proven, "\(action)")
        }
    }

    @Test func `enumeration goes on after stalled and slow requests, and fails with an error`() throws {
        for (action, isEnumerated) in [
            (FaultAction.delay(.seconds(1)), true), (.delay(.seconds(9)), false),
            (.special("stall", 0), false), (.special("disconnect", 0), false), (.hold(FaultHold()), false),
        ] {
            let found = try FaultyGadget.run { gadget in
                gadget.faults.add(.init(.usb, "control", action))
                do {
                    _ = try await gadget.observer()
                    return true
                } catch { return false }
            }
            #expect(found == isEnumerated, "\(action)")
        }
    }

    @Test func `every command and transfer is told with its controller and its bytes`() throws {
        let met = try FaultyGadget.run { gadget in
            let observer = try await gadget.observer()
            _ = await observer.readBlocks(BlockRange(first: 16, count: 8))
            return gadget.faults.occasions.filter { $0.layer == .usb }
        }
        #expect(met.allSatisfy { $0.target == FaultyGadget.controller })
        #expect(met.suffix(4).map(\.operation) == ["bulk-out", "READ(10)", "bulk-in", "bulk-in"])
        #expect(met[met.count - 3].bytes == 8192..<12_288)
        let names = Set(met.map(\.operation))
        #expect(names.isSuperset(of: ["control", "INQUIRY", "TEST UNIT READY", "MODE SENSE(6)"]))
    }

    @Test func `a host resets the port, and the bus may sleep`() throws {
        try FaultyGadget.run { gadget in
            let observer = try await gadget.observer()
            await gadget.kernel.suspendHost(on: FaultyGadget.controller)
            #expect(try await gadget.kernel.controllers()[0].state == "suspended")
            gadget.simulation.spawner.spawn("wake") {
                try? await gadget.simulation.clock.sleep(for: .seconds(2))
                await gadget.kernel.resumeHost(on: FaultyGadget.controller)
            }
            guard case .passed = await observer.readBlocks(BlockRange(first: 0, count: 1)) else {
                Issue.record("the read failed")
                return
            }
            #expect(try await gadget.kernel.controllers()[0].state == "configured")
            await gadget.kernel.resetHost(on: FaultyGadget.controller)
            guard case .gone = await observer.readBlocks(BlockRange(first: 0, count: 1)) else {
                Issue.record("the old device is still there")
                return
            }
            let again = try await gadget.observer()
            #expect(again.unit?.unitAttentions.first == "06/29/00")
        }
    }

    /// The parameters with which an action of the table is tried out.
    static func action(_ word: String) -> FaultAction {
        switch word {
        case "delay": .delay(.milliseconds(5))
        case "hold":
            {
                let hold = FaultHold()
                hold.release()
                return .hold(hold)
            }()
        case "fail": .fail(errno: 5)
        case "drop": .drop
        case "duplicate": .duplicate
        case "short": .short(byteCount: 3)
        case "corrupt": .corrupt(.bitFlip(bit: 3))
        case "sense": .sense(key: 2, code: 4, qualifier: 1)
        case let word where word.hasPrefix("lie-"): .lie(field: String(word.dropFirst(4)), value: 1)
        default: .special(word, 10)
        }
    }

    @Test func `everything in the table is carried out on everything that a host does`() throws {
        for entry in SimulatedKernel.carriedOut.entries where entry.layer == .usb {
            try FaultyGadget.run(isReadOnly: false) { gadget in
                gadget.faults.add(.init(.usb, entry.operation, Self.action(entry.action)))
                do {
                    let observer = try await gadget.observer()
                    _ = await observer.writeBlocks(
                        BlockRange(first: 0, count: 1), [UInt8](repeating: 0, count: 512)[...])
                    _ = await observer.readBlocks(BlockRange(first: 0, count: 4))
                    _ = await observer.synchronizeBlocks()
                    try await observer.setRemovalPrevented(false)
                    try await observer.resetPort()
                } catch { return }
            }
        }
    }
}
