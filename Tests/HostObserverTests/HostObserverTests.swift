import Foundation
import TestSupport
import Testing
import USBMassStorage

@testable import HostObserver

struct HostObserverTests {
    static let image = TemporaryFolder.pattern(1 << 20, seed: 5)

    @Test(arguments: BusSpeed.allCases, GadgetConfiguration.Profile.allCases)
    func `enumeration finds what the gadget presents`(
        speed: BusSpeed, profile: GadgetConfiguration.Profile
    ) async throws {
        var configuration = GadgetConfiguration()
        configuration.speed = speed
        configuration.profile = profile
        configuration.product = "Slot 0 ✓"
        let connection = DirectConnection(Self.image, configuration: configuration)
        let report = try await connection.observer().enumerate()
        #expect(report.breaches == [])
        #expect(report.device.vendorID == 0x1D6B && report.device.productID == 0x0104)
        #expect(report.product == "Slot 0 ✓")
        #expect(report.serialNumber == configuration.serialNumber)
        #expect(report.maximumLUN == 0)
        let interface = try #require(report.configuration.interfaces.first)
        #expect(interface.isMassStorage)
        #expect(
            interface.endpoints.map { Int($0.maximumPacketByteCount) } == [
                speed.bulkPacketByteCount, speed.bulkPacketByteCount,
            ])
    }

    @Test(
        arguments: [
            (nil, "no serial number"), ("12345", "5 characters"),
            ("0123456789abcdef", "other than 0-9 and A-F"),
            ("AAAA000000000000", "all zero"),
        ] as [(String?, String)])
    func `a bad serial number is a breach, in words`(serialNumber: String?, words: String) async throws {
        var configuration = GadgetConfiguration()
        configuration.serialNumber = serialNumber
        let report = try await DirectConnection(Self.image, configuration: configuration).observer()
            .enumerate()
        #expect(report.breaches.contains { $0.contains(words) })
    }

    @Test(arguments: [HostProfile.linux(), .windows(), .uefi], [false, true])
    func `every host finds a ready unit and proves it`(profile: HostProfile, isCD: Bool) async throws {
        let connection = DirectConnection(
            Self.image, lun: LogicalUnitConfiguration(isCD: isCD, isReadOnly: true))
        let observer = connection.observer(profile)
        try await observer.enumerate()
        let unit = try await observer.examineUnit()
        #expect(unit.inquiry.isCD == isCD)
        #expect(unit.inquiry.vendor == "Linux")
        #expect(unit.isWriteProtected)
        #expect(unit.byteCount == 1 << 20)
        #expect(unit.unitAttentions == ["06/29/00"])
        #expect(unit.tableOfContents?.leadOut == (isCD ? 512 : nil))
        let report = try await observer.readAll(
            expecting: .image(ExpectedBytes(Self.image)), digests: true)
        #expect(report.verdict == .proven)
        #expect(report.sha256 == SHA256.text(Self.image[...]))
        #expect(report.bytesPerSecond > 0)
    }

    @Test func `firmware pads its commands to twelve bytes`() async throws {
        let connection = DirectConnection(Self.image)
        _ = try await connection.readyObserver(.uefi)
        #expect(connection.state.withLock { $0.longestCommandBlock[14] } == 12)
    }

    @Test func `an empty drive is said to be empty`() async throws {
        let connection = DirectConnection([])
        let observer = connection.observer()
        try await observer.enumerate()
        #expect(try await observer.pollUnit() == .noMedium)
        await #expect(throws: ObserverError.noMedium) { try await observer.examineUnit() }
    }

    @Test func `a digest proves a whole number of blocks and nothing more`() async throws {
        let digest = SHA256.text(Self.image[...])
        let observer = try await DirectConnection(Self.image).readyObserver()
        let whole = try await observer.readAll(
            expecting: .digest(sha256: digest.uppercased(), byteCount: 1 << 20))
        #expect(whole.verdict == .proven && whole.provenByteCount == 1 << 20)
        let wrong = try await observer.readAll(
            expecting: .digest(sha256: String(repeating: "0", count: 64), byteCount: nil))
        guard case .mismatch = wrong.verdict else {
            Issue.record("the verdict is \(wrong.verdict)")
            return
        }
        #expect(wrong.provenByteCount == 0)
        let tail = try await observer.readAll(expecting: .digest(sha256: digest, byteCount: 1 << 20 + 7))
        #expect(tail.hiddenByteCount == 7)
        guard case .unproven = tail.verdict else {
            Issue.record("the verdict is \(tail.verdict)")
            return
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `random reads are the same for the same seed`(seed: UInt64) async throws {
        var proven: [UInt64] = []
        for _ in 0..<2 {
            let observer = try await DirectConnection(Self.image).readyObserver()
            let report = try await observer.readRandom(40, seed: seed, expecting: ExpectedBytes(Self.image))
            #expect(report.verdict == .proven)
            proven.append(report.provenByteCount)
        }
        #expect(proven[0] == proven[1] && proven[0] > 0)
    }

    @Test func `a random read sees a corrupted medium`() async throws {
        let connection = DirectConnection(Self.image)
        connection.update { state in state.image = state.image.map { $0 ^ 1 } }
        let observer = try await connection.readyObserver()
        let report = try await observer.readRandom(1, seed: 9, expecting: ExpectedBytes(Self.image))
        #expect(report.mismatchedBlockCount > 0)
    }

    @Test func `what is written is on the medium, flushed, and read back`() async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        let ranges = [BlockRange(first: 0, count: 1), BlockRange(first: 100, count: 700)]
        let report = try await observer.writeTest(ranges, seed: 42)
        #expect(report.verdict == .proven)
        #expect(report.ranges.reduce(0) { $0 + $1.byteCount } == 701 * 512)
        #expect(connection.state.withLock { $0.flushes } == 1)
        let image = connection.state.withLock { $0.image }
        for range in report.ranges {
            let start = Int(range.byteOffset)
            #expect(SHA256.text(image[start..<start + range.byteCount]) == range.sha256)
        }
        #expect(Array(image[512..<51200]) == Array(Self.image[512..<51200]))
    }

    @Test func `a write that does not stick is found`() async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        connection.set {
            $0.readThrough = { offset, bytes in Array(Self.image[Int(offset)..<Int(offset) + bytes.count]) }
        }
        let report = try await observer.writeTest([BlockRange(first: 8, count: 8)], seed: 1)
        guard case .mismatch = report.verdict else {
            Issue.record("the verdict is \(report.verdict)")
            return
        }
    }

    @Test func `a write-protected medium refuses the test and keeps its bytes`() async throws {
        let connection = DirectConnection(Self.image, lun: LogicalUnitConfiguration(isReadOnly: true))
        let observer = try await connection.readyObserver()
        let report = try await observer.writeTest([BlockRange(first: 0, count: 8)], seed: 1)
        #expect(report.verdict == .unproven("WRITE at block 0: sense 07/27/00"))
        #expect(connection.state.withLock { $0.image } == Self.image)
    }

    @Test func `a locked medium is not ejected, an unlocked one is`() async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        try await observer.setRemovalPrevented(true)
        await #expect(throws: ObserverError.refused(.mediumRemovalPrevented, command: "START STOP UNIT")) {
            try await observer.eject()
        }
        try await observer.setRemovalPrevented(false)
        try await observer.eject()
        #expect(connection.state.withLock { $0.ejected } == 1)
        #expect(try await observer.pollUnit() == .noMedium)
    }

    @Test func `a new medium and a port reset each show as a unit attention`() async throws {
        let connection = DirectConnection(Self.image)
        let observer = try await connection.readyObserver()
        connection.update { _ = $0.device.insertMedium(lun: 0, byteCount: 1 << 20) }
        #expect(try await observer.pollUnit() == .ready)
        #expect(observer.takeUnitAttentions() == [.mediumMayHaveChanged])
        try await observer.resetPort()
        #expect(try await observer.pollUnit() == .ready)
        #expect(observer.takeUnitAttentions() == [.resetOccurred])
    }

    @Test func `reports survive JSON`() async throws {
        let observer = try await DirectConnection(Self.image).readyObserver()
        let report = try await observer.readAll(expecting: .image(ExpectedBytes(Self.image)))
        let data = try JSONEncoder().encode(report)
        #expect(try JSONDecoder().decode(ReadReport.self, from: data) == report)
        let device = try #require(observer.device)
        #expect(try JSONDecoder().decode(DeviceReport.self, from: JSONEncoder().encode(device)) == device)
    }
}
