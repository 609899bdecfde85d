internal import WireFormat

// What a command asks of the medium, and what becomes of the answers.
extension MassStorageDevice {
    /// - Returns: whether anything changed.
    mutating func advanceCommand() -> Bool {
        switch command?.stage {
        case .fetching(let read): return advance(read)
        case .receiving(let write): return advance(write)
        case .finished:
            sendStatus()
            return true
        default: return false
        }
    }

    private func setting(_ range: MediumRange, movedTo byteCount: Int) -> MediumRange {
        var rest = range
        rest.offset += UInt64(byteCount)
        rest.byteCount -= byteCount
        return rest
    }

    mutating func request(_ request: StorageRequest) -> StorageTag {
        let tag = makeTag()
        outputs.append(.storage(tag, lun: command!.lun, request))
        return tag
    }

    private mutating func fail(_ sense: SenseData) { units[command!.lun]?.sense = sense }

    /// The sense for a failure of the medium, which names the block (SBC-3 §4.18).
    private func sense(_ code: SenseCode, at offset: UInt64) -> SenseData {
        SenseData(code, information: units[command!.lun]?.medium?.block(at: offset))
    }

    func roundedToBlock(_ offset: UInt64) -> UInt64 {
        let size = UInt64(units[command!.lun]?.blockByteCount ?? 1)
        return offset / size * size
    }
}

// MARK: Reads
extension MassStorageDevice {
    /// Passes on what has come, in order, and asks for more within the bound.
    private mutating func advance(_ read: MediumRead) -> Bool {
        var read = read
        var didChange = false
        // The pieces live in the pipe alone from here on.
        command!.stage = .finished
        while let pieces = read.chunks.first?.pieces {
            let chunk = read.chunks.removeFirst()
            bulkIn.append(pieces)
            command!.residue -= UInt32(chunk.byteCount)
            didChange = true
        }
        while read.failure == nil, read.unrequested.byteCount > 0, wantsMore(read) {
            let count = min(Self.storageChunkByteCount, read.unrequested.byteCount)
            let tag = request(.read(offset: read.unrequested.offset, byteCount: count))
            read.chunks.append(
                MediumRead.Chunk(tag: tag, offset: read.unrequested.offset, byteCount: count, pieces: nil))
            read.unrequested = setting(read.unrequested, movedTo: count)
            didChange = true
        }
        guard read.isComplete else {
            command!.stage = .fetching(read)
            return didChange
        }
        if let failure = read.failure {
            fail(failure)
        } else if let offset = read.unrequested.failureOffset {
            fail(sense(.blockAddressOutOfRange, at: offset))
            // The kernel has sent what there was before it looks on; the empty buffer goes after it.
            finishDataIn(endsEmpty: true)
            return true
        }
        finishDataIn()
        return true
    }

    /// What the host waits for is always asked for, however large its transfer.
    private func wantsMore(_ read: MediumRead) -> Bool {
        let ahead = (bulkIn.run?.bufferedByteCount ?? 0) + read.outstandingByteCount
        return ahead < bulkIn.firstRoom || ahead + Self.storageChunkByteCount <= Self.readAheadByteCount
    }

    private mutating func finish(_ read: MediumRead, chunk index: Int, _ outcome: StorageOutcome) {
        var read = read
        let chunk = read.chunks[index]
        if case .data(let pieces) = outcome, pieces.reduce(0, { $0 + $1.count }) == chunk.byteCount {
            read.chunks[index].pieces = pieces
            command!.stage = .fetching(read)
            return
        }
        // Chunks after the fault are of no use; the blocks before it still go to the host.
        read.chunks.removeSubrange(index...)
        read.unrequested = MediumRange(offset: chunk.offset, byteCount: 0)
        var fault = chunk.offset
        if case .failed(let offset) = outcome, chunk.offset..<chunk.offset + UInt64(chunk.byteCount) ~= offset
        {
            fault = max(chunk.offset, roundedToBlock(offset))
        }
        read.failure = sense(.unrecoveredReadError, at: fault)
        let goodByteCount = Int(fault - chunk.offset)
        if goodByteCount > 0 {
            let tag = request(.read(offset: chunk.offset, byteCount: goodByteCount))
            read.chunks.append(
                MediumRead.Chunk(tag: tag, offset: chunk.offset, byteCount: goodByteCount, pieces: nil))
        }
        command!.stage = .fetching(read)
    }
}

// MARK: Writes
extension MassStorageDevice {
    /// One chunk is being written while the next one fills.
    func canReceive(_ write: MediumWrite) -> Bool {
        write.hostByteCount > 0 && write.buffer.count < Self.storageChunkByteCount
    }

    mutating func receiveData(_ bytes: Bytes) {
        guard case .receiving(var write) = command?.stage else { return }
        command!.stage = .finished
        let isShortPacket =
            !bytes.count.isMultiple(of: configuration.speed.bulkPacketByteCount)
            || bytes.isEmpty
        let count = Int(min(UInt64(bytes.count), write.hostByteCount))
        write.hostByteCount -= UInt64(count)
        let wantedCount = min(count, write.wanted.byteCount)
        if wantedCount > 0 {
            if write.buffer.isEmpty {
                write.buffer.reserveCapacity(
                    min(write.wanted.byteCount, Self.storageChunkByteCount + bytes.count))
            }
            write.buffer.append(contentsOf: bytes.prefix(wantedCount))
            write.wanted = setting(write.wanted, movedTo: wantedCount)
        }
        if isShortPacket, write.hostByteCount > 0 {
            // The host stopped early: what has come is all there is.
            write.hostByteCount = 0
            write.wanted.byteCount = 0
            write.wanted.failureOffset = nil
        }
        command!.stage = .receiving(write)
    }

    private mutating func advance(_ write: MediumWrite) -> Bool {
        var write = write
        guard write.inFlight == nil else { return false }
        command!.stage = .finished
        let isLast = write.wanted.byteCount == 0
        if isLast || write.buffer.count >= Self.storageChunkByteCount {
            // Never part of a block, even if the host sent one.
            let count = Int(roundedToBlock(UInt64(write.buffer.count)))
            if count > 0, write.failure == nil {
                let rest = Array(write.buffer[count...])
                write.buffer.removeSubrange(count...)
                let tag = request(
                    .write(
                        offset: write.bufferOffset, write.buffer, isForcedToMedium: write.isForcedToMedium))
                write.inFlight = (tag, write.bufferOffset, count)
                write.bufferOffset += UInt64(count)
                write.buffer = rest
                command!.stage = .receiving(write)
                return true
            }
        }
        guard write.hostByteCount == 0 else {
            command!.stage = .receiving(write)
            return false
        }
        if let failure = write.failure {
            fail(failure)
        } else if let offset = write.wanted.failureOffset {
            fail(sense(.blockAddressOutOfRange, at: offset))
        }
        return true
    }

    private mutating func finish(_ write: MediumWrite, _ outcome: StorageOutcome) {
        var write = write
        guard let flight = write.inFlight else { return }
        write.inFlight = nil
        if case .done = outcome {
            command!.residue -= UInt32(flight.byteCount)
        } else {
            var fault = flight.offset
            if case .failed(let offset) = outcome,
                flight.offset..<flight.offset + UInt64(flight.byteCount) ~= offset
            {
                fault = max(flight.offset, roundedToBlock(offset))
            }
            command!.residue -= UInt32(fault - flight.offset)
            write.failure = sense(.writeError, at: fault)
            write.buffer = []
            write.wanted.byteCount = 0
        }
        command!.stage = .receiving(write)
    }
}

// MARK: Verify, flush, and answers
extension MassStorageDevice {
    mutating func verify(_ range: MediumRange) {
        let count = min(Self.storageChunkByteCount, range.byteCount)
        guard count > 0 else {
            if let offset = range.failureOffset { fail(sense(.blockAddressOutOfRange, at: offset)) }
            return startDataStage(reply: [])
        }
        let tag = request(.read(offset: range.offset, byteCount: count))
        command!.stage = .verifying(range, tag)
    }

    mutating func finished(_ tag: StorageTag, _ outcome: StorageOutcome) {
        switch command?.stage {
        case .fetching(let read):
            guard let index = read.chunks.firstIndex(where: { $0.tag == tag && $0.pieces == nil }) else {
                return
            }
            finish(read, chunk: index, outcome)
        case .receiving(let write) where write.inFlight?.tag == tag: finish(write, outcome)
        case .verifying(let range, tag):
            guard case .data = outcome else {
                var fault = range.offset
                if case .failed(let offset) = outcome { fault = max(fault, roundedToBlock(offset)) }
                fail(sense(.unrecoveredReadError, at: fault))
                return startDataStage(reply: [])
            }
            verify(setting(range, movedTo: min(Self.storageChunkByteCount, range.byteCount)))
        case .flushing(tag, let reportsFailure):
            if reportsFailure, outcome != .done { fail(SenseData(.writeError)) }
            startDataStage(reply: [])
        default: break  // Of a command that was reset, cancelled or abandoned.
        }
    }

    /// The medium leaves while a command wants it: the command fails as it would have without it.
    mutating func abandonCommand(lun: Int) {
        guard command?.lun == lun else { return }
        switch command!.stage {
        case .fetching:
            fail(SenseData(.mediumNotPresent))
            finishDataIn()
        case .receiving(var write)
        where write.wanted.byteCount > 0 || write.inFlight != nil
            || !write.buffer.isEmpty:
            write.failure = SenseData(.mediumNotPresent)
            write.inFlight = nil
            write.buffer = []
            write.wanted = MediumRange(offset: write.wanted.offset, byteCount: 0)
            command!.stage = .receiving(write)
        case .verifying, .flushing:
            fail(SenseData(.mediumNotPresent))
            startDataStage(reply: [])
        default: break
        }
    }
}
