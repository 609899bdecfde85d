package import USBMassStorage
internal import WireFormat

// What one LUN is, and what can be done to its medium.
extension HostObserver {
    /// INQUIRY, TEST UNIT READY until ready, capacity, write protection and, for CDs, the table of
    /// contents.
    ///
    /// - Throws: ``ObserverError/noMedium`` or ``ObserverError/notReady(_:)`` when the unit does not
    ///   become ready within the profile's attempts.
    @discardableResult
    package func examineUnit() async throws(ObserverError) -> UnitReport {
        let inquiry = try await inquire()
        _ = takeUnitAttentions()
        switch try await awaitReady() {
        case .ready: break
        case .noMedium: throw .noMedium
        case .notReady(let sense): throw .notReady(sense)
        }
        let attentions = takeUnitAttentions().map(\.description)
        let capacity = try await readCapacity()
        let report = UnitReport(
            inquiry: inquiry, capacity: capacity, isWriteProtected: try await readWriteProtection(),
            tableOfContents: inquiry.isCD ? try await readTableOfContents() : nil,
            unitAttentions: attentions)
        unit = report
        return report
    }

    package func inquire() async throws(ObserverError) -> InquiryReply {
        let outcome = try await run(.inquiry(), receiving: 36)
        if let sense = outcome.sense { throw .refused(sense.code, command: "INQUIRY") }
        return try decoded { () throws(MalformedReply) in try InquiryReply(decoding: outcome.bytes) }
    }

    /// One TEST UNIT READY; a unit attention is passed over.
    package func pollUnit() async throws(ObserverError) -> UnitState {
        let outcome = try await runThroughAttentions(.testUnitReady)
        guard let sense = outcome.sense else { return .ready }
        return sense.code.isMediumNotPresent ? .noMedium : .notReady(sense.code)
    }

    /// TEST UNIT READY until the unit is ready or has no medium; "becoming ready" is waited for, up
    /// to the profile's attempts.
    package func awaitReady() async throws(ObserverError) -> UnitState {
        var state = try await pollUnit()
        var attempts = 1
        while case .notReady(let sense) = state, sense.isNotReady, attempts < profile.readyAttempts {
            await pause(profile.readyInterval)
            state = try await pollUnit()
            attempts += 1
        }
        return state
    }

    /// READ CAPACITY(10), and (16) where that is not enough.
    package func readCapacity() async throws(ObserverError) -> CapacityReply {
        let short = try await capacity(.readCapacity10, receiving: 8, "READ CAPACITY(10)")
        guard short.needsLongForm else { return short }
        return try await capacity(.readCapacity16, receiving: 32, "READ CAPACITY(16)")
    }

    private func capacity(_ block: CommandDescriptorBlock, receiving byteCount: Int, _ name: String)
        async throws(ObserverError) -> CapacityReply
    {
        let outcome = try await runThroughAttentions(block, receiving: byteCount)
        if let sense = outcome.sense {
            throw sense.code.isMediumNotPresent ? .noMedium : .refused(sense.code, command: name)
        }
        return try decoded { () throws(MalformedReply) in try CapacityReply(decoding: outcome.bytes) }
    }

    private func readWriteProtection() async throws(ObserverError) -> Bool {
        let block = CommandDescriptorBlock.modeSense6(page: 0x3F, allocation: profile.modeSenseAllocation)
        let outcome = try await runThroughAttentions(block, receiving: Int(profile.modeSenseAllocation))
        if let sense = outcome.sense { throw .refused(sense.code, command: "MODE SENSE(6)") }
        return try decoded { () throws(MalformedReply) in
            try ModeReply(decoding6: outcome.bytes).isWriteProtected
        }
    }

    private func readTableOfContents() async throws(ObserverError) -> TableOfContentsReply {
        // Room for the 99 tracks of a CD and its lead-out.
        let outcome = try await runThroughAttentions(.readTOC(allocation: 804), receiving: 804)
        if let sense = outcome.sense { throw .refused(sense.code, command: "READ TOC") }
        return try decoded { () throws(MalformedReply) in try TableOfContentsReply(decoding: outcome.bytes) }
    }

    /// Locks the medium into the drive, or unlocks it.
    package func setRemovalPrevented(_ isPrevented: Bool) async throws(ObserverError) {
        let outcome = try await runThroughAttentions(.preventRemoval(isPrevented))
        if let sense = outcome.sense { throw .refused(sense.code, command: "PREVENT ALLOW MEDIUM REMOVAL") }
    }

    /// START STOP UNIT with LoEj.
    ///
    /// - Throws: ``ObserverError/refused(_:command:)`` with 05/53/02 while the medium is locked.
    package func eject() async throws(ObserverError) {
        let outcome = try await runThroughAttentions(.startStop(starts: false, movesMedium: true))
        if let sense = outcome.sense { throw .refused(sense.code, command: "START STOP UNIT") }
    }

    package func flush() async throws(ObserverError) {
        let outcome = try await runThroughAttentions(.synchronizeCache)
        if let sense = outcome.sense { throw .refused(sense.code, command: "SYNCHRONIZE CACHE") }
    }
}
