import TestSupport
import Testing

@testable import USBMassStorage

/// How data move: in bounded pieces, uncopied, and never in the way of anything else.
struct DataFlowTests {
    static let image = TemporaryFolder.pattern(8 << 20, seed: 4)
    static let readEightMegabytes = "a80000000000000040000000"

    private func pieces(_ outcome: TransferOutcome?) -> [UInt8]? {
        guard case .data(let pieces) = outcome else { return nil }
        return flat(pieces)
    }

    /// The host's transfers need not match the packets, the chunks or the command.
    @Test(arguments: [512, 4096, 61_440, 122_880, 1 << 20, 3 << 20, 8 << 20, 9 << 20])
    func `a read arrives whole in transfers of any size`(room: Int) {
        var bench = Bench.ready(Self.image)
        _ = bench.sendWrapper(bytes(Self.readEightMegabytes), host: 8 << 20, isIn: true)
        var received: [UInt8] = []
        while received.count < 8 << 20 {
            guard let next = pieces(bench.bulkIn(room)) else {
                Issue.record("nothing after \(received.count) bytes")
                return
            }
            received += next
        }
        #expect(received == Self.image)
        #expect(pieces(bench.bulkIn(13))?.last == 0)
        let sizes = bench.requests.map { request in
            if case .read(_, let count) = request { count } else { 0 }
        }
        #expect(sizes == Array(repeating: MassStorageDevice.storageChunkByteCount, count: 8))
    }

    @Test func `reading ahead stops at its bound until the host takes data`() {
        var bench = Bench.ready(Self.image)
        _ = bench.sendWrapper(bytes(Self.readEightMegabytes), host: 8 << 20, isIn: true)
        #expect(bench.requests.count == 2)
        _ = bench.bulkIn(4096)
        #expect(bench.requests.count == 2, "the window has less room than a chunk")
        for _ in 0..<255 { _ = bench.bulkIn(4096) }
        #expect(bench.requests.count == 3)
    }

    @Test func `the host gets the medium's own bytes, not a copy`() {
        var bench = Bench.ready(Self.image)
        func address(_ bytes: ArraySlice<UInt8>) -> UInt {
            bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        }
        let base = address(bench.images[0]![...])
        _ = bench.sendWrapper(bytes("28000000000800100000"), host: 2 << 20, isIn: true)
        guard case .data(let first) = bench.bulkIn(100_000 / 512 * 512),
            case .data(let second) = bench.bulkIn(2 << 20)
        else {
            Issue.record("no data")
            return
        }
        var offset: UInt = 8 * 512
        for piece in first + second {
            #expect(address(piece) == base + offset)
            offset += UInt(piece.count)
        }
        #expect(offset == 8 * 512 + 2 << 20)
    }

    @Test func `answers of the medium out of order reach the host in order`() {
        var bench = Bench.ready(Self.image)
        bench.isMediumStalled = true
        _ = bench.sendWrapper(bytes("28000000000000100000"), host: 2 << 20, isIn: true)
        let transfer = bench.submit { .bulkIn($0, endpoint: 1, byteCount: 2 << 20) }
        #expect(bench.held.count == 2)
        for (tag, lun, request) in bench.held.reversed() {
            #expect(bench.completions[transfer] == nil)
            bench.feed(.storageFinished(tag, bench.carryOut(request, lun: lun)))
        }
        #expect(pieces(bench.completions[transfer]) == Array(Self.image.prefix(2 << 20)))
    }

    enum Blocked: CaseIterable { case read, write, flush, verify }

    private func blocked(_ what: Blocked) -> Bench {
        var bench = Bench.ready(Self.image)
        bench.isMediumStalled = true
        switch what {
        case .read: _ = bench.sendWrapper(bytes("28000000000000000100"), host: 512, isIn: true)
        case .write:
            _ = bench.sendWrapper(bytes("2a000000000000000100"), host: 512, isIn: false)
            _ = bench.out([UInt8](repeating: 1, count: 512))
        case .flush: _ = bench.sendWrapper(bytes("35000000000000000000"), host: 0, isIn: false)
        case .verify: _ = bench.sendWrapper(bytes("2f000000000000000100"), host: 0, isIn: false)
        }
        #expect(bench.held.count == 1)
        return bench
    }

    @Test(arguments: Blocked.allCases)
    func `a medium that never answers blocks neither control, nor cancel, nor reset`(what: Blocked) {
        var bench = blocked(what)
        let transfer = bench.submit { .bulkIn($0, endpoint: 1, byteCount: 512) }
        #expect(bench.completions[transfer] == nil)
        #expect(bench.control(0x80, 0, length: 2) == .data([[0, 0]]))
        bench.feed(.cancel(transfer))
        #expect(bench.completions[transfer] == .cancelled)
        #expect(bench.control(0x21, 0xFF) == .accepted(byteCount: 0))
        // The late answer belongs to nobody.
        bench.release()
        #expect(bench.scsi("28000000000000000100", toHost: 512).status == 0)
    }

    @Test(arguments: Blocked.allCases, [true, false])
    func `a bus reset or an unplug ends everything at once`(what: Blocked, isReset: Bool) {
        var bench = blocked(what)
        let transfer = bench.submit { .bulkIn($0, endpoint: 1, byteCount: 512) }
        let waiting = bench.submit { .bulkOut($0, endpoint: 1, [1, 2, 3]) }
        bench.feed(isReset ? .busReset : .disconnected)
        #expect(bench.completions[transfer] == .cancelled)
        #expect(bench.completions[waiting] == .cancelled)
        #expect(bench.device.activeConfiguration == 0)
        bench.release()
        bench.configure()
        #expect(bench.scsi("000000000000").status == 1)
        #expect(bench.sense() == "06/29/00")
        #expect(bench.scsi("28000000000000000100", toHost: 512).status == 0)
    }

    @Test(arguments: Blocked.allCases)
    func `an eject ends a command that waits for the medium`(what: Blocked) {
        var bench = blocked(what)
        bench.forceEject()
        if what == .read { _ = bench.bulkIn(512) }
        guard let status = pieces(bench.bulkIn(13)) else {
            Issue.record("no status")
            return
        }
        #expect(status[12] == 1)
        #expect(bench.sense() == "02/3a/00")
        bench.release()
        #expect(bench.scsi("000000000000").status == 1)
    }

    @Test func `a Bulk-Only Reset leaves the host's own transfers submitted`() {
        var bench = blocked(.read)
        let transfer = bench.submit { .bulkIn($0, endpoint: 1, byteCount: 13) }
        _ = bench.control(0x21, 0xFF)
        #expect(bench.completions[transfer] == nil)
        bench.release()
        _ = bench.sendWrapper(bytes("000000000000"), host: 0, isIn: false)
        #expect(pieces(bench.completions[transfer])?.last == 0)
    }

    @Test func `cancelling a transfer that is done says nothing more`() {
        var bench = Bench.ready(Self.image)
        let transfer = bench.submit {
            .control($0, SetupPacket(requestType: 0x80, request: 0, value: 0, index: 0, length: 2), data: [])
        }
        #expect(bench.device.handle(.cancel(transfer)).isEmpty)
        #expect(bench.device.handle(.cancel(TransferID(rawValue: 999))).isEmpty)
    }

    @Test(arguments: [512, 4096, 65536, 1 << 20, 3 << 20])
    func `a large write is passed on in bounded requests`(transferByteCount: Int) {
        var bench = Bench.ready(Self.image)
        let data = TemporaryFolder.pattern(3 << 20, seed: 99)
        _ = bench.sendWrapper(bytes("2a000000000800180000"), host: 3 << 20, isIn: false)
        for start in stride(from: 0, to: data.count, by: transferByteCount) {
            let chunk = Array(data[start..<start + transferByteCount])
            #expect(bench.out(chunk) == .accepted(byteCount: transferByteCount))
        }
        #expect(pieces(bench.bulkIn(13))?.last == 0)
        #expect(Array(bench.images[0]![4096..<4096 + data.count]) == data)
    }

    @Test func `writes wait while the medium is busy with two chunks`() {
        var bench = Bench.ready(Self.image)
        bench.isMediumStalled = true
        _ = bench.sendWrapper(bytes("2a000000000000180000"), host: 3 << 20, isIn: false)
        let chunk = [UInt8](repeating: 1, count: 1 << 20)
        #expect(bench.out(chunk) != nil)
        #expect(bench.out(chunk) != nil)
        let third = bench.submit { .bulkOut($0, endpoint: 1, chunk[...]) }
        #expect(bench.completions[third] == nil)
        bench.release()
        #expect(bench.completions[third] == .accepted(byteCount: 1 << 20))
        #expect(pieces(bench.bulkIn(13))?.last == 0)
    }

    enum Phase: CaseIterable { case idle, dataIn, dataOut, executing, status }

    /// A cancelled transfer takes nothing with it: the next one gets what it would have got.
    @Test(arguments: Phase.allCases)
    func `a cancel in any phase leaves the command as it was`(phase: Phase) {
        var bench = Bench.ready(Self.image)
        bench.isMediumStalled = true
        var cancelled: TransferID
        switch phase {
        case .idle:
            cancelled = bench.submit { .bulkIn($0, endpoint: 1, byteCount: 13) }
        case .dataIn:
            _ = bench.sendWrapper(bytes("28000000000000000100"), host: 512, isIn: true)
            cancelled = bench.submit { .bulkIn($0, endpoint: 1, byteCount: 512) }
        case .dataOut:
            _ = bench.sendWrapper(bytes("2a000000000000180000"), host: 3 << 20, isIn: false)
            for _ in 0..<2 { _ = bench.out([UInt8](repeating: 1, count: 1 << 20)) }
            cancelled = bench.submit { .bulkOut($0, endpoint: 1, [UInt8](repeating: 2, count: 1 << 20)[...]) }
        case .executing:
            _ = bench.sendWrapper(bytes("35000000000000000000"), host: 0, isIn: false)
            cancelled = bench.submit { .bulkIn($0, endpoint: 1, byteCount: 13) }
        case .status:
            _ = bench.sendWrapper(bytes("000000000000"), host: 0, isIn: false)
            cancelled = bench.submit { .bulkOut($0, endpoint: 1, [1]) }
        }
        #expect(bench.completions[cancelled] == nil)
        bench.feed(.cancel(cancelled))
        #expect(bench.completions[cancelled] == .cancelled)
        bench.release()
        switch phase {
        case .idle: _ = bench.sendWrapper(bytes("000000000000"), host: 0, isIn: false)
        case .dataIn: #expect(pieces(bench.bulkIn(512)) == Array(Self.image.prefix(512)))
        case .dataOut:
            #expect(bench.out([UInt8](repeating: 3, count: 1 << 20)) == .accepted(byteCount: 1 << 20))
        case .executing, .status: break
        }
        #expect(pieces(bench.bulkIn(13))?.last == 0)
        if phase == .dataOut { #expect(bench.images[0]![2 << 20] == 3) }
    }
}
