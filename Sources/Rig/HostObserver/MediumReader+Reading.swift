internal import USBMassStorage

// Reads the medium and measures it against what it should be.
extension MediumReader {
    /// Reads every block in order.
    ///
    /// - Parameters:
    ///   - previous: the image that was in the drive before, to tell stale blocks by.
    ///   - digests: also hash what was read; with ``Expectation/digest(sha256:byteCount:)`` it is always.
    ///   - progress: called after each command.
    /// - Throws: only when the unit was not examined. Whatever happens later is in the verdict.
    package func readAll(
        expecting expectation: Expectation, previous: (any ExpectedImage)? = nil, digests: Bool = false,
        progress: ((ReadProgress) -> Void)? = nil
    ) async throws(ObserverError) -> ReadReport {
        guard let capacity else { throw .notMassStorage("the unit was not examined") }
        var image: (any ExpectedImage)?
        var isDigested = digests
        switch expectation {
        case .image(let expected): image = expected
        case .digest: isDigested = true
        }
        let digest = isDigested ? SHA256() : nil
        var run = ReadRun(
            capacity: capacity, image: image, previous: previous, digest: digest)
        let start = now()
        // Past the end of the image there is nothing to compare with: the capacity is wrong then.
        let comparable = image.map { $0.byteCount / UInt64(capacity.blockByteCount) } ?? .max
        let end = min(capacity.blockCount, comparable)
        var stopped: Verdict?
        var block: UInt64 = 0
        let perCommand = UInt64(max(1, transferByteCount / Int(capacity.blockByteCount)))
        do throws(ReadRun.Stop) {
            while block < end {
                let count = UInt32(min(perCommand, end - block))
                try await run.read(block, count: count, by: self)
                block += UInt64(count)
                progress?(
                    ReadProgress(
                        doneByteCount: block * UInt64(capacity.blockByteCount),
                        totalByteCount: end * UInt64(capacity.blockByteCount),
                        mismatchedBlockCount: run.report.mismatchedBlockCount,
                        unreadableBlockCount: run.report.unreadable.count))
            }
        } catch {
            switch error {
            case .verdict(let verdict): stopped = verdict
            }
        }
        var report = run.report
        report.seconds = (now() - start).inSeconds
        report.latency = LatencySummary(latency)
        if report.unreadable.isEmpty, stopped == nil { report.sha256 = digest?.finish() }
        settle(&report, expectation: expectation, capacity: capacity, stopped: stopped)
        return report
    }

    /// Reads `count` ranges of blocks at places that the seed decides, of random lengths up to one
    /// transfer. `proven` says that each of these was right, and nothing about the rest.
    package func readRandom(
        _ count: Int, seed: UInt64, expecting image: any ExpectedImage, previous: (any ExpectedImage)? = nil,
        progress: ((Int) -> Void)? = nil
    ) async throws(ObserverError) -> ReadReport {
        guard let capacity else { throw .notMassStorage("the unit was not examined") }
        let end = min(capacity.blockCount, image.byteCount / UInt64(capacity.blockByteCount))
        var random = BlockLottery(seed: seed)
        let perCommand = UInt64(max(1, transferByteCount / Int(capacity.blockByteCount)))
        let ranges = (0..<(end > 0 ? count : 0)).map { _ in
            let first = UInt64.random(in: 0..<end, using: &random)
            let length = UInt64.random(in: 1...min(perCommand, end - first), using: &random)
            return BlockRange(first: first, count: UInt32(length))
        }
        return try await readRanges(ranges, expecting: image, previous: previous, progress: progress)
    }

    /// Reads the ranges in their order, each in one command. `proven` says that each of these was right,
    /// and nothing about the rest.
    package func readRanges(
        _ ranges: [BlockRange], expecting image: any ExpectedImage, previous: (any ExpectedImage)? = nil,
        progress: ((Int) -> Void)? = nil
    ) async throws(ObserverError) -> ReadReport {
        guard let capacity else { throw .notMassStorage("the unit was not examined") }
        var run = ReadRun(
            capacity: capacity, image: image, previous: previous, digest: nil)
        let start = now()
        var stopped: Verdict?
        do throws(ReadRun.Stop) {
            for (index, range) in ranges.enumerated() {
                try await run.read(range.first, count: range.count, by: self)
                progress?(index + 1)
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

    /// The verdict on a read of everything, worst news first.
    private func settle(
        _ report: inout ReadReport, expectation: Expectation, capacity: CapacityReply, stopped: Verdict?
    ) {
        let visible = report.visibleByteCount
        switch expectation {
        case .image(let image):
            report.hiddenByteCount = image.byteCount - min(image.byteCount, visible)
            report.verdict =
                Self.wrongBytes(report) ?? wrongCapacity(image.byteCount, capacity: capacity) ?? stopped
                ?? Self.faultVerdict(report) ?? .proven
        case .digest(let sha256, let byteCount):
            report.hiddenByteCount = byteCount.map { $0 - min($0, visible) } ?? 0
            report.verdict =
                byteCount.flatMap { wrongCapacity($0, capacity: capacity) } ?? stopped
                ?? Self.faultVerdict(report)
                ?? Self.digestVerdict(report, expected: sha256)
            if report.verdict == .proven { report.provenByteCount = visible }
        }
    }

    /// Bytes past the last whole block are hidden from any host; anything else is a wrong size.
    private func wrongCapacity(_ byteCount: UInt64, capacity: CapacityReply) -> Verdict? {
        let whole = byteCount / UInt64(capacity.blockByteCount)
        guard whole != capacity.blockCount else { return nil }
        return .mismatch(
            "capacity: the host sees \(capacity.blockCount) blocks of \(capacity.blockByteCount) bytes, "
                + "the image has \(whole)")
    }

    private static func digestVerdict(_ report: ReadReport, expected: String) -> Verdict {
        if report.hiddenByteCount > 0 {
            return .unproven(
                "the digest covers \(report.hiddenByteCount) bytes past the last block, which no host can read"
            )
        }
        guard let actual = report.sha256 else { return .unproven("not all blocks were read") }
        return actual == expected.lowercased()
            ? .proven : .mismatch("sha256 is \(actual), expected \(expected.lowercased())")
    }

    private static func wrongBytes(_ report: ReadReport) -> Verdict? {
        guard report.mismatchedBlockCount > 0 else { return nil }
        let first = report.mismatches.first.map { "; block \($0.block) is \($0.kind)" } ?? ""
        return .mismatch("\(report.mismatchedBlockCount) blocks differ\(first)")
    }

    static func faultVerdict(_ report: ReadReport) -> Verdict? {
        if let wrong = wrongBytes(report) { return wrong }
        if let block = report.unreadable.first {
            return .unreadable("\(report.unreadable.count) blocks; block \(block.block): \(block.reason)")
        }
        if let violation = report.violations.first {
            return .unproven("the device broke the transport's rules: \(violation)")
        }
        return nil
    }
}
