internal import HostObserver
internal import Scenarios
internal import VirtualMedia
internal import Worlds

/// What D-Bus, configfs, nbd and SCSI say of a slot, held against each other.
enum PathViews {
    private static let nbdSectorByteCount: UInt64 = 512

    /// - Returns: each contradiction in words; empty when all agree.
    static func contradictions(
        of slot: SlotUnderTest, host: HostMachine, watch: BusWatch, in context: RunContext
    ) async -> [String] {
        let properties: [String: String]
        switch await slot.properties() {
        case .success(let found): properties = found
        case .failure(let error): return ["D-Bus has no properties: \(error)"]
        }
        let inspection = await context.world.inspect(slot.configuration)
        let isActive = properties["Active"] == "true"
        var found: [String] = []
        if isActive != inspection.hasMedium {
            found.append(
                "D-Bus Active is \(properties["Active"] ?? "missing"), configfs and nbd: \(words(inspection))"
            )
        }
        if properties["State"] != watch.ledger(of: slot.name).state {
            found.append("D-Bus State is \(properties["State"] ?? "missing") and was told otherwise")
        }
        found += untold(properties, watch.ledger(of: slot.name))
        guard isActive, inspection.hasMedium else { return found }
        found += kernelContradictions(slot, properties, inspection)
        let isPresent = properties["HostPresence"] == "present"
        let disk = isPresent ? await host.diskOfPresentHost(of: slot.name) : host.disk(of: slot.name)
        if let disk {
            found += await hostContradictions(disk, properties, inspection)
        } else if isPresent {
            found.append("D-Bus says that the host is present; it has no disk")
        }
        return found
    }

    /// A client that only listens must know what one knows that asks.
    private static func untold(_ properties: [String: String], _ ledger: BusWatch.Ledger) -> [String] {
        var found: [String] = []
        for (name, told) in ledger.told.sorted(by: { $0.key < $1.key }) {
            if let value = properties[name], value != told {
                found.append("D-Bus \(name) is \(value), told was \(told)")
            }
        }
        if ledger.wasActivationTold, properties["Active"] == "true", ledger.told["Active"] == nil {
            found.append("D-Bus Active is true, and no signal told of it")
        }
        return found
    }

    /// What holds at the moment in which a mount completes.
    static func objectionToInsertion(_ slot: SlotUnderTest, _ inspection: SlotInspection) -> String? {
        guard inspection.hasMedium else { return words(inspection) }
        guard inspection.backingFile == "/dev/\(slot.configuration.device)" else {
            return "the LUN's file is '\(inspection.backingFile ?? "")'"
        }
        guard let sizes = slot.mediumSizes, let size = inspection.device?.byteCount else { return nil }
        let wanted = sizes.map { $0 / nbdSectorByteCount * nbdSectorByteCount }
        return wanted.contains(size) ? nil : "nbd has \(size) bytes, the image \(sizes)"
    }

    private static func kernelContradictions(
        _ slot: SlotUnderTest, _ properties: [String: String], _ inspection: SlotInspection
    ) -> [String] {
        var found: [String] = []
        func expect(_ property: String, _ value: String) {
            if properties[property] != value {
                found.append("D-Bus \(property) is \(properties[property] ?? "missing"), it is \(value)")
            }
        }
        expect("WriteProtected", "\(inspection.isReadOnly)")
        expect("MediumKind", inspection.isCDROM ? "cdrom" : "disk")
        expect("Controller", inspection.controller)
        if let device = inspection.device { expect("ReadIO", "\(device.readBytes)") }
        if let size = properties["MediumSize"].flatMap(UInt64.init), let device = inspection.device,
            size / nbdSectorByteCount * nbdSectorByteCount != device.byteCount
        {
            found.append("D-Bus MediumSize is \(size), nbd has \(device.byteCount) bytes")
        }
        if let objection = objectionToInsertion(slot, inspection) { found.append(objection) }
        return found
    }

    private static func hostContradictions(
        _ disk: HostDisk, _ properties: [String: String], _ inspection: SlotInspection
    ) async -> [String] {
        let unit: UnitReport
        switch await disk.examine() {
        case .success(let report): unit = report
        case .failure(let error): return ["SCSI: \(error)"]
        }
        var found: [String] = []
        if unit.inquiry.isCD != inspection.isCDROM { found.append("SCSI CD-ROM is \(unit.inquiry.isCD)") }
        if unit.isWriteProtected != inspection.isReadOnly {
            found.append(
                "SCSI write protection is \(unit.isWriteProtected), configfs ro \(inspection.isReadOnly)")
        }
        let size = UInt64(unit.capacity.blockByteCount)
        // An image that is no multiple of the configured size has blocks of 512 bytes.
        if let wanted = properties["BlockSize"].flatMap(UInt64.init), !inspection.isCDROM,
            properties["MediumSize"].flatMap(UInt64.init)?.isMultiple(of: wanted) == true, size != wanted
        {
            found.append("SCSI has blocks of \(size) bytes, D-Bus BlockSize is \(wanted)")
        }
        if let device = inspection.device, unit.capacity.blockCount != device.byteCount / size {
            found.append(
                "SCSI has \(unit.capacity.blockCount) blocks of \(size), nbd \(device.byteCount) bytes")
        }
        return found
    }

    private static func words(_ inspection: SlotInspection) -> String {
        guard let file = inspection.backingFile else { return "no gadget" }
        let device = inspection.device.map { "\($0.byteCount) bytes, attached \($0.isAttached)" } ?? "none"
        return "LUN file '\(file)', controller '\(inspection.controller)', nbd \(device)"
    }
}
