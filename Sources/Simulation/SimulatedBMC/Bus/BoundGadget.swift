import USBMassStorage
import WireFormat

/// A gadget on a controller: the USB device that the host sees, with the LUNs of configfs behind it.
final class BoundGadget {
    let gadget: GadgetDirectory
    let controller: String
    let speed: BusSpeed
    /// The host set a configuration, 0 for none.
    var configurationChanged: (UInt8) -> Void = { _ in }
    private let function: FunctionDirectory
    private var device: MassStorageDevice
    private var completions: [TransferID: (TransferOutcome) -> Void] = [:]
    private var lastTransfer: UInt64 = 0
    private var pending = PendingQueue<DeviceOutput>()
    private var isCarryingOut = false

    init(
        gadget: GadgetDirectory, configuration: ConfigurationDirectory, function: FunctionDirectory,
        controller: String, speed: BusSpeed, profile: KernelProfile
    ) {
        self.gadget = gadget
        self.function = function
        self.controller = controller
        self.speed = speed
        var description = GadgetConfiguration()
        let identifiers = gadget.identifiers
        description.vendorID = identifiers.vendor
        description.productID = identifiers.product
        description.deviceRelease = identifiers.deviceVersion
        let texts = gadget.strings.sorted.first?.texts ?? [:]
        description.manufacturer = texts["manufacturer"]
        description.product = texts["product"]
        description.serialNumber = texts["serialnumber"]
        description.configurationName = configuration.strings.sorted.first?.texts["configuration"]
        description.maximumPowerMilliamperes = Int(configuration.maximumPower)
        description.speed = speed
        description.mayStall = function.mayStall
        let luns = (0...function.highestNumber).map { number in
            function.unit(number).map { Self.description(of: $0, in: function, profile: profile) }
        }
        device = MassStorageDevice(configuration: description, luns: luns)
        defaultInquiryText = Self.defaultInquiryText(of: function, profile: profile)
        for unit in function.units {
            unit.observer = self
            if unit.medium != nil { insertMedium(of: unit) }
        }
    }

    private let defaultInquiryText: String

    /// Submits a transfer. It completes exactly once.
    func submit(
        _ input: (TransferID) -> DeviceInput, completion: @escaping (TransferOutcome) -> Void
    ) -> TransferID {
        lastTransfer += 1
        let transfer = TransferID(rawValue: lastTransfer)
        completions[transfer] = completion
        feed(input(transfer))
        return transfer
    }

    var announcement: BoundDevice {
        BoundDevice(
            vendorID: device.configuration.vendorID, productID: device.configuration.productID,
            deviceRelease: device.configuration.deviceRelease, speed: speed)
    }

    var isConfigured: Bool { device.activeConfiguration != 0 }

    /// Bytes per block of what is in a LUN, 512 of nothing.
    func blockByteCount(lun: Int) -> UInt64 {
        UInt64(device.medium(lun: lun)?.blockByteCount ?? Medium.diskBlockByteCount)
    }

    func failCommands(_ count: Int, with sense: SenseCode) { device.failCommands(count, with: sense) }

    func cancel(_ transfer: TransferID) { feed(.cancel(transfer)) }
    func resetBus() { feed(.busReset) }

    /// The gadget is leaving its controller, or the cable was pulled.
    func disconnect() { feed(.disconnected) }

    func release() {
        disconnect()
        for unit in function.units { unit.observer = nil }
    }

    // MARK: Carrying out what the device asks

    private func feed(_ input: DeviceInput) { carryOut(device.handle(input)) }

    /// In order, even when carrying out one output leads to more.
    private func carryOut(_ outputs: [DeviceOutput]) {
        for output in outputs { pending.append(output) }
        guard !isCarryingOut else { return }
        isCarryingOut = true
        defer { isCarryingOut = false }
        while let output = pending.popFirst() {
            switch output {
            case .completed(let transfer, let outcome):
                completions.removeValue(forKey: transfer)?(outcome)
            case .storage(let tag, let lun, let request): start(request, tag, lun: lun)
            case .ejectedByHost(let lun): function.unit(lun)?.close(telling: nil)
            case .configured(let number): configurationChanged(number)
            }
        }
    }

    private func start(_ request: StorageRequest, _ tag: StorageTag, lun: Int) {
        guard let unit = function.unit(lun), let medium = unit.medium else {
            return feed(.storageFinished(tag, .failed(offset: 0)))
        }
        switch request {
        case .read(let offset, let byteCount):
            unit.statistics.reads &+= 1
            unit.statistics.readBytes &+= UInt64(byteCount)
            medium.file.read(at: offset, byteCount: byteCount) { [weak self] result in
                switch result {
                case .success(let pieces): self?.feed(.storageFinished(tag, .data(pieces)))
                case .failure(let failure): self?.feed(.storageFinished(tag, .failed(offset: failure.offset)))
                }
            }
        case .write(let offset, let bytes, let isForced):
            unit.statistics.writes &+= 1
            unit.statistics.writtenBytes &+= UInt64(bytes.count)
            let isSynchronous = isForced && !unit.ignoresForcedAccess
            medium.file.write(bytes, at: offset, isForced: isSynchronous) { [weak self] in
                self?.finish(tag, $0)
            }
        case .flush: medium.file.flush { [weak self] in self?.finish(tag, $0) }
        }
    }

    private func finish(_ tag: StorageTag, _ result: Result<Void, MediumFailure>) {
        switch result {
        case .success: feed(.storageFinished(tag, .done))
        case .failure(let failure): feed(.storageFinished(tag, .failed(offset: failure.offset)))
        }
    }

    // MARK: What configfs says of a LUN

    private func insertMedium(of unit: LUNDirectory) {
        guard let medium = unit.medium else { return }
        reconfigure(unit)
        carryOut(
            device.insertMedium(
                lun: unit.number, byteCount: medium.file.byteCount,
                blockByteCount: Int(medium.file.logicalBlockBytes)))
    }

    private func reconfigure(_ unit: LUNDirectory) {
        device.reconfigure(lun: unit.number) { [defaultInquiryText] in
            $0.isCD = unit.isDisc
            $0.isReadOnly = unit.isReadOnly
            $0.isRemovable = unit.isRemovable
            $0.ignoresForceUnitAccess = unit.ignoresForcedAccess
            $0.inquiryText = unit.inquiryText.isEmpty ? defaultInquiryText : unit.inquiryText
        }
    }

    private static func description(
        of unit: LUNDirectory, in function: FunctionDirectory, profile: KernelProfile
    ) -> LogicalUnitConfiguration {
        LogicalUnitConfiguration(
            isCD: unit.isDisc, isReadOnly: unit.isReadOnly, isRemovable: unit.isRemovable,
            ignoresForceUnitAccess: unit.ignoresForcedAccess,
            inquiryText: unit.inquiryText.isEmpty
                ? defaultInquiryText(of: function, profile: profile) : unit.inquiryText)
    }

    /// LUN 0 decides for all; the revision is the kernel's version, whatever bcdDevice says.
    private static func defaultInquiryText(of function: FunctionDirectory, profile: KernelProfile) -> String {
        let isDisc = function.unit(0)?.isDisc ?? false
        let revision = AttributeText.hexadecimal(profile.bcdVersion, digits: 4).dropFirst(2)
        return "Linux   " + (isDisc ? "File-CD Gadget  " : "File-Stor Gadget") + revision
    }
}

extension BoundGadget: LUNObserver {
    func unitChanged(_ unit: LUNDirectory, _ change: LUNChange) {
        switch change {
        case .inserted: insertMedium(of: unit)
        case .removed: carryOut(device.ejectMedium(lun: unit.number))
        case .forcedOut: carryOut(device.forceEject(lun: unit.number))
        case .shape: reconfigure(unit)
        }
    }

    func isRemovalPrevented(of unit: LUNDirectory) -> Bool { device.isRemovalPrevented(lun: unit.number) }
}
