import DBusProtocol
import HostObserver
import SimulatedBMC
import VirtualMedia

/// The same facts as each part of the path states them: D-Bus, configfs, nbd and SCSI must agree.
struct PathViews: Sendable {
    let properties: [String: Value]
    let lunFile: String
    let lunIsReadOnly: String
    let lunIsCDROM: String
    let device: NBDDeviceStatus

    init(slot: SlotConfiguration, client: SlotClient, kernel: SimulatedKernel) async throws {
        properties = try await client.properties()
        let lun = "\(slot.gadgetName)/functions/mass_storage.usb0/lun.0"
        lunFile = try await kernel.read("\(lun)/file")
        lunIsReadOnly = try await kernel.read("\(lun)/ro")
        lunIsCDROM = try await kernel.read("\(lun)/cdrom")
        device = try await kernel.status(of: slot.device)
    }

    var controller: String {
        guard case .string(let name)? = properties["Slot.Controller"] else { return "" }
        return name
    }

    /// - Returns: each contradiction in words; empty when all agree.
    func contradictions(
        slot: SlotConfiguration, plan: VerificationPlan, imageBytes: UInt64?, unit: UnitReport?
    ) -> [String] {
        let isWritable = plan.isReadWrite && plan.medium == .disk
        var found: [String] = []
        func expect(_ claim: String, _ holds: Bool) { if !holds { found.append(claim) } }

        expect("D-Bus Active is not true", properties["Process.Active"] == .boolean(true))
        expect(
            "D-Bus WriteProtected is not \(!isWritable)",
            properties["MountPoint.WriteProtected"] == .boolean(!isWritable))
        expect(
            "D-Bus MediumKind is not \(plan.medium.rawValue)",
            properties["Slot.MediumKind"] == .string(plan.medium.rawValue))
        // The kernel counts in sectors: what follows the last whole one is cut off.
        let mediumBytes = properties["Slot.MediumSize"].flatMap {
            if case .uint64(let size) = $0 { size } else { nil }
        }
        expect(
            "D-Bus MediumSize is \(mediumBytes.map(String.init) ?? "missing"), nbd has \(device.byteCount) bytes",
            mediumBytes.map { $0 / 512 * 512 } == device.byteCount)
        expect("configfs file is '\(lunFile)', not /dev/\(slot.device)", lunFile == "/dev/\(slot.device)")
        expect("configfs ro is \(lunIsReadOnly)", lunIsReadOnly == (isWritable ? "0" : "1"))
        expect("configfs cdrom is \(lunIsCDROM)", lunIsCDROM == (plan.medium == .cdrom ? "1" : "0"))
        expect("nbd is not attached", device.isAttached && device.liveConnections > 0)
        if let imageBytes {
            expect(
                "nbd has \(device.byteCount) bytes, the image \(imageBytes)",
                device.byteCount == imageBytes / 512 * 512)
        }
        if let unit {
            expect(
                "SCSI says \(unit.inquiry.isCD ? "CD-ROM" : "disk")",
                unit.inquiry.isCD == (plan.medium == .cdrom))
            expect("SCSI write protection is \(unit.isWriteProtected)", unit.isWriteProtected == !isWritable)
            let blockBytes = UInt64(unit.capacity.blockByteCount)
            expect(
                "SCSI has \(unit.capacity.blockCount) blocks of \(blockBytes), nbd \(device.byteCount) bytes",
                unit.capacity.blockCount == device.byteCount / blockBytes)
        }
        return found
    }
}
