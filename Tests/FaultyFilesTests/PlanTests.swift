import FaultPoints
import TestSupport
import Testing

@testable import FaultyFiles

struct PlanTests {
    /// One action of every kind there is.
    static let actions: [FaultAction] = [
        .delay(.milliseconds(1)), .hold(FaultHold()), .fail(errno: 5), .failAfterwards(errno: 5), .pretend,
        .short(byteCount: 1), .torn(sectors: 1), .corrupt(.stale), .drop, .duplicate, .reorder(behind: 1),
        .close(afterBytes: 1), .reset(afterBytes: 1), .bandwidth(bytesPerSecond: 1), .slice(byteCount: 1),
        .lie(field: "size", value: 1), .lie(field: "mtime", value: 1), .lie(field: "free", value: 1),
        .status(1), .sense(key: 1, code: 1, qualifier: 1), .special("truncate", 1), .special("grow", 1),
        .special("replace", 1),
        .special("crash-before", 1), .special("crash-after", 1), .special("uninterruptible", 1),
    ]

    @Test func `each entry of the table makes a plan, and says its word`() {
        for entry in StoreFaults.carriedOut.entries {
            guard let operation = StoreOperation(rawValue: entry.operation),
                let action = Self.actions.first(where: { $0.word == entry.action })
            else {
                Issue.record("\(entry) names an operation or an action that there is not")
                continue
            }
            let plan = OperationPlan([action], for: operation)
            #expect(plan.words == [entry.action])
            #expect(plan != OperationPlan(), "\(entry) does nothing")
        }
    }

    @Test func `an action that the store does not carry out traps`() async {
        await #expect(processExitsWith: .failure) { _ = OperationPlan([.duplicate], for: .read) }
        await #expect(processExitsWith: .failure) { _ = OperationPlan([.torn(sectors: 1)], for: .lookup) }
    }

    @Test func `delays add up, and the last deed counts`() {
        let plan = OperationPlan(
            [.delay(.milliseconds(3)), .fail(errno: 1), .delay(.milliseconds(4)), .fail(errno: 28)],
            for: .write)
        #expect(plan.delay == .milliseconds(7))
        #expect(plan.deed == .fail(errno: 28))
        #expect(plan.words == ["delay", "fail", "delay", "fail"])
    }

    @Test(arguments: [0, 1, 511, 512, 513, 40_000])
    func `a tear keeps exactly the sectors whose bit is set`(byteCount: Int) {
        let pattern: UInt64 = 0xF0F0_1234_5678_9ABC
        var missing = Set<Int>()
        for range in DataFaults.missingSectors(of: byteCount, sectors: pattern) { missing.formUnion(range) }
        for index in 0..<byteCount {
            #expect(missing.contains(index) == (pattern >> UInt64(index / 512 % 64) & 1 == 0))
        }
    }

    @Test(arguments: [0, 1, 511, 512, 1024, 5000], 1...8 as ClosedRange<UInt64>)
    func `no corruption leaves the data, whatever its numbers`(byteCount: Int, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let guardByte: UInt8 = 0x5A
        for _ in 0..<50 {
            let number = Int.random(in: Int.min...Int.max, using: &random)
            let other = Int.random(in: Int.min...Int.max, using: &random)
            var bytes = [UInt8](repeating: guardByte, count: byteCount + 64)
            bytes.withUnsafeMutableBytes { memory in
                let data = UnsafeMutableRawBufferPointer(rebasing: memory[32..<32 + byteCount])
                for corruption in [
                    FaultAction.Corruption.bitFlip(bit: number), .zero(at: number), .swap(number, other),
                ] {
                    DataFaults.apply(corruption, to: data) { _, _ in }
                }
                DataFaults.rotate(data, by: number)
            }
            #expect(bytes[..<32].allSatisfy { $0 == guardByte })
            #expect(bytes[(32 + byteCount)...].allSatisfy { $0 == guardByte })
        }
    }
}
