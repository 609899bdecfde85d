internal import WireFormat

/// A USB mass-storage gadget without I/O: transfers and answers of the medium in, completions and
/// requests to the medium out.
///
///     idle ──CBW──▶ fetching / receiving / verifying / flushing ──▶ sendingStatus ──CSW taken──▶ idle
///       └──invalid CBW──▶ wedged ──Bulk-Only Reset, configuration, bus reset──▶ idle
///
/// Control requests, cancels and resets are answered at once, whatever the medium is doing: an
/// answer of the medium that comes after its command is gone is dropped.
package struct MassStorageDevice: Sendable {
    /// The most one ``StorageRequest`` moves.
    package static let storageChunkByteCount = 1 << 20
    /// How much of a read is asked for ahead of the host, the chunk it is taking included.
    package static let readAheadByteCount = 2 * storageChunkByteCount

    package let configuration: GadgetConfiguration
    package internal(set) var activeConfiguration: UInt8 = 0
    let descriptors: DescriptorSet
    var units: [LogicalUnit?]
    var bulkIn = BulkInPipe()
    var bulkOut = BulkOutPipe()
    /// BOT §6.6.1: after an invalid wrapper, until reset: bulk-in stalls, bulk-out is dropped.
    var isWedged = false
    /// Kept for the host that set it; nothing ever wakes it.
    var isRemoteWakeupEnabled = false
    var command: CommandInProgress?
    var outputs: [DeviceOutput] = []
    /// What the next commands fail with instead of being carried out.
    var injectedSense: [SenseCode] = []
    private var nextTag: UInt64 = 1

    /// - Parameter luns: by number; `nil` where there is none. At most 16.
    package init(configuration: GadgetConfiguration, luns: [LogicalUnitConfiguration?]) {
        precondition((1...16).contains(luns.count), "\(luns.count) LUNs")
        self.configuration = configuration
        descriptors = DescriptorSet(configuration)
        // The kernel looks at LUN 0 alone when it names them all.
        let isCD = luns[0]?.isCD ?? false
        let revision = String(configuration.deviceRelease, radix: 16)
        let text =
            "Linux   " + (isCD ? "File-CD Gadget  " : "File-Stor Gadget")
            + String(repeating: "0", count: 4 - revision.count) + revision
        units = luns.map { lun in lun.map { LogicalUnit(configuration: $0, defaultInquiryText: text) } }
    }

    /// - Returns: what follows, in order. Each transfer completes exactly once, now or later.
    package mutating func handle(_ input: DeviceInput) -> [DeviceOutput] {
        switch input {
        case .control(let transfer, let setup, let data):
            outputs.append(.completed(transfer, control(setup, data: data)))
        case .bulkOut(let transfer, let endpoint, let bytes):
            accept(transfer, endpoint: endpoint, bytes)
        case .bulkIn(let transfer, let endpoint, let byteCount):
            accept(transfer, endpoint: endpoint, byteCount: byteCount)
        case .cancel(let transfer):
            if !bulkIn.cancel(transfer, &outputs) { _ = bulkOut.cancel(transfer, &outputs) }
        case .busReset, .disconnected:
            activeConfiguration = 0
            isRemoteWakeupEnabled = false
            resetFunction()
        case .storageFinished(let tag, let outcome):
            finished(tag, outcome)
        }
        advance()
        return takeOutputs()
    }

    mutating func takeOutputs() -> [DeviceOutput] {
        var taken: [DeviceOutput] = []
        swap(&taken, &outputs)
        return taken
    }

    mutating func makeTag() -> StorageTag {
        defer { nextTag += 1 }
        return StorageTag(rawValue: nextTag)
    }

    private mutating func accept(_ transfer: TransferID, endpoint: UInt8, _ bytes: Bytes) {
        guard activeConfiguration != 0, endpoint == DescriptorSet.bulkOutAddress, !bulkOut.isFull else {
            outputs.append(.completed(transfer, .stalled))
            return
        }
        bulkOut.offer(transfer, bytes)
    }

    private mutating func accept(_ transfer: TransferID, endpoint: UInt8, byteCount: Int) {
        guard activeConfiguration != 0, endpoint == DescriptorSet.bulkInAddress & 0x0F, !bulkIn.isFull else {
            outputs.append(.completed(transfer, .stalled))
            return
        }
        bulkIn.offer(transfer, byteCount: byteCount)
    }

    /// Ends the command and unlocks and clears every LUN, as the kernel does for a reset of the bus,
    /// of the configuration and of the transport.
    ///
    /// - Parameter keepsTransfers: a Bulk-Only Reset leaves the endpoints as they are; what the host
    ///   has submitted stays submitted.
    mutating func resetFunction(keepsTransfers: Bool = false) {
        command = nil
        if keepsTransfers {
            bulkIn.dropRun()
            if isWedged { bulkIn.isHalted = false }
        } else {
            bulkIn.reset(&outputs)
            bulkOut.reset(&outputs)
        }
        isWedged = false
        for index in units.indices { units[index]?.reset() }
    }

    /// Moves everything on until nothing more can happen without a new input.
    mutating func advance() {
        var didProgress = true
        while didProgress {
            didProgress = advanceBulkOut()
            if advanceCommand() { didProgress = true }
            if advanceBulkIn() { didProgress = true }
        }
    }
}

// What the other side of the gadget, configfs, does to a LUN.
extension MassStorageDevice {
    package func isRemovalPrevented(lun: Int) -> Bool { unit(lun)?.isRemovalPrevented ?? false }
    package func medium(lun: Int) -> Medium? { unit(lun)?.medium }
    package func unitConfiguration(lun: Int) -> LogicalUnitConfiguration? { unit(lun)?.configuration }

    private func unit(_ lun: Int) -> LogicalUnit? { units.indices.contains(lun) ? units[lun] : nil }

    /// Puts a medium in, in place of any that is there, whether or not the host has locked it: the
    /// caller asks ``isRemovalPrevented(lun:)`` first, as configfs does.
    ///
    /// - Parameter blockByteCount: what the backing device is addressed by; CDs always have 2048.
    /// - Precondition: the LUN exists, and the medium holds one whole block.
    package mutating func insertMedium(lun: Int, byteCount: UInt64, blockByteCount: Int = 512)
        -> [DeviceOutput]
    {
        guard let configuration = unit(lun)?.configuration else { preconditionFailure("no LUN \(lun)") }
        let isLimited = configuration.isCD && self.configuration.profile == .linuxKernel
        let medium = Medium(
            byteCount: byteCount,
            blockByteCount: configuration.isCD ? Medium.cdBlockByteCount : blockByteCount,
            blockLimit: isLimited ? Medium.kernelCDBlockLimit : .max)
        precondition(medium.blockCount > 0, "\(byteCount) bytes are less than a block")
        abandonCommand(lun: lun)
        units[lun]!.insert(medium)
        advance()
        return takeOutputs()
    }

    /// Takes the medium out, under the same condition. A command that waits for the medium fails
    /// with "medium not present" at once.
    package mutating func ejectMedium(lun: Int) -> [DeviceOutput] {
        guard unit(lun) != nil else { return [] }
        abandonCommand(lun: lun)
        units[lun]!.removeMedium(isByHost: false)
        advance()
        return takeOutputs()
    }

    /// `forced_eject`: unlocks the medium and takes it out.
    package mutating func forceEject(lun: Int) -> [DeviceOutput] {
        guard unit(lun) != nil else { return [] }
        units[lun]!.isRemovalPrevented = false
        return ejectMedium(lun: lun)
    }

    /// Makes the next commands fail, INQUIRY and REQUEST SENSE aside, whatever they are: for trying out
    /// hosts.
    package mutating func failCommands(_ count: Int, with sense: SenseCode) {
        injectedSense += Array(repeating: sense, count: max(0, count))
    }

    /// Changes attributes; `isCD` takes effect with the next medium.
    package mutating func reconfigure(lun: Int, _ change: (inout LogicalUnitConfiguration) -> Void) {
        guard unit(lun) != nil else { return }
        change(&units[lun]!.configuration)
    }
}
