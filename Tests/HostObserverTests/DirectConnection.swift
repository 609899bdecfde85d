import Synchronization
import USBMassStorage
import WireFormat

@testable import HostObserver

/// A device with its media in memory, reached without a bus; each thing that can go wrong on the way
/// can be made to.
final class DirectConnection: USBDeviceConnection {
    struct Faults: Sendable {
        /// Replaces what the medium answers for a range of bytes.
        var readThrough: (@Sendable (UInt64, [UInt8]) -> [UInt8])?
        /// The medium fails reads and writes that touch this byte.
        var badOffset: UInt64?
        /// Reads that touch the bad byte fail this often, then work.
        var failuresLeft = Int.max
        /// Changes the bytes of a status wrapper.
        var status: (@Sendable ([UInt8]) -> [UInt8])?
        /// Status wrappers are refused with a stall, for ever.
        var stallsStatus = false
        /// Cuts what a data stage of more than 512 bytes delivers.
        var cutsDataTo: Int?
        /// Requests to the medium are never answered.
        var isMediumStuck = false
        var isGone = false
    }

    struct State {
        var device: MassStorageDevice
        var image: [UInt8]
        var faults = Faults()
        var next: UInt64 = 1
        var completions: [TransferID: TransferOutcome] = [:]
        var ejected = 0
        var writes: [Range<UInt64>] = []
        var flushes = 0
        var forcedWrites = 0
        /// Virtual time: each transfer takes a millisecond, a timeout as long as it says.
        var clock = Duration.zero
        var longestCommandBlock: [UInt8] = []
    }
    let state: Mutex<State>

    init(
        _ image: [UInt8], configuration: GadgetConfiguration = GadgetConfiguration(),
        lun: LogicalUnitConfiguration = LogicalUnitConfiguration()
    ) {
        var device = MassStorageDevice(configuration: configuration, luns: [lun])
        if !image.isEmpty { _ = device.insertMedium(lun: 0, byteCount: UInt64(image.count)) }
        state = Mutex(State(device: device, image: image))
    }

    func set(_ change: (inout Faults) -> Void) { state.withLock { change(&$0.faults) } }
    func update(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }

    func control(_ setup: SetupPacket, data: [UInt8], timeout: Duration) async throws(USBTransferError)
        -> [UInt8]
    {
        let outcome = try submit(timeout) { .control($0, setup, data: data) }
        guard case .data(let pieces) = outcome else { return [] }
        return Array(pieces.joined())
    }

    func bulkOut(endpoint: UInt8, _ bytes: Bytes, timeout: Duration) async throws(USBTransferError) {
        if bytes.count == 31 { state.withLock { $0.longestCommandBlock = Array(bytes) } }
        _ = try submit(timeout) { .bulkOut($0, endpoint: endpoint, bytes) }
    }

    func bulkIn(endpoint: UInt8, byteCount: Int, timeout: Duration) async throws(USBTransferError) -> [Bytes]
    {
        if byteCount == 13, state.withLock({ $0.faults.stallsStatus }) { throw .stalled }
        let outcome = try submit(timeout) { .bulkIn($0, endpoint: endpoint, byteCount: byteCount) }
        guard case .data(let pieces) = outcome else { return [] }
        let faults = state.withLock { $0.faults }
        if byteCount == 13, let status = faults.status { return [status(Array(pieces.joined()))[...]] }
        if byteCount > 512, let limit = faults.cutsDataTo { return [Array(pieces.joined()).prefix(limit)] }
        return pieces
    }

    func resetPort() async throws(USBTransferError) {
        state.withLock { state in
            let outputs = state.device.handle(.busReset)
            Self.carryOut(outputs, &state)
        }
    }

    private func submit(_ timeout: Duration, _ input: (TransferID) -> DeviceInput) throws(USBTransferError)
        -> TransferOutcome
    {
        let outcome: Result<TransferOutcome, USBTransferError> = state.withLock { state in
            if state.faults.isGone { return .failure(.disconnected) }
            let transfer = TransferID(rawValue: state.next)
            state.next += 1
            state.clock += .milliseconds(1)
            let outputs = state.device.handle(input(transfer))
            Self.carryOut(outputs, &state)
            guard let outcome = state.completions.removeValue(forKey: transfer) else {
                state.clock += timeout
                Self.carryOut(state.device.handle(.cancel(transfer)), &state)
                state.completions.removeValue(forKey: transfer)
                return .failure(.timedOut)
            }
            return outcome == .stalled ? .failure(.stalled) : .success(outcome)
        }
        return try outcome.get()
    }

    private static func carryOut(_ outputs: [DeviceOutput], _ state: inout State) {
        for output in outputs {
            switch output {
            case .completed(let transfer, let outcome): state.completions[transfer] = outcome
            case .storage(let tag, _, let request):
                guard !state.faults.isMediumStuck else { continue }
                let outcome = answer(request, &state)
                carryOut(state.device.handle(.storageFinished(tag, outcome)), &state)
            case .ejectedByHost: state.ejected += 1
            case .configured: break
            }
        }
    }

    private static func answer(_ request: StorageRequest, _ state: inout State) -> StorageOutcome {
        switch request {
        case .read(let offset, let byteCount):
            let end = offset + UInt64(byteCount)
            if let bad = state.faults.badOffset, offset..<end ~= bad, state.faults.failuresLeft > 0 {
                state.faults.failuresLeft -= 1
                return .failed(offset: bad)
            }
            let bytes = Array(state.image[Int(offset)..<Int(end)])
            return .data([(state.faults.readThrough?(offset, bytes) ?? bytes)[...]])
        case .write(let offset, let bytes, let isForced):
            let end = offset + UInt64(bytes.count)
            if let bad = state.faults.badOffset, offset..<end ~= bad { return .failed(offset: bad) }
            state.image.replaceSubrange(Int(offset)..<Int(end), with: bytes)
            state.writes.append(offset..<end)
            if isForced { state.forcedWrites += 1 }
            return .done
        case .flush:
            state.flushes += 1
            return .done
        }
    }

    func observer(_ profile: HostProfile = .linux()) -> HostObserver {
        HostObserver(
            connection: self, profile: profile, now: { [self] in state.withLock { $0.clock } },
            pause: { [self] time in state.withLock { $0.clock += time } })
    }

    /// An observer that has examined the unit.
    func readyObserver(_ profile: HostProfile = .linux()) async throws -> HostObserver {
        let observer = observer(profile)
        try await observer.enumerate()
        try await observer.examineUnit()
        return observer
    }
}
