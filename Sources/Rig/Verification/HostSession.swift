import HostObserver
import Synchronization
import USBMassStorage
import VirtualMedia

/// What the host does with the device, from enumeration to the last byte.
struct HostSession: Sendable {
    struct Findings: Sendable {
        var device: DeviceReport?
        var unit: UnitReport?
        /// When the host knew the capacity.
        var enumeratedAt: Duration?
        var reading: ReadReport?
        var randomReading: ReadReport?
        var writing: WriteReport?
        /// What ended the session early.
        var failure: ObserverError?
    }

    /// Ranges of the write test: the first block, the last, and this many between.
    private static let scatteredWrites = 16
    private static let blocksPerWrite: UInt32 = 64
    private static let progressInterval = Duration.milliseconds(100)

    let plan: VerificationPlan
    let expected: ExpectedContent
    let clock: any MediaClock
    let progress: @Sendable (Progress) -> Void

    /// Runs in the calling task; whatever goes wrong is in the findings.
    func run(on connection: any USBDeviceConnection) async -> Findings {
        var findings = Findings()
        let clock = clock
        var profile = HostProfile.linux(speed: .superSpeed)
        profile.commandTimeout = min(profile.commandTimeout, plan.timeout)
        let host = HostObserver(
            connection: connection, profile: profile, now: { clock.now },
            pause: { try? await clock.sleep(until: clock.now + $0) })
        do throws(ObserverError) {
            findings.device = try await host.enumerate()
            findings.unit = try await host.examineUnit()
            findings.enumeratedAt = clock.now
            try await read(host, &findings)
            if plan.isReadWrite { findings.writing = try await write(host) }
        } catch {
            findings.failure = error
        }
        return findings
    }

    private func read(_ host: HostObserver, _ findings: inout Findings) async throws(ObserverError) {
        let expectation = try expected.expectation()
        var nextReport = clock.now
        guard !plan.isSampled else { return try await sample(host, expectation, &findings) }
        findings.reading = try await host.readAll(expecting: expectation) { step in
            let isLast = step.doneByteCount == step.totalByteCount
            guard isLast || clock.now >= nextReport else { return }
            nextReport = clock.now + Self.progressInterval
            progress(
                Progress(phase: "reading", doneBytes: step.doneByteCount, totalBytes: step.totalByteCount))
        }
        guard case .image(let image) = expectation, plan.randomReads > 0 else { return }
        let total = UInt64(plan.randomReads)
        findings.randomReading = try await host.readRandom(
            plan.randomReads, seed: plan.seed, expecting: image
        ) { done in
            guard done == plan.randomReads || clock.now >= nextReport else { return }
            nextReport = clock.now + Self.progressInterval
            progress(Progress(phase: "random reads", doneBytes: UInt64(done), totalBytes: total))
        }
    }

    private func sample(_ host: HostObserver, _ expectation: Expectation, _ findings: inout Findings)
        async throws(ObserverError)
    {
        guard case .image(let image) = expectation, let capacity = host.unit?.capacity else {
            throw .expectedImage("a sample can only be compared with an image, not with a digest")
        }
        let ends = try await host.readRanges(
            [BlockRange(first: 0, count: 1), BlockRange(first: capacity.lastBlock, count: 1)],
            expecting: image)
        guard ends.verdict == .proven else { return findings.randomReading = ends }
        findings.randomReading = try await host.readRandom(
            plan.randomReads, seed: plan.seed, expecting: image)
    }

    private func write(_ host: HostObserver) async throws(ObserverError) -> WriteReport {
        guard let blockCount = host.unit?.capacity.blockCount, blockCount > 0 else {
            throw .malformed("write test: the medium has no blocks")
        }
        var random = BlockLottery(seed: plan.seed)
        var ranges = [BlockRange(first: 0, count: 1), BlockRange(first: blockCount - 1, count: 1)]
        for _ in 0..<Self.scatteredWrites {
            let first = UInt64.random(in: 0..<blockCount, using: &random)
            let room = UInt32(min(UInt64(Self.blocksPerWrite), blockCount - first))
            ranges.append(BlockRange(first: first, count: UInt32.random(in: 1...room, using: &random)))
        }
        return try await host.writeTest(ranges, seed: plan.seed)
    }
}
