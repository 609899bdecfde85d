internal import HostObserver
internal import RunLog
internal import Scenarios
internal import USBMassStorage
internal import VirtualMedia
internal import WireFormat

// What the host does with the slot's disk; every byte is accounted for.
extension SlotUnderTest {
    /// How one request of the host went.
    enum Transfer: Sendable {
        case passed
        case failed
        /// The device went away; a new one may come.
        case gone
    }

    private static let sectorByteCount = 512

    /// Reads a range of bytes that begins and ends with a block, and judges what comes.
    func read(_ range: Range<UInt64>, from disk: HostDisk, blockByteCount: UInt64) async -> Transfer {
        let blocks = BlockRange(
            first: range.lowerBound / blockByteCount, count: UInt32(UInt64(range.count) / blockByteCount))
        let start = context.now
        var transfer = Transfer.passed
        await disk.read(blocks) { outcome in
            transfer = note("read", range, outcome, since: start)
            guard case .passed(let pieces) = outcome else { return }
            judge(pieces, range, of: disk, since: start)
        }
        if transfer == .failed { count { $0.failedReads += 1 } }
        return transfer
    }

    func write(
        _ range: Range<UInt64>, to disk: HostDisk, blockByteCount: UInt64, isDurable: Bool
    ) async -> Transfer {
        let blocks = BlockRange(
            first: range.lowerBound / blockByteCount, count: UInt32(UInt64(range.count) / blockByteCount))
        let next = try? withMedium { medium throws(ObserverError) in
            let (number, bytes) = medium.oracle.nextWrite(at: range.lowerBound, byteCount: range.count)
            let write = HostWrite(
                content: medium.content, number: number, range: range,
                isProtected: !medium.isReadWrite || medium.kind == .cdrom)
            return (write, bytes)
        }
        guard let (write, bytes) = next else { return .gone }
        let start = context.now
        var transfer = Transfer.passed
        await disk.write(blocks, bytes[...], isForced: isDurable) { outcome in
            transfer = note("write", range, outcome, since: start)
            noteWrite(write, outcome, isDurable: isDurable)
        }
        if transfer == .failed { count { $0.failedWrites += 1 } }
        return transfer
    }

    func flush(_ disk: HostDisk) async -> Transfer {
        let start = context.now
        var transfer = Transfer.passed
        await disk.synchronize { outcome in
            transfer = note("flush", nil, outcome, since: start)
            let hasPassed = if case .passed = outcome { true } else { false }
            _ = try? withMedium { medium throws(ObserverError) in
                if hasPassed { medium.oracle.flushed() } else { medium.oracle.flushFailed() }
            }
        }
        if transfer == .failed { count { $0.failedWrites += 1 } }
        return transfer
    }

    // MARK: Account

    private func note(
        _ name: String, _ range: Range<UInt64>?, _ outcome: BlockOutcome, since start: Duration
    ) -> Transfer {
        let latency = context.now - start
        count { $0.slowestCommand = max($0.slowestCommand, latency) }
        noteTrouble(name, outcome)
        let transfer: Transfer
        let detail: String?
        switch outcome {
        case .passed: (transfer, detail) = (.passed, nil)
        case .failed(let sense): (transfer, detail) = (.failed, "sense \(sense)")
        case .unknown(let error): (transfer, detail) = (.failed, error.description)
        case .gone: (transfer, detail) = (.gone, "the device is gone")
        }
        context.recorder.record(
            .host, slot: self.name, name, detail: detail, range: range, latency: latency,
            hasSucceeded: transfer == .passed)
        if case .unknown(let error) = outcome, case .transport = error {
            count { $0.timedOutCommands += 1 }
        }
        if transfer != .passed {
            _ = try? withMedium { medium throws(ObserverError) in medium.hadTrouble = true }
        }
        return transfer
    }

    /// What the host sees of a command that did not pass.
    private func noteTrouble(_ name: String, _ outcome: BlockOutcome) {
        switch outcome {
        case .failed(let sense) where sense.key == 0:
            context.violations.report(
                .explicitErrors, slot: self.name,
                "a \(name) failed, and the sense data give no reason: \(sense)")
        // What the host should not have asked, and what it must be told of the medium, is no trouble.
        case _ where isAskedBack: break
        case .failed(let sense) where ![5, 6, 7].contains(sense.key):
            context.effects.note(.commandFailed(sense: "\(sense)"), slot: self.name)
        case .unknown(let error) where error != .noMedium:
            context.effects.note(.commandLost, slot: self.name)
        default: break
        }
    }

    private func judge(_ pieces: [Bytes], _ range: Range<UInt64>, of disk: HostDisk, since start: Duration) {
        // A device may send a sector in two pieces; the oracle wants whole ones.
        let isWhole = pieces.allSatisfy { $0.count.isMultiple(of: Self.sectorByteCount) }
        var offset = range.lowerBound
        for piece in isWhole ? pieces : [Array(pieces.joined())[...]] {
            judge(piece, at: offset, of: disk, since: start)
            offset += UInt64(piece.count)
        }
    }

    private func judge(_ bytes: Bytes, at offset: UInt64, of disk: HostDisk, since start: Duration) {
        do throws(ObserverError) {
            let (finding, content) = try judge(bytes, at: offset, since: start)
            switch finding {
            case .right?: count { $0.provenByteCount += UInt64(bytes.count) }
            case .wrong(let sector, let what)?:
                context.violations.report(.data, slot: name, "sector \(sector): \(what)")
            case nil:
                context.violations.report(
                    .data, slot: name, "\(bytes.count) bytes at \(offset) from a slot without a medium")
            }
            if let content, !disk.news.blocksRead(ofMedium: content) {
                context.violations.report(
                    .mediumChange, slot: name,
                    "blocks of another medium than before, and no unit attention told of it")
            }
        } catch {
            context.violations.report(.data, slot: name, "nothing to compare with: \(error)")
        }
    }

    private func noteWrite(_ write: HostWrite, _ outcome: BlockOutcome, isDurable: Bool) {
        let hasPassed = if case .passed = outcome { true } else { false }
        if write.isProtected {
            if hasPassed {
                context.violations.report(.readOnly, slot: name, "a write to a protected medium passed")
            }
            return wrote(write, .refused)
        }
        wrote(write, hasPassed ? .passed(isDurable: isDurable) : .unknown)
    }
}
