internal import Glibc
internal import USBMassStorage
internal import WireFormat

/// One pass over blocks of the medium: reads, compares, digests, and keeps the account.
///
/// Memory is one transfer and one small buffer, however large the image is.
struct ReadRun: ~Copyable {
    /// A device that violates the transport so often is not read on.
    static let maximumFaults = 8
    /// Compared at a time: what the image gives is still in the core's own cache when it is compared.
    private static let comparedBytes = 128 << 10

    /// Reading is pointless from here on.
    enum Stop: Error {
        case verdict(Verdict)
    }

    let capacity: CapacityReply
    var report = ReadReport(verdict: .unproven("nothing was read"))
    private let image: (any ExpectedImage)?
    private var diagnosis: BlockDiagnosis?
    private let digest: SHA256?
    private let buffer: UnsafeMutableRawBufferPointer
    private var faults = 0

    init(
        capacity: CapacityReply, image: (any ExpectedImage)?, previous: (any ExpectedImage)?, digest: SHA256?
    ) {
        self.capacity = capacity
        self.image = image
        self.digest = digest
        diagnosis = image.map { BlockDiagnosis(image: $0, previous: previous) }
        buffer = .allocate(byteCount: Self.comparedBytes, alignment: 4096)
        report.visibleByteCount = capacity.blockCount * UInt64(capacity.blockByteCount)
    }

    deinit { buffer.deallocate() }

    var blockByteCount: Int { Int(capacity.blockByteCount) }

    /// Reads blocks in one command; after a failure in ever smaller parts, until each block is
    /// either read or known to be unreadable.
    mutating func read(_ first: UInt64, count: UInt32, by reader: some MediumReader) async throws(Stop) {
        var work = [(first: first, count: count)]
        while let part = work.popLast() {
            guard let reason = try await attempt(part.first, count: part.count, by: reader) else {
                continue
            }
            if part.count > 1 {
                let half = part.count / 2
                work.append((part.first + UInt64(half), part.count - half))
                work.append((part.first, half))
                report.transientFailureCount += 1
            } else {
                report.unreadable.append(UnreadableBlock(block: part.first, reason: reason))
                if report.unreadable.count >= HostObserver.maximumReportedBlocks {
                    throw .verdict(.unreadable("\(report.unreadable.count) blocks, then given up"))
                }
            }
        }
    }

    /// - Returns: why it failed, or `nil`.
    private mutating func attempt(_ first: UInt64, count: UInt32, by reader: some MediumReader)
        async throws(Stop) -> String?
    {
        let byteCount = Int(count) * blockByteCount
        var attempts = 0
        while true {
            let outcome: MediumOutcome
            do throws(ObserverError) {
                outcome = try await reader.readOnce(BlockRange(first: first, count: count))
            } catch { return try fault(error) }
            if let sense = outcome.sense {
                if sense.code.isMediumNotPresent {
                    throw .verdict(.unreadable("the medium is gone (sense 02/3a/00) at block \(first)"))
                }
                guard sense.code.isUnitAttention else { return "sense \(sense.code)" }
                if sense.code == .mediumMayHaveChanged {
                    throw .verdict(.unproven("the medium changed while it was read (sense 06/28/00)"))
                }
                attempts += 1
                if attempts > reader.retries { return "sense \(sense.code)" }
                continue
            }
            guard outcome.movedByteCount == byteCount else {
                report.violations.append(
                    "READ of \(byteCount) bytes at block \(first) passed with \(outcome.movedByteCount)")
                return try countFault(
                    "short: \(outcome.movedByteCount) of \(byteCount) bytes with good status")
            }
            try compare(outcome.data, at: first, byteCount: byteCount)
            return nil
        }
    }

    private mutating func fault(_ error: ObserverError) throws(Stop) -> String {
        switch error {
        case .transport(let fault, _):
            report.violations.append(fault.description)
            return try countFault(fault.description)
        case .system(_, _, isOfOneBlock: true): return error.description
        default: throw .verdict(.unreadable(error.description))
        }
    }

    private mutating func countFault(_ reason: String) throws(Stop) -> String {
        faults += 1
        if faults >= Self.maximumFaults {
            throw .verdict(.unreadable("\(faults) transport faults; the last: \(reason)"))
        }
        return reason
    }

    private mutating func compare(_ pieces: [Bytes], at block: UInt64, byteCount: Int) throws(Stop) {
        if let digest { for piece in pieces { digest.update(piece) } }
        guard let image else { return }
        let offset = block * UInt64(blockByteCount)
        do throws(ObserverError) {
            if try isEqual(pieces, to: image, at: offset) {
                report.provenByteCount += UInt64(byteCount)
            } else {
                let expected = try expectedBytes(byteCount, of: image, at: offset)
                try diagnose(Array(pieces.joined()), expected: expected, at: block)
            }
        } catch { throw .verdict(.unproven(error.description)) }
    }

    private func isEqual(_ pieces: [Bytes], to image: any ExpectedImage, at offset: UInt64)
        throws(ObserverError) -> Bool
    {
        var position = offset
        for piece in pieces {
            var rest = piece
            while !rest.isEmpty {
                let part = rest.prefix(buffer.count)
                let expected = UnsafeMutableRawBufferPointer(rebasing: buffer[..<part.count])
                try fill(expected, from: image, at: position)
                let isSame = part.withUnsafeBytes {
                    memcmp($0.baseAddress!, expected.baseAddress!, $0.count) == 0
                }
                guard isSame else { return false }
                position += UInt64(part.count)
                rest.removeFirst(part.count)
            }
        }
        return true
    }

    private func expectedBytes(_ byteCount: Int, of image: any ExpectedImage, at offset: UInt64)
        throws(ObserverError) -> [UInt8]
    {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { memory.deallocate() }
        try fill(memory, from: image, at: offset)
        return Array(memory)
    }

    private func fill(
        _ expected: UnsafeMutableRawBufferPointer, from image: any ExpectedImage, at offset: UInt64
    ) throws(ObserverError) {
        let count = try image.read(into: expected, at: offset)
        guard count == expected.count else {
            throw .expectedImage("only \(count) of \(expected.count) bytes at \(offset) are left")
        }
    }

    private mutating func diagnose(_ actual: [UInt8], expected: [UInt8], at first: UInt64)
        throws(ObserverError)
    {
        for index in 0..<actual.count / blockByteCount {
            let range = index * blockByteCount..<(index + 1) * blockByteCount
            if actual[range] == expected[range] {
                report.provenByteCount += UInt64(blockByteCount)
                continue
            }
            report.mismatchedBlockCount += 1
            guard report.mismatches.count < HostObserver.maximumReportedBlocks else { continue }
            let mismatch = try diagnosis?.mismatch(
                expected: expected[range], actual: actual[range], block: first + UInt64(index))
            if let mismatch { report.mismatches.append(mismatch) }
        }
    }
}
