internal import USBMassStorage

/// Blocks for a write test.
package struct BlockRange: Equatable, Sendable {
    package var first: UInt64
    package var count: UInt32
    package init(first: UInt64, count: UInt32) {
        self.first = first
        self.count = count
    }
}

// Writes and proves it.
extension MediumReader {
    /// Fills the ranges with ``SeededPattern`` bytes, has them flushed to the medium, reads them back
    /// and compares. What was there before is gone: the report lists what to restore, and lets the
    /// caller check that the image behind the medium has the bytes too.
    package func writeTest(_ ranges: [BlockRange], seed: UInt64) async throws(ObserverError) -> WriteReport {
        guard let capacity else { throw .notMassStorage("the unit was not examined") }
        let pattern = SeededPattern(
            seed: seed, byteCount: capacity.blockCount * UInt64(capacity.blockByteCount))
        var report = WriteReport(verdict: .unproven("nothing was written"))
        let start = now()
        for range in ranges {
            let isInside =
                range.first < capacity.blockCount && UInt64(range.count) <= capacity.blockCount - range.first
            guard range.count > 0, isInside else {
                throw .malformed("write test: \(range.count) blocks at \(range.first) are not on the medium")
            }
            if let verdict = try await fill(range, seed: seed, capacity: capacity, report: &report) {
                report.verdict = verdict
                report.seconds = (now() - start).inSeconds
                return report
            }
        }
        do throws(ObserverError) { try await flush() } catch {
            report.verdict = .unproven("the flush failed: \(error)")
            return report
        }
        report.seconds = (now() - start).inSeconds
        let readBack = try await read(back: ranges, pattern: pattern, capacity: capacity)
        report.verdict = readBack.verdict
        report.readBack = readBack
        return report
    }

    /// - Returns: why the test ends here, or `nil`.
    private func fill(
        _ range: BlockRange, seed: UInt64, capacity: CapacityReply, report: inout WriteReport
    ) async throws(ObserverError) -> Verdict? {
        let size = Int(capacity.blockByteCount)
        let perCommand = UInt32(max(1, transferByteCount / size))
        var block = range.first
        var left = range.count
        while left > 0 {
            let count = min(perCommand, left)
            let offset = block * UInt64(size)
            let bytes = SeededPattern.bytes(seed: seed, at: offset, byteCount: Int(count) * size)
            // Listed before it is tried: a failed write may have changed something.
            report.ranges.append(
                WrittenRange(
                    block: block, blockCount: count, byteOffset: offset, byteCount: bytes.count,
                    sha256: SHA256.text(bytes[...])))
            let part = BlockRange(first: block, count: count)
            var outcome = try await writeOnce(part, bytes[...])
            var attempts = 0
            while outcome.sense?.code.isUnitAttention == true, attempts < retries {
                outcome = try await writeOnce(part, bytes[...])
                attempts += 1
            }
            if let sense = outcome.sense { return .unproven("WRITE at block \(block): sense \(sense.code)") }
            guard outcome.movedByteCount == bytes.count else {
                return .mismatch(
                    "WRITE at block \(block) passed with \(outcome.movedByteCount) of \(bytes.count) bytes")
            }
            block += UInt64(count)
            left -= count
        }
        return nil
    }

    private func read(back ranges: [BlockRange], pattern: SeededPattern, capacity: CapacityReply)
        async throws(ObserverError) -> ReadReport
    {
        let size = Int(capacity.blockByteCount)
        var run = ReadRun(
            capacity: capacity, image: pattern, previous: nil, digest: nil)
        let perCommand = UInt32(max(1, transferByteCount / size))
        let start = now()
        var stopped: Verdict?
        do throws(ReadRun.Stop) {
            for range in ranges {
                var done: UInt32 = 0
                while done < range.count {
                    let count = min(perCommand, range.count - done)
                    try await run.read(range.first + UInt64(done), count: count, by: self)
                    done += count
                }
            }
        } catch {
            switch error {
            case .verdict(let verdict): stopped = verdict
            }
        }
        var report = run.report
        report.seconds = (now() - start).inSeconds
        report.latency = LatencySummary(latency)
        report.verdict = stopped ?? Self.faultVerdict(report) ?? .proven
        return report
    }
}
