import BlockStorage
import DBusProtocol
import Foundation
import HostObserver
import ImageSources
import LinuxPlatform
import RemoteImages
import VirtualMedia

/// Drives one image through the whole path and judges what the host saw.
///
///     let report = try await Verification(plan).run()
package struct Verification: Sendable {
    private let plan: VerificationPlan
    private let progress: @Sendable (Progress) -> Void

    /// - Parameter progress: Called from the host's thread, a few times a second.
    package init(_ plan: VerificationPlan, progress: @escaping @Sendable (Progress) -> Void = { _ in }) {
        self.plan = plan
        self.progress = progress
    }

    /// - Throws: ``PlanError`` when there is nothing to verify. All that goes wrong later is in the report.
    package func run() async throws -> VerificationReport {
        let clock = SystemClock()
        let started = clock.now
        let folder = try PrivateFolder()
        let (configuration, slot) = try SlotChoice(plan, folder: folder).choose()
        let watched = WatchedFiles(plan)
        let expected = try await ExpectedContent.prepare(plan)
        var stations = StationLog(clock: clock)
        let supply = try ImageSupply.start(plan, socket: slot.socket, folder: folder)
        stations.note("image", .passed, supply.description)

        var report = VerificationReport(plan)
        report.slot = slot.name
        report.imageBytes = expected.byteCount
        let images = SystemImageOpener(options: HTTPSOptions(caFile: supply.certificateAuthorityFile))
        let bmc = try await EmulatedBMC(
            configuration, images: images, isHostPresent: plan.isHostPresent && !plan.isOverUSBIP)
        stations.note("service", .passed, "\(SlotClient.busName) on a message bus, slot \(slot.name)")
        let client = try await SlotClient(
            slot: slot.name, isLegacy: plan.mode == .legacy, connection: bmc.connect(), clock: bmc.clock,
            spawner: bmc.spawner)

        var attempt = VerificationAttempt(
            plan: plan, bmc: bmc, client: client, slot: slot, supply: supply, expected: expected,
            started: started,
            progress: progress, stations: stations, report: report)
        await attempt.run()
        report = attempt.report
        stations = attempt.stations

        // What was proven of a file that has changed since is not proven of what is there now.
        let changed = watched.changed
        if !changed.isEmpty {
            stations.note(
                "image", .failed, "\(changed.joined(separator: ", ")) changed while it was being verified")
        }
        await client.close()
        report.leftBehind = await bmc.shutDown() + supply.stop()
        stations.note(
            "afterwards", report.leftBehind.isEmpty ? .passed : .failed,
            report.leftBehind.isEmpty ? "nothing left behind" : report.leftBehind.joined(separator: ", "))
        report.stations = stations.stations
        Judgement.settle(&report)
        return report
    }
}
