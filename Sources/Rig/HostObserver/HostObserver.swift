package import USBMassStorage
internal import WireFormat

/// A host that looks at one mass-storage device: enumerates it, reads and writes it, and says what
/// it saw. It runs in the task that calls it; time comes in from outside.
package final class HostObserver {
    /// How many mismatches and unreadable blocks a report names.
    package static let maximumReportedBlocks = 32
    /// How many unit attentions in a row a command outlasts.
    static let maximumUnitAttentions = 8

    let connection: any USBDeviceConnection
    package let profile: HostProfile
    package let lun: UInt8
    package let now: @Sendable () -> Duration
    let pause: @Sendable (Duration) async -> Void
    private var transport = BulkOnlyHost()
    package internal(set) var device: DeviceReport?
    package internal(set) var unit: UnitReport?
    package private(set) var latency = LatencyHistogram()
    /// No recovery helped; until the next ``enumerate()`` every command fails at once.
    package internal(set) var isOffline = false
    /// Unit attentions seen since the last ``takeUnitAttentions()``.
    private var unitAttentions: [SenseCode] = []

    /// - Parameters:
    ///   - now: a monotonic clock.
    ///   - pause: returns after that long on the same clock.
    package init(
        connection: any USBDeviceConnection, profile: HostProfile = .linux(), lun: UInt8 = 0,
        now: @escaping @Sendable () -> Duration, pause: @escaping @Sendable (Duration) async -> Void
    ) {
        self.connection = connection
        self.profile = profile
        self.lun = lun
        self.now = now
        self.pause = pause
    }

    package func takeUnitAttentions() -> [SenseCode] {
        defer { unitAttentions = [] }
        return unitAttentions
    }

    typealias Outcome = MediumOutcome

    /// Runs one command and, if it failed, fetches the reason at once, as every host does.
    ///
    /// - Throws: when the transport failed; the device has been reset and may be used again.
    func run(
        _ block: CommandDescriptorBlock, receiving byteCount: Int = 0, sending bytes: Bytes? = nil
    ) async throws(ObserverError) -> Outcome {
        let start = now()
        let completion = try await transfer(block, receiving: byteCount, sending: bytes)
        latency.record(now() - start)
        var outcome = Outcome(data: completion.data, movedByteCount: completion.movedByteCount)
        guard !completion.hasPassed else { return outcome }
        let reason = try await transfer(.requestSense(), receiving: SenseData.byteCount, sending: nil)
        guard reason.hasPassed, let sense = SenseData(decoding: Array(reason.data.joined())[...]) else {
            throw .malformed("REQUEST SENSE after \(Self.name(block)): no usable sense data")
        }
        if sense.code.isUnitAttention { unitAttentions.append(sense.code) }
        outcome.sense = sense
        return outcome
    }

    /// As ``run(_:receiving:sending:)``, but tries again after a unit attention.
    func runThroughAttentions(
        _ block: CommandDescriptorBlock, receiving byteCount: Int = 0
    ) async throws(ObserverError) -> Outcome {
        var outcome = try await run(block, receiving: byteCount)
        var attempts = 0
        while outcome.sense?.code.isUnitAttention == true, attempts < Self.maximumUnitAttentions {
            outcome = try await run(block, receiving: byteCount)
            attempts += 1
        }
        return outcome
    }

    func decoded<Reply, Failure: Error & CustomStringConvertible>(
        _ decode: () throws(Failure) -> Reply
    ) throws(ObserverError) -> Reply {
        do throws(Failure) { return try decode() } catch { throw .malformed(error.description) }
    }

    static func name(_ block: CommandDescriptorBlock) -> String {
        "command \(Hexadecimal.text(block.bytes))"
    }

    private func transfer(
        _ block: CommandDescriptorBlock, receiving byteCount: Int, sending bytes: Bytes?
    ) async throws(ObserverError) -> BulkOnlyHost.Completion {
        guard let device else { throw .notMassStorage("not enumerated yet") }
        guard !isOffline else { throw .offline }
        let padded = profile.padsCommands ? block.padded(to: 12) : block
        var action = transport.begin(
            padded, lun: lun, direction: bytes == nil ? .toHost : .fromHost,
            byteCount: bytes?.count ?? byteCount)
        while true {
            switch action {
            case .finish(let completion): return completion
            case .fail(let fault): throw .transport(fault, during: Self.name(block))
            default: break
            }
            let event: BulkOnlyHost.Event
            do throws(USBTransferError) {
                event = try await perform(action, sending: bytes, on: device)
            } catch {
                switch error {
                case .stalled: event = .stalled
                case .timedOut: event = .timedOut
                case .babbled: event = .babbled
                case .disconnected:
                    transport.abandon()
                    throw .usb(.disconnected, during: Self.name(block))
                }
            }
            action = transport.handle(event)
        }
    }

    private func perform(
        _ action: BulkOnlyHost.Action, sending bytes: Bytes?, on device: DeviceReport
    ) async throws(USBTransferError) -> BulkOnlyHost.Event {
        let timeout = profile.commandTimeout
        switch action {
        case .sendWrapper(let wrapper):
            try await connection.bulkOut(endpoint: device.bulkOutEndpoint, wrapper[...], timeout: timeout)
        case .sendData:
            try await connection.bulkOut(endpoint: device.bulkOutEndpoint, bytes ?? [], timeout: timeout)
        case .receiveData(let count), .receiveStatus(let count):
            return .received(
                try await connection.bulkIn(
                    endpoint: device.bulkInEndpoint, byteCount: count, timeout: timeout))
        case .clearHalt(let pipe): try await clearHalt(pipe, on: device)
        case .recover: try await recover(device)
        case .finish, .fail: break
        }
        return .done
    }
}
