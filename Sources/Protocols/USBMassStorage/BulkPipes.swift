internal import WireFormat

/// What waits at most on one endpoint; a transport that queues more is refused with a stall.
let maximumQueuedTransfers = 1024

/// The bulk-in endpoint: transfers in which the host offers room, and at most one run of bytes, a
/// data stage or a status wrapper, to put into them.
struct BulkInPipe: Sendable {
    private struct Offer {
        let transfer: TransferID
        let byteCount: Int
    }
    private var offers: [Offer] = []
    private(set) var run: Run?
    var isHalted = false

    /// Room in the first transfer that waits.
    var firstRoom: Int { offers.first?.byteCount ?? 0 }
    var isFull: Bool { offers.count >= maximumQueuedTransfers }

    mutating func offer(_ transfer: TransferID, byteCount: Int) {
        offers.append(Offer(transfer: transfer, byteCount: max(0, byteCount)))
    }

    mutating func begin(packetByteCount: Int) { run = Run(packetByteCount: packetByteCount) }
    mutating func append(_ pieces: [Bytes]) { run?.append(pieces) }
    /// No more bytes follow. See ``Run/finish(isShort:padByteCount:endsEmpty:)``.
    mutating func finish(isShort: Bool, padByteCount: UInt64, endsEmpty: Bool = false) {
        run?.finish(isShort: isShort, padByteCount: padByteCount, endsEmpty: endsEmpty)
    }
    mutating func dropRun() { run = nil }

    /// Completes what can be completed, up to the end of the run.
    mutating func deliver(to outputs: inout [DeviceOutput]) {
        while let offer = offers.first {
            if isHalted {
                outputs.append(.completed(offer.transfer, .stalled))
            } else {
                guard run?.isDone == false, let pieces = run!.take(upTo: offer.byteCount) else { return }
                outputs.append(.completed(offer.transfer, .data(pieces)))
            }
            offers.removeFirst()
        }
    }

    /// - Returns: whether the transfer was waiting here.
    mutating func cancel(_ transfer: TransferID, _ outputs: inout [DeviceOutput]) -> Bool {
        guard let index = offers.firstIndex(where: { $0.transfer == transfer }) else { return false }
        offers.remove(at: index)
        outputs.append(.completed(transfer, .cancelled))
        return true
    }

    mutating func reset(_ outputs: inout [DeviceOutput]) {
        for offer in offers { outputs.append(.completed(offer.transfer, .cancelled)) }
        self = BulkInPipe()
    }
}

extension BulkInPipe {
    /// Bytes on their way to the host, in pieces that are passed on and never copied.
    struct Run: Sendable {
        private static let zeroes = [UInt8](repeating: 0, count: 65536)

        let packetByteCount: Int
        private var pieces: [Bytes] = []
        private var firstPiece = 0
        private(set) var bufferedByteCount = 0
        private var padByteCount: UInt64 = 0
        private var takenByteCount: UInt64 = 0
        private(set) var isFinal = false
        private var isShort = false
        private var endsEmpty = false
        /// Every byte, and the short packet that ends them if one is due, has been taken.
        private(set) var isDone = false

        init(packetByteCount: Int) { self.packetByteCount = packetByteCount }

        mutating func append(_ more: [Bytes]) {
            for piece in more where !piece.isEmpty {
                pieces.append(piece)
                bufferedByteCount += piece.count
            }
        }

        /// - Parameters:
        ///   - isShort: the host expects more: a short packet, if need be of no bytes, ends the run.
        ///   - padByteCount: zeroes to send after the data.
        ///   - endsEmpty: the packet of no bytes comes in any case, as a transfer of its own where the data
        ///     ended their last one.
        mutating func finish(isShort: Bool, padByteCount: UInt64, endsEmpty: Bool) {
            isFinal = true
            self.isShort = isShort
            self.endsEmpty = endsEmpty
            self.padByteCount = padByteCount
        }

        /// - Returns: `nil` until enough bytes have come to fill `room`, or the last of them.
        mutating func take(upTo room: Int) -> [Bytes]? {
            guard bufferedByteCount >= room || isFinal else { return nil }
            var taken: [Bytes] = []
            var left = room
            while left > 0, firstPiece < pieces.count {
                let piece = pieces[firstPiece]
                if piece.count <= left {
                    taken.append(piece)
                    left -= piece.count
                    bufferedByteCount -= piece.count
                    firstPiece += 1
                } else {
                    taken.append(piece.prefix(left))
                    pieces[firstPiece] = piece.dropFirst(left)
                    bufferedByteCount -= left
                    left = 0
                }
            }
            if firstPiece == pieces.count {
                pieces.removeAll(keepingCapacity: true)
                firstPiece = 0
            }
            while left > 0, padByteCount > 0 {
                let count = Int(min(UInt64(min(left, Self.zeroes.count)), padByteCount))
                taken.append(Self.zeroes[0..<count])
                padByteCount -= UInt64(count)
                left -= count
            }
            takenByteCount += UInt64(room - left)
            if isFinal, bufferedByteCount == 0, padByteCount == 0 {
                let endsOnPacket = takenByteCount % UInt64(packetByteCount) == 0
                if endsEmpty {
                    // The empty packet was this transfer, or ended it.
                    isDone = left > 0 && (left == room || endsOnPacket)
                } else {
                    isDone = !isShort || left > 0 || !endsOnPacket
                }
            }
            return taken
        }
    }
}

/// The bulk-out endpoint: transfers whose bytes the device has not taken yet.
struct BulkOutPipe: Sendable {
    private(set) var waiting: [(transfer: TransferID, bytes: Bytes)] = []
    var isHalted = false

    var isFull: Bool { waiting.count >= maximumQueuedTransfers }
    mutating func offer(_ transfer: TransferID, _ bytes: Bytes) { waiting.append((transfer, bytes)) }
    mutating func takeFirst() -> (transfer: TransferID, bytes: Bytes) { waiting.removeFirst() }

    mutating func cancel(_ transfer: TransferID, _ outputs: inout [DeviceOutput]) -> Bool {
        guard let index = waiting.firstIndex(where: { $0.transfer == transfer }) else { return false }
        waiting.remove(at: index)
        outputs.append(.completed(transfer, .cancelled))
        return true
    }

    mutating func reset(_ outputs: inout [DeviceOutput]) {
        for offer in waiting { outputs.append(.completed(offer.transfer, .cancelled)) }
        self = BulkOutPipe()
    }
}
