internal import HostObserver
internal import RunLog
internal import Scenarios
internal import SimulatedTime
internal import USBMassStorage
internal import VirtualMedia

/// What the host does with one slot's disk in the background: see `Scenario.Workload`.
struct HostWork: Sendable {
    /// How long a host waits for a device that has gone to come back, while its medium is in.
    static let patience = Duration.seconds(120)
    /// Of a boot: the part at the start that firmware and loader read, and each later burst.
    private static let bootHeadBytes: UInt64 = 64 << 10
    private static let burstBytes: UInt64 = 256 << 10

    let plan: Scenario.Workload
    let slot: SlotUnderTest
    let host: HostMachine
    let context: RunContext

    enum Operation: Equatable, Sendable {
        case read(Range<UInt64>)
        case write(Range<UInt64>, isDurable: Bool)
        case flush
    }

    /// To be started when the medium is in; ends when the bytes are moved or the medium is asked back.
    func run() async {
        guard plan.kind != .idle else { return }
        var random = context.random.stream("\(plan.stream) \(slot.name)")
        var moved: UInt64 = 0
        var cursor: UInt64 = 0
        while moved < plan.byteCount, !Task.isCancelled {
            guard let disk = await presentDisk() else { return }
            guard case .success(let unit) = await disk.examine() else {
                // Gone, or not ready: what comes next is waited for, not asked for at once.
                await pause(.seconds(1))
                moved += 512
                continue
            }
            let size = UInt64(unit.capacity.blockByteCount)
            let most = UInt64(await disk.blocksPerCommand) * size
            let medium = Medium(
                byteCount: unit.byteCount, blockByteCount: size, isWritable: !unit.isWriteProtected,
                requestByteCount: plan.requestByteCount.map { min(UInt64($0), most) } ?? most)
            guard medium.byteCount > 0 else { return }
            var isPresent = true
            while isPresent, moved < plan.byteCount, !Task.isCancelled, slot.isInserted {
                let operation = next(on: medium, moved: moved, &cursor, &random)
                isPresent = await carryOut(operation, disk, medium) != .gone
                if case .read(let range) = operation { moved += UInt64(range.count) }
                if case .write(let range, _) = operation { moved += UInt64(range.count) }
                if case .flush = operation { moved += 512 }
                await pause(plan.think)
            }
        }
    }

    private struct Medium {
        var byteCount: UInt64
        var blockByteCount: UInt64
        var isWritable: Bool
        var requestByteCount: UInt64

        /// Whole blocks inside the medium.
        func range(at offset: UInt64, byteCount wanted: UInt64) -> Range<UInt64> {
            let first = min(offset, byteCount - 1) / blockByteCount * blockByteCount
            let length = max(blockByteCount, wanted / blockByteCount * blockByteCount)
            return first..<min(first + length, byteCount)
        }
    }

    private func presentDisk() async -> HostDisk? {
        let (slot, host) = (self.slot, self.host)
        let found = await context.wait(until: context.now + Self.patience) { () -> HostDisk?? in
            guard slot.isInserted else { return .some(nil) }
            return host.disk(of: slot.name).map { .some($0) }
        }
        return found ?? nil
    }

    private func pause(_ time: Duration) async {
        guard time > .zero else { return }
        try? await context.clock.sleep(until: context.now + time)
    }

    private func carryOut(_ operation: Operation, _ disk: HostDisk, _ medium: Medium) async
        -> SlotUnderTest.Transfer
    {
        let size = medium.blockByteCount
        switch operation {
        case .read(let range): return await slot.read(range, from: disk, blockByteCount: size)
        case .write(let range, let isDurable):
            return await slot.write(range, to: disk, blockByteCount: size, isDurable: isDurable)
        case .flush: return await slot.flush(disk)
        }
    }

    private func next(
        on medium: Medium, moved: UInt64, _ cursor: inout UInt64, _ random: inout RandomStream
    ) -> Operation {
        switch plan.kind {
        case .boot where moved < Self.bootHeadBytes:
            return .read(medium.range(at: moved, byteCount: min(medium.requestByteCount, 4096)))
        case .boot:
            // A burst of neighbouring requests, then somewhere else.
            if cursor.isMultiple(of: Self.burstBytes) {
                cursor = UInt64.random(in: 0..<medium.byteCount, using: &random) / 4096 * 4096 | 1
            }
            let range = medium.range(at: cursor, byteCount: medium.requestByteCount)
            cursor = moved % Self.burstBytes < medium.requestByteCount ? 0 : range.upperBound | 1
            return .read(range)
        case .sequential:
            let range = medium.range(at: cursor, byteCount: medium.requestByteCount)
            cursor = range.upperBound >= medium.byteCount ? 0 : range.upperBound
            return .read(range)
        case .random, .idle: return .read(place(on: medium, &random))
        case .write: return mixed(on: medium, &random)
        }
    }

    private func place(on medium: Medium, _ random: inout RandomStream) -> Range<UInt64> {
        let offset = UInt64.random(in: 0..<medium.byteCount, using: &random)
        let length = UInt64.random(in: 1...max(1, medium.requestByteCount), using: &random)
        return medium.range(at: offset, byteCount: length)
    }

    private func mixed(on medium: Medium, _ random: inout RandomStream) -> Operation {
        let mix = plan.mix
        let total = max(1, mix.read + mix.write + mix.durableWrite + mix.flush)
        var draw = Int.random(in: 0..<total, using: &random)
        let range = place(on: medium, &random)
        draw -= mix.read
        if draw < 0 || !medium.isWritable { return .read(range) }
        draw -= mix.write
        if draw < 0 { return .write(range, isDurable: false) }
        draw -= mix.durableWrite
        return draw < 0 ? .write(range, isDurable: true) : .flush
    }
}
