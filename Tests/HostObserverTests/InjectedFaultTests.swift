import TestSupport
import Testing
import USBMassStorage

@testable import HostObserver

/// Each way in which what the host reads can be wrong, and what the observer calls it.
struct InjectedFaultTests {
    static let image = TemporaryFolder.pattern(2 << 20, seed: 7)
    static let block: UInt64 = 1000
    static let offset = Int(block) * 512

    /// Reads all with the bytes of block 1000 replaced.
    private func read(
        previous: [UInt8]? = nil, replacing block: @escaping @Sendable ([UInt8]) -> [UInt8]
    ) async throws -> ReadReport {
        let connection = DirectConnection(Self.image)
        connection.set { faults in
            faults.readThrough = { offset, bytes in
                let start = Self.offset - Int(offset)
                guard start >= 0, start + 512 <= bytes.count else { return bytes }
                var changed = bytes
                changed.replaceSubrange(start..<start + 512, with: block(Array(bytes[start..<start + 512])))
                return changed
            }
        }
        let observer = try await connection.readyObserver()
        return try await observer.readAll(
            expecting: .image(ExpectedBytes(Self.image)), previous: previous.map { ExpectedBytes($0) })
    }

    private func expectOne(_ report: ReadReport, _ kind: BlockMismatch.Kind) {
        #expect(report.mismatches.map(\.kind) == [kind])
        #expect(report.mismatches.first?.block == Self.block)
        #expect(report.mismatches.first?.byteOffset == UInt64(Self.offset))
        #expect(report.mismatchedBlockCount == 1)
        #expect(report.provenByteCount == UInt64(Self.image.count - 512))
        guard case .mismatch(let text) = report.verdict else {
            Issue.record("the verdict is \(report.verdict)")
            return
        }
        #expect(text.contains("block 1000 is \(kind)"))
    }

    @Test func `nothing injected is proven to the last byte`() async throws {
        let report = try await read { $0 }
        #expect(report.verdict == .proven)
        #expect(report.provenByteCount == UInt64(Self.image.count))
        #expect(report.hiddenByteCount == 0)
        #expect(report.mismatches.isEmpty && report.unreadable.isEmpty && report.violations.isEmpty)
    }

    @Test(arguments: [0, 1, 2047, 4095])
    func `one flipped bit is corruption, with its place`(bit: Int) async throws {
        let report = try await read { block in
            var block = block
            block[bit / 8] ^= 1 << UInt8(bit % 8)
            return block
        }
        expectOne(report, .corrupted(bitCount: 1))
        #expect(report.mismatches.first?.firstDifference == UInt64(Self.offset + bit / 8))
        #expect(report.mismatches.first?.expectedSHA256 != report.mismatches.first?.actualSHA256)
    }

    @Test(arguments: [-513, -8, -1, 1, 3, 511, 4097, 60_001])
    func `a shifted block is recognised by how far it is off`(distance: Int) async throws {
        let start = Self.offset + distance
        let report = try await read { _ in Array(Self.image[start..<start + 512]) }
        expectOne(report, .shifted(byteCount: distance))
    }

    @Test(arguments: [0, 999, 1001, 4095] as [UInt64])
    func `another block of the image is recognised by its number`(other: UInt64) async throws {
        let start = Int(other) * 512
        let report = try await read { _ in Array(Self.image[start..<start + 512]) }
        expectOne(report, .swapped(block: other))
    }

    @Test func `two swapped blocks name each other`() async throws {
        let connection = DirectConnection(Self.image)
        connection.update { state in
            let first = Array(state.image[512..<1024])
            state.image.replaceSubrange(512..<1024, with: state.image[(1 << 20)..<(1 << 20) + 512])
            state.image.replaceSubrange((1 << 20)..<(1 << 20) + 512, with: first)
        }
        let observer = try await connection.readyObserver()
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image)))
        #expect(report.mismatches.map(\.block) == [1, 2048])
        #expect(report.mismatches.map(\.kind) == [.swapped(block: 2048), .swapped(block: 1)])
    }

    @Test func `a block of the image that was in before is stale`() async throws {
        let previous = TemporaryFolder.pattern(2 << 20, seed: 8)
        let report = try await read(previous: previous) { _ in
            Array(previous[Self.offset..<Self.offset + 512])
        }
        expectOne(report, .stale)
    }

    @Test func `a block of zeroes is zeroed`() async throws {
        let report = try await read { _ in [UInt8](repeating: 0, count: 512) }
        expectOne(report, .zeroed)
    }

    @Test func `more wrong blocks than a report names are all counted`() async throws {
        let connection = DirectConnection(Self.image)
        connection.set { $0.readThrough = { _, bytes in bytes.map { $0 ^ 0xFF } } }
        let observer = try await connection.readyObserver()
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image)))
        #expect(report.mismatchedBlockCount == 4096)
        #expect(report.mismatches.count == HostObserver.maximumReportedBlocks)
        #expect(report.provenByteCount == 0)
    }

    @Test func `a medium error is unreadable, block by block, and the rest is proven`() async throws {
        let connection = DirectConnection(Self.image)
        connection.set { $0.badOffset = UInt64(Self.offset + 100) }
        let observer = try await connection.readyObserver()
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image)))
        #expect(report.unreadable == [UnreadableBlock(block: Self.block, reason: "sense 03/11/00")])
        #expect(report.provenByteCount == UInt64(Self.image.count - 512))
        #expect(report.verdict == .unreadable("1 blocks; block 1000: sense 03/11/00"))
    }

    @Test func `a failure that passes when tried again is counted and does not spoil the proof`() async throws
    {
        let connection = DirectConnection(Self.image)
        connection.set {
            $0.badOffset = UInt64(Self.offset)
            $0.failuresLeft = 1
        }
        let observer = try await connection.readyObserver()
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image)))
        #expect(report.verdict == .proven)
        #expect(report.transientFailureCount == 1)
    }

    @Test func `a short read with good status is never proven`() async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        connection.set { $0.cutsDataTo = 512 }
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image)))
        guard case .unreadable(let text) = report.verdict else {
            Issue.record("the verdict is \(report.verdict)")
            return
        }
        #expect(text.contains("short data: 512 bytes came, the status claims"))
        #expect(!report.violations.isEmpty)
    }

    @Test func `a residue that does not fit is a violation though the bytes are right`() async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        connection.set {
            $0.status = { status in
                var status = status
                status[9] = 2  // 512 bytes more than there are.
                return status
            }
        }
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image)))
        #expect(report.verdict != .proven)
        #expect(report.violations.first?.contains("passed with") == true)
    }

    @Test(arguments: [
        (4, 0x40, "status with tag"), (0, 0x40, "invalid status wrapper"),
        (12, 0x40, "invalid status wrapper"),
        (12, 0x02, "phase error"), (11, 0x40, "residue"),
    ])
    func `a bad status wrapper is named`(index: Int, bit: UInt8, words: String) async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        connection.set {
            $0.status = { status in
                var status = status
                status[index] ^= bit
                return status
            }
        }
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image)))
        #expect(report.violations.first?.contains(words) == true)
        guard case .unreadable = report.verdict else {
            Issue.record("the verdict is \(report.verdict)")
            return
        }
        connection.set { $0.status = nil }
        #expect(try await observer.pollUnit() == .ready, "the device was recovered")
    }

    @Test func `a status that stalls for ever is given up on`() async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        connection.set { $0.stallsStatus = true }
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image)))
        #expect(
            report.verdict == .unreadable("8 transport faults; the last: the device stalled its status twice")
        )
        connection.set { $0.stallsStatus = false }
        #expect(try await observer.pollUnit() == .ready)
    }

    @Test func `a smaller medium than the image is a wrong capacity`() async throws {
        let connection = DirectConnection(Array(Self.image.prefix(1 << 20)))
        let observer = try await connection.readyObserver()
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image)))
        #expect(
            report.verdict
                == .mismatch("capacity: the host sees 2048 blocks of 512 bytes, the image has 4096"))
        #expect(report.provenByteCount == 1 << 20)
        #expect(report.hiddenByteCount == 1 << 20)
    }

    @Test func `a larger medium than the image is a wrong capacity`() async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        let report = try await observer.readAll(
            expecting: .image(ExpectedBytes(Array(Self.image.prefix(1 << 20)))))
        #expect(
            report.verdict
                == .mismatch("capacity: the host sees 4096 blocks of 512 bytes, the image has 2048"))
    }

    @Test(arguments: [1, 17, 511])
    func `bytes past the last block are hidden and never counted`(tail: Int) async throws {
        let image = Array(Self.image.prefix((1 << 20) + tail))
        let connection = DirectConnection(image)
        let observer = try await connection.readyObserver()
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(image)))
        #expect(report.verdict == .proven)
        #expect(report.provenByteCount == 1 << 20)
        #expect(report.hiddenByteCount == UInt64(tail))
    }

    @Test func `a medium that does not answer ends in a bounded number of timeouts`() async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver(.uefi)
        connection.set { $0.isMediumStuck = true }
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image)))
        #expect(
            report.verdict == .unreadable("8 transport faults; the last: no answer in time (data stage)"))
        connection.set { $0.isMediumStuck = false }
        #expect(try await observer.pollUnit() == .ready)
    }

    @Test func `a device that is gone ends the read`() async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image))) { progress in
            if progress.doneByteCount >= 1 << 20 { connection.set { $0.isGone = true } }
        }
        guard case .unreadable(let text) = report.verdict else {
            Issue.record("the verdict is \(report.verdict)")
            return
        }
        #expect(text.contains("the device is gone"))
        #expect(report.provenByteCount >= 1 << 20 && report.provenByteCount < 2 << 20)
    }

    @Test func `a medium changed in mid-read is not proven`() async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image))) { progress in
            guard progress.doneByteCount == UInt64(120 << 10) else { return }
            connection.update { _ = $0.device.insertMedium(lun: 0, byteCount: UInt64(Self.image.count)) }
        }
        #expect(report.verdict == .unproven("the medium changed while it was read (sense 06/28/00)"))
    }

    @Test func `a medium taken out in mid-read ends it`() async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image))) { progress in
            guard progress.doneByteCount == UInt64(120 << 10) else { return }
            connection.update { _ = $0.device.forceEject(lun: 0) }
        }
        #expect(report.verdict == .unreadable("the medium is gone (sense 02/3a/00) at block 240"))
        #expect(report.provenByteCount == 120 << 10)
    }

    @Test func `an expected file that shrinks proves nothing`() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.image, to: "image")
        let file = try ExpectedFile(path: path)
        try folder.write(Array(Self.image.prefix(4096)), to: "image")
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        // The file is replaced, not truncated, when written anew: open the short one under the old size.
        let report = try await observer.readAll(expecting: .image(ShrunkImage(file: file, byteCount: 4096)))
        guard case .unproven(let text) = report.verdict else {
            Issue.record("the verdict is \(report.verdict)")
            return
        }
        #expect(text.contains("are left"))
    }
}

/// Says it is as long as the file was, and has only its first bytes.
private final class ShrunkImage: ExpectedImage {
    private let file: ExpectedFile
    private let limit: UInt64
    var byteCount: UInt64 { file.byteCount }
    init(file: ExpectedFile, byteCount: UInt64) {
        self.file = file
        limit = byteCount
    }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ObserverError) -> Int {
        guard offset < limit else { return 0 }
        let count = Int(min(UInt64(buffer.count), limit - offset))
        return try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[0..<count]), at: offset)
    }
}
