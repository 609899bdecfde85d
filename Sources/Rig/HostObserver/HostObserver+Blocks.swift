package import USBMassStorage
package import WireFormat

/// How one command on blocks ended, as far as the host can tell.
package enum BlockOutcome: Sendable {
    /// With the data of a read.
    case passed([Bytes])
    /// Nothing is known to have happened; a failed write may have changed some of its blocks.
    case failed(SenseCode)
    /// No answer, or one against the rules: it may have happened, and may still happen.
    case unknown(ObserverError)
    /// The device is gone, or the host has given it up.
    case gone
}

// Single commands, for workloads that keep their own account of what must be on the medium.
extension HostObserver {
    /// Blocks that one command of this host moves at most.
    package var blocksPerCommand: UInt32 {
        guard let size = unit?.capacity.blockByteCount, size > 0 else { return 1 }
        return UInt32(max(1, profile.transferByteCount / Int(size)))
    }

    /// Reads blocks; a unit attention is outlasted as often as the profile says.
    package func readBlocks(_ range: BlockRange) async -> BlockOutcome {
        guard let size = unit?.capacity.blockByteCount else { return .unknown(.noMedium) }
        let byteCount = Int(range.count) * Int(size)
        return await move(.read(at: range.first, count: range.count), receiving: byteCount)
    }

    /// - Parameter bytes: whole blocks.
    /// - Parameter isForced: FUA.
    package func writeBlocks(_ range: BlockRange, _ bytes: Bytes, isForced: Bool = false) async
        -> BlockOutcome
    {
        await move(.write(at: range.first, count: range.count, isForced: isForced), sending: bytes)
    }

    /// SYNCHRONIZE CACHE.
    package func synchronizeBlocks() async -> BlockOutcome { await move(.synchronizeCache) }

    private func move(
        _ block: CommandDescriptorBlock, receiving byteCount: Int = 0, sending bytes: Bytes? = nil
    ) async -> BlockOutcome {
        var attempts = 0
        while true {
            let outcome: Outcome
            do throws(ObserverError) {
                outcome = try await run(block, receiving: byteCount, sending: bytes)
            } catch {
                if case .usb(.disconnected, _) = error { return .gone }
                if error == .offline { return .gone }
                return .unknown(error)
            }
            if let sense = outcome.sense {
                // As Linux's and Windows' disk drivers: the unit says itself that it will soon be ready.
                if sense.code == .becomingReady, attempts < profile.readyAttempts {
                    attempts += 1
                    await pause(profile.readyInterval)
                    continue
                }
                // A changed medium is another medium: its blocks are not what was asked for.
                guard sense.code.isUnitAttention, sense.code != .mediumMayHaveChanged,
                    attempts < profile.retries
                else { return .failed(sense.code) }
                attempts += 1
                continue
            }
            let wanted = bytes?.count ?? byteCount
            guard outcome.movedByteCount == wanted else {
                return .unknown(
                    .malformed(
                        "\(Self.name(block)) passed with \(outcome.movedByteCount) of \(wanted) bytes"))
            }
            return .passed(outcome.data)
        }
    }
}
