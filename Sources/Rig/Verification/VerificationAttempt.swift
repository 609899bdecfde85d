import BlockStorage
import DBusProtocol
import Glibc
import HostObserver
import USBIPTransport
import USBMassStorage
import VirtualMedia

/// One insertion with everything the host then does, and the removal.
struct VerificationAttempt {
    /// How much later than the slot's own deadline an answer may come.
    private static let graceSeconds = 5

    let plan: VerificationPlan
    let bmc: EmulatedBMC
    let client: SlotClient
    let slot: SlotConfiguration
    let supply: ImageSupply
    let expected: ExpectedContent
    let started: Duration
    let progress: @Sendable (Progress) -> Void
    var stations: StationLog
    var report: VerificationReport

    mutating func run() async {
        guard await insert() else { return }
        await look()
        await remove()
    }

    /// - Returns: whether the medium is in.
    private mutating func insert() async -> Bool {
        let asked = bmc.clock.now
        do throws(BusError) { try await mount() } catch {
            stations.note("insert", .failed, "Mount was refused: \(error)")
            return false
        }
        guard let code = await client.completion(within: completionLimit) else {
            report.outcome = .notLive
            stations.note("insert", .failed, "no Completion within \(completionLimit)")
            return false
        }
        guard code == 0 else {
            if code == CompletionCode.timedOut.rawValue { report.outcome = .notLive }
            let properties = (try? await client.properties()) ?? [:]
            let cause = properties["Slot.LastError"].flatMap {
                if case .string(let text) = $0 { text } else { nil }
            }
            stations.note("insert", .failed, "Completion(\(code)): \(cause ?? "no reason given")")
            return false
        }
        report.millisecondsToInsert = (bmc.clock.now - asked) / .milliseconds(1)
        stations.note("insert", .passed, "Mount accepted, Completion(0)")
        return true
    }

    private var completionLimit: Duration {
        .seconds(Int(slot.timeoutSeconds) + Self.graceSeconds)
    }

    private func mount() async throws(BusError) {
        guard plan.mode == .legacy else { return try await client.mount() }
        guard let credentials = plan.credentials else {
            return try await client.mount([
                .string(supply.url), .boolean(plan.isReadWrite), .variant(.int32(-1)),
            ])
        }
        let secret = try SecretPipe.filled(with: credentials)
        try await client.mount(
            [.string(supply.url), .boolean(plan.isReadWrite), .variant(.unixFD(0))], passing: [secret])
    }

    private mutating func look() async {
        let views: PathViews
        do { views = try await PathViews(slot: slot, client: client, kernel: bmc.kernel) } catch {
            stations.note("views", .failed, "\(error)")
            return
        }
        stations.note(
            "nbd", .passed,
            "/dev/\(slot.device), \(views.device.byteCount) bytes, \(views.device.liveConnections) connection"
        )
        stations.note(
            "gadget", .passed, "\(slot.gadgetName) on \(views.controller), lun.0/file \(views.lunFile)")
        guard plan.isHostPresent else {
            stations.note("host", .skipped, text(views.properties["Slot.Status"]))
            return
        }
        let findings = await hostFindings(on: views.controller)
        take(findings)
        let contradictions = views.contradictions(
            slot: slot, plan: plan, imageBytes: report.imageBytes, unit: findings?.unit)
        stations.note(
            "views", contradictions.isEmpty ? .passed : .failed,
            contradictions.isEmpty
                ? "D-Bus, configfs, nbd and SCSI agree" : contradictions.joined(separator: "; "))
        if let writing = report.writing { await checkStore(writing) }
    }

    /// A host elsewhere: it sees the device through the network only.
    private mutating func remoteFindings(on controller: String) async -> HostSession.Findings? {
        do {
            let server = try bmc.exportDevices(at: .tcp(host: "127.0.0.1", port: 0))
            defer { server.stop() }
            let busID = bmc.busID(of: controller) ?? controller
            let device = try await USBIPConnection.importDevice(
                busID, at: server.address, timeout: plan.timeout)
            stations.note(
                "usbip", .passed, "\(controller) exported at \(server.address) as \(busID), and imported")
            let session = HostSession(plan: plan, expected: expected, clock: bmc.clock, progress: progress)
            let findings = await session.run(on: device)
            device.close()
            return findings
        } catch {
            stations.note("usbip", .failed, "\(error)")
            return nil
        }
    }

    /// The host runs on the kernel's thread, so that a transfer is a call and not a thread switch.
    private mutating func hostFindings(on controller: String) async -> HostSession.Findings? {
        guard !plan.isOverUSBIP else { return await remoteFindings(on: controller) }
        let device: any USBDeviceConnection
        do { device = try await bmc.kernel.device(on: controller, timeout: plan.timeout) } catch {
            report.outcome = .notLive
            stations.note("host", .failed, "no device on \(controller) within \(plan.timeout)")
            return nil
        }
        let session = HostSession(plan: plan, expected: expected, clock: bmc.clock, progress: progress)
        return await Task(name: "host", executorPreference: bmc.kernelThread) {
            await session.run(on: device)
        }.value
    }

    private mutating func take(_ findings: HostSession.Findings?) {
        guard let findings else { return }
        report.device = findings.device
        report.unit = findings.unit
        report.reading = findings.reading
        report.randomReading = findings.randomReading
        report.writing = findings.writing
        if let enumerated = findings.enumeratedAt {
            report.millisecondsToEnumerated = (enumerated - started) / .milliseconds(1)
        }
        if let failure = findings.failure {
            if case .usb(.timedOut, _) = failure { report.outcome = .notLive }
            stations.note("host", .failed, "\(failure)")
        } else {
            let reading = report.reading ?? report.randomReading
            stations.note(
                "host", reading?.verdict == .proven ? .passed : .failed,
                reading.map {
                    "enumerated, read \(ReportText.size($0.provenByteCount)) at \(ReportText.rate($0.bytesPerSecond))"
                }
                    ?? "enumerated")
        }
    }

    /// What the host was told is on the medium must be in the store behind it.
    private mutating func checkStore(_ writing: WriteReport) async {
        guard let overlay = supply.overlay else {
            stations.note("store", .skipped, "the overlay of an https:// image is inside the service")
            return
        }
        for range in writing.ranges {
            do throws(StorageError) {
                let bytes = try await overlay.read(range.byteCount, at: range.byteOffset)
                guard SHA256.text(bytes[...]) == range.sha256 else {
                    report.outcome = .wrong
                    stations.note(
                        "store", .failed,
                        "\(range.byteCount) flushed bytes at \(range.byteOffset) are not in the store")
                    return
                }
            } catch {
                stations.note("store", .failed, "\(error)")
                return
            }
        }
        stations.note("store", .passed, "every flushed write is in the overlay; the image is untouched")
    }

    private mutating func remove() async {
        do throws(BusError) { try await client.unmount() } catch {
            stations.note("eject", .failed, "Unmount was refused: \(error)")
            return
        }
        guard let code = await client.completion(within: completionLimit) else {
            report.outcome = .notLive
            stations.note("eject", .failed, "no Completion within \(completionLimit)")
            return
        }
        stations.note("eject", code == 0 ? .passed : .failed, "Unmount accepted, Completion(\(code))")
    }

    private func text(_ value: Value?) -> String {
        if case .string(let text)? = value { text } else { "" }
    }
}
