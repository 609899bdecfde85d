import FaultPoints
import USBMassStorage
import WireFormat

/// A command on its way from wrapper to status, as the bus sees it go by, and what met it.
struct WatchedCommand {
    enum Stage { case data, status }

    let wrapper: CommandBlockWrapper
    let met: MetFaults
    /// Data-in that the host may still ask for.
    private var dataBytesLeft: Int
    /// The next data or status transfer is the first since the wrapper.
    private(set) var isFresh = true
    private(set) var hasBegunStatus = false

    init(_ wrapper: CommandBlockWrapper, met: MetFaults) {
        self.wrapper = wrapper
        self.met = met
        dataBytesLeft = wrapper.direction == .toHost ? Int(wrapper.transferByteCount) : 0
    }

    /// Where a transfer belongs; called once for each.
    mutating func begin(_ transfer: USBTransfer) -> (stage: Stage, isFirst: Bool) {
        let wasFresh = isFresh
        isFresh = false
        guard case .bulkIn = transfer, dataBytesLeft <= 0 else { return (.data, wasFresh) }
        defer { hasBegunStatus = true }
        return (.status, !hasBegunStatus)
    }

    /// Data came in; fewer than asked for are the last.
    mutating func received(_ count: Int, of asked: Int) {
        dataBytesLeft = count < asked ? 0 : dataBytesLeft - count
    }

    mutating func dataStalled() { dataBytesLeft = 0 }

    /// What the host gets for the status wrapper; `nil` if it is more than it has room for.
    func status(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count == CommandStatusWrapper.byteCount else { return bytes }
        var changed = bytes
        func store(_ value: Int64?, at index: Int, count: Int) {
            guard let value else { return }
            for byte in 0..<count {
                changed[index + byte] = UInt8(truncatingIfNeeded: value >> Int64(8 * byte))
            }
        }
        store(met.lie("csw-signature"), at: 0, count: 4)
        store(met.lie("csw-tag"), at: 4, count: 4)
        store(met.lie("csw-residue"), at: 8, count: 4)
        store(met.lie("csw-status"), at: 12, count: 1)
        guard let length = met.special("csw-length") else { return changed }
        guard length <= Int64(changed.count) else { return nil }
        return Array(changed.prefix(Int(max(0, length))))
    }

    /// A status that says that all is well, before anything was moved.
    var earlyStatus: [UInt8] {
        CommandStatusWrapper(tag: wrapper.tag, residue: 0, status: .passed).encoded
    }

    /// What the host gets for data.
    func data(_ bytes: [UInt8]) -> [UInt8] {
        var changed = met.corruptions.reduce(bytes) { $1.applied(to: $0) }
        changed.removeLast(min(changed.count, met.missingBytes))
        return met.lie("capacity").map { capacity(changed, byteCount: UInt64(max(0, $0))) } ?? changed
    }

    private func capacity(_ reply: [UInt8], byteCount: UInt64) -> [UInt8] {
        let width = wrapper.commandBlock.opcode == .readCapacity10 ? 4 : 8
        guard reply.count >= width + 4 else { return reply }
        var changed = reply
        let blockBytes = reply[width..<width + 4].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let last = byteCount / max(1, blockBytes) &- 1
        for index in 0..<width {
            changed[index] = UInt8(truncatingIfNeeded: last >> UInt64(8 * (width - 1 - index)))
        }
        return changed
    }
}

/// What happens to a whole port.
enum Strike {
    /// The device is off the bus for so long; for ever if zero.
    case disconnect(Duration)
    case reset
    case suspend(Duration)

    static func all(_ met: MetFaults, at suffix: String = "") -> [Strike] {
        var strikes: [Strike] = []
        if let time = met.time("disconnect" + suffix) { strikes.append(.disconnect(time)) }
        if met.special("reset" + suffix) != nil { strikes.append(.reset) }
        if let time = met.time("suspend" + suffix) { strikes.append(.suspend(time)) }
        return strikes
    }
}
