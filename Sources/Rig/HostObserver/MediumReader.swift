package import USBMassStorage
package import WireFormat

/// How one command ended.
package struct MediumOutcome: Sendable {
    package var data: [Bytes]
    package var movedByteCount: Int
    /// `nil` when it passed.
    package var sense: SenseData?

    package init(data: [Bytes], movedByteCount: Int, sense: SenseData? = nil) {
        self.data = data
        self.movedByteCount = movedByteCount
        self.sense = sense
    }

    var bytes: Bytes { data.count == 1 ? data[0] : Array(data.joined())[...] }
}

/// Whoever reads blocks of a medium, by whatever way: a USB device driven here, or a block device of this
/// machine. What is made of the blocks is the same for all.
package protocol MediumReader: AnyObject {
    /// `nil` until the medium was looked at.
    var capacity: CapacityReply? { get }
    /// The most that one command moves.
    var transferByteCount: Int { get }
    /// How often a command is tried again after a unit attention.
    var retries: Int { get }
    var now: @Sendable () -> Duration { get }
    var latency: LatencyHistogram { get }
    /// One command, at most ``transferByteCount`` long.
    func readOnce(_ range: BlockRange) async throws(ObserverError) -> MediumOutcome
    /// - Parameter bytes: exactly as long as the range.
    func writeOnce(_ range: BlockRange, _ bytes: Bytes) async throws(ObserverError) -> MediumOutcome
    /// Returns once everything written is on the medium.
    func flush() async throws(ObserverError)
}

extension HostObserver: MediumReader {
    package var capacity: CapacityReply? { unit?.capacity }
    package var transferByteCount: Int { profile.transferByteCount }
    package var retries: Int { profile.retries }

    package func readOnce(_ range: BlockRange) async throws(ObserverError) -> MediumOutcome {
        let byteCount = Int(range.count) * Int(capacity?.blockByteCount ?? 0)
        return try await run(.read(at: range.first, count: range.count), receiving: byteCount)
    }

    package func writeOnce(_ range: BlockRange, _ bytes: Bytes) async throws(ObserverError) -> MediumOutcome {
        try await run(.write(at: range.first, count: range.count), sending: bytes)
    }
}
