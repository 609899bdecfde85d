import HostObserver
import LinuxPlatform
import Threads
import USBHost
import USBMassStorage

/// How far an observation is.
package struct ObservationProgress: Sendable {
    package let phase: String
    package let done: UInt64
    package let total: UInt64
}

/// Looks at a real device once, from enumeration to the last byte, and judges what it saw.
package struct Observation {
    /// Ranges of the write test between the first block and the last.
    private static let scatteredWrites = 16
    private static let blocksPerWrite: UInt32 = 64
    private static let progressInterval = Duration.milliseconds(100)

    private let plan: ObservationPlan
    private let progress: @Sendable (ObservationProgress) -> Void

    package init(
        _ plan: ObservationPlan, progress: @escaping @Sendable (ObservationProgress) -> Void = { _ in }
    ) {
        self.plan = plan
        self.progress = progress
    }

    /// Whatever goes wrong is in the report.
    package func run() async -> ObservationReport {
        let start = Monotonic.now
        var report: ObservationReport
        switch plan.target {
        case .usb(let selector, let lun): report = await look(at: selector, lun: lun)
        case .block(let path): report = await look(at: path)
        }
        report.milliseconds = Int64((Monotonic.now - start).wholeMilliseconds)
        return report
    }

    private func look(at selector: DeviceSelector, lun: UInt8) async -> ObservationReport {
        var report = ObservationReport(target: "usb \(selector)" + (lun > 0 ? " LUN \(lun)" : ""))
        let connection: USBHostConnection
        do throws(USBHostFailure) { connection = try await USBHostConnection.open(selector) } catch {
            report.outcome = .environmentMissing
            report.explanation = error.description
            return report
        }
        let clock = SystemClock()
        var profile = HostProfile.linux()
        profile.commandTimeout = plan.timeout
        let host = HostObserver(
            connection: connection, profile: profile, lun: lun, now: { clock.now },
            pause: { try? await clock.sleep(until: clock.now + $0) })
        do throws(ObserverError) {
            report.device = try await host.enumerate()
            report.unit = try await host.examineUnit()
            try await examine(host, &report)
        } catch { Verdicts.fail(&report, error) }
        await connection.close()
        return report
    }

    private func look(at path: String) async -> ObservationReport {
        var report = ObservationReport(target: path)
        let observer: BlockDeviceObserver
        do throws(ObserverError) {
            observer = try BlockDeviceObserver(
                path: path, isReadWrite: plan.isReadWrite, limit: plan.timeout)
        } catch {
            Verdicts.fail(&report, error)
            if case .system = error { report.outcome = .environmentMissing }
            return report
        }
        report.block = observer.report
        do throws(ObserverError) { try await examine(observer, &report) } catch {
            Verdicts.fail(&report, error)
        }
        return report
    }

    /// The same for every way to the medium.
    private func examine(_ reader: some MediumReader, _ report: inout ObservationReport)
        async throws(ObserverError)
    {
        let expectation = try plan.expectation()
        var nextReport = reader.now()
        func show(_ phase: String, _ done: UInt64, _ total: UInt64) {
            guard done == total || reader.now() >= nextReport else { return }
            nextReport = reader.now() + Self.progressInterval
            progress(ObservationProgress(phase: phase, done: done, total: total))
        }
        report.reading = try await reader.readAll(expecting: expectation) {
            show("reading", $0.doneByteCount, $0.totalByteCount)
        }
        if case .image(let image) = expectation, plan.randomReads > 0, report.reading?.verdict == .proven {
            let total = UInt64(plan.randomReads)
            report.randomReading = try await reader.readRandom(
                plan.randomReads, seed: plan.seed, expecting: image
            ) { show("random reads", UInt64($0), total) }
        }
        if plan.isReadWrite { report.writing = try await reader.writeTest(ranges(reader), seed: plan.seed) }
        Verdicts.settle(&report)
    }

    private func ranges(_ reader: some MediumReader) -> [BlockRange] {
        guard let count = reader.capacity?.blockCount, count > 0 else { return [] }
        var random = BlockLottery(seed: plan.seed)
        var ranges = [BlockRange(first: 0, count: 1), BlockRange(first: count - 1, count: 1)]
        for _ in 0..<Self.scatteredWrites {
            let first = UInt64.random(in: 0..<count, using: &random)
            let room = UInt32(min(UInt64(Self.blocksPerWrite), count - first))
            ranges.append(BlockRange(first: first, count: UInt32.random(in: 1...room, using: &random)))
        }
        return ranges
    }
}
