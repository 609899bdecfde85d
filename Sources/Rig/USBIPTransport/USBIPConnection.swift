import Glibc
package import NBDServer
import Synchronization
import Threads
package import USBIPProtocol
package import USBMassStorage
package import WireFormat

/// A device of another machine, or of a kernel's `usbip-vudc`, imported over USB/IP.
///
/// The protocol has no port reset: ``resetPort()`` gives up what is in flight, and the host's next
/// SET_CONFIGURATION resets the function, as after a reset that Linux's vhci hides from the exporter.
package final class USBIPConnection: USBDeviceConnection {
    /// How long an exporter may take to confirm that a transfer was given up; then the connection counts
    /// as dead.
    package static let unlinkPatience = Duration.seconds(5)

    private struct Waiting {
        let continuation: CheckedContinuation<Result<TransferOutcome, USBTransferError>, Never>
        var deadline: Duration
        var isGivenUp = false
    }
    private enum Operation {
        case list(CheckedContinuation<Result<[ExportedDevice], USBIPFailure>, Never>)
        case importing(CheckedContinuation<Result<ExportedDevice, USBIPFailure>, Never>)
    }
    private struct State {
        var session: USBIPClientSession
        var operation: Operation?
        var operationDeadline: Duration?
        var busID = ""
        var waiting: [TransferID: Waiting] = [:]
        var lastTransfer: UInt64 = 0
        var violation: USBIPViolation?
        var isOver = false
    }
    private let state: Mutex<State>
    private let loop: StreamLoop

    private init(_ loop: StreamLoop, _ session: USBIPClientSession = USBIPClientSession()) {
        self.loop = loop
        state = Mutex(State(session: session))
    }

    deinit { loop.abort() }

    // MARK: Getting one

    /// - Throws: ``USBIPFailure`` after at most `timeout`, name resolution and connecting aside.
    package static func list(at address: ListenAddress, timeout: Duration) async throws(USBIPFailure)
        -> [ExportedDevice]
    {
        let connection = try await open(address)
        defer { connection.close() }
        let result = await withCheckedContinuation { continuation in
            connection.begin(.list(continuation), timeout) { $0.requestList() }
        }
        return try result.get()
    }

    /// Imports a device: to its gadget, a host has been plugged in.
    package static func importDevice(
        _ busID: String, at address: ListenAddress, timeout: Duration
    ) async throws(USBIPFailure) -> USBIPConnection {
        guard busID.utf8.count < ExportedDevice.busIDByteCount else {
            throw .refused(busID: busID, .noSuchDevice)
        }
        let connection = try await open(address)
        let result = await withCheckedContinuation { continuation in
            connection.state.withLock { $0.busID = busID }
            connection.begin(.importing(continuation), timeout) { $0.requestImport(busID: busID) }
        }
        do throws(USBIPFailure) { _ = try result.get() } catch {
            connection.close()
            throw error
        }
        return connection
    }

    /// Takes over a stream that carries the transfers of one device already, without asking anybody.
    package static func attached(
        owning descriptor: CInt, to device: ExportedDevice
    ) throws(USBIPFailure) -> USBIPConnection {
        let connection = USBIPConnection(
            StreamLoop(owning: descriptor), USBIPClientSession(attachedTo: device))
        try connection.start()
        return connection
    }

    private static func open(_ address: ListenAddress) async throws(USBIPFailure) -> USBIPConnection {
        let result = await BlockingThread.value("usbip connect") {
            () -> Result<CInt, USBIPFailure> in
            do throws(USBIPFailure) { return .success(try StreamConnect.connect(to: address)) } catch {
                return .failure(error)
            }
        }
        guard let result else { throw .exhausted }
        let connection = USBIPConnection(StreamLoop(owning: try result.get()))
        try connection.start()
        return connection
    }

    private func start() throws(USBIPFailure) {
        let isStarted = loop.start(
            "usbip client",
            StreamLoop.Owner(
                received: { [weak self] in self?.received($0) },
                keepDeadlines: { [weak self] in self?.keepDeadlines($0) },
                ended: { [weak self] in self?.ended() }))
        guard isStarted else { throw .exhausted }
    }

    package var device: ExportedDevice? { state.withLock { $0.session.device } }

    /// Unplugs the host from the device. Harmless when repeated.
    package func close() { loop.abort() }

    // MARK: Transfers

    package func control(_ setup: SetupPacket, data: [UInt8], timeout: Duration)
        async throws(USBTransferError) -> [UInt8]
    {
        let outcome = try await transfer(.control(setup, data: data), timeout)
        guard case .data(let pieces) = outcome else { return [] }
        return pieces.count == 1 ? Array(pieces[0]) : Array(pieces.joined())
    }

    package func bulkOut(endpoint: UInt8, _ bytes: Bytes, timeout: Duration) async throws(USBTransferError) {
        _ = try await transfer(.bulkOut(endpoint: endpoint, bytes), timeout)
    }

    package func bulkIn(endpoint: UInt8, byteCount: Int, timeout: Duration)
        async throws(USBTransferError) -> [Bytes]
    {
        let outcome = try await transfer(.bulkIn(endpoint: endpoint, byteCount: byteCount), timeout)
        guard case .data(let pieces) = outcome else { return [] }
        return pieces
    }

    package func resetPort() async throws(USBTransferError) {
        let (isOver, pieces) = state.withLock { state in
            let numbers = state.waiting.keys.sorted { $0.rawValue < $1.rawValue }
            return (state.isOver, numbers.flatMap { Self.giveUp($0, &state) })
        }
        if isOver { throw .disconnected }
        loop.send(pieces)
    }

    private func transfer(_ transfer: USBTransfer, _ timeout: Duration) async throws(USBTransferError)
        -> TransferOutcome
    {
        let result = await withCheckedContinuation { continuation in
            let pieces = state.withLock { state -> [Bytes]? in
                guard !state.isOver else { return nil }
                state.lastTransfer += 1
                let number = TransferID(rawValue: state.lastTransfer)
                guard let pieces = state.session.submit(transfer, as: number) else { return nil }
                state.waiting[number] = Waiting(
                    continuation: continuation, deadline: Monotonic.now + timeout)
                return pieces
            }
            // Waking the loop has it see the new deadline too.
            if let pieces {
                loop.send(pieces)
            } else {
                continuation.resume(returning: .failure(.disconnected))
            }
        }
        return try result.get()
    }

    private static func giveUp(_ number: TransferID, _ state: inout State) -> [Bytes] {
        guard state.waiting[number]?.isGivenUp == false else { return [] }
        state.waiting[number]!.isGivenUp = true
        state.waiting[number]!.deadline = Monotonic.now + unlinkPatience
        return state.session.cancel(number)
    }

    // MARK: The loop's side

    private func begin(
        _ operation: Operation, _ timeout: Duration, _ request: (inout USBIPClientSession) -> [UInt8]
    ) {
        let bytes = state.withLock { state -> [UInt8]? in
            guard !state.isOver else { return nil }
            state.operation = operation
            state.operationDeadline = Monotonic.now + timeout
            return request(&state.session)
        }
        if let bytes { loop.send([bytes[...]]) } else { Self.fail(operation, .closed) }
    }

    private func received(_ bytes: Bytes) {
        state.withLock { $0.session.receive(bytes) }
        while true {
            let event: USBIPClientSession.Event?
            do throws(USBIPViolation) {
                event = try state.withLock { state throws(USBIPViolation) in try state.session.nextEvent() }
            } catch {
                state.withLock { $0.violation = error }
                return loop.abort()
            }
            guard let event else { return }
            handle(event)
        }
    }

    private func handle(_ event: USBIPClientSession.Event) {
        switch event {
        case .listed(let devices):
            if case .list(let continuation)? = takeOperation() {
                continuation.resume(returning: .success(devices))
            }
        case .imported(let device):
            if case .importing(let continuation)? = takeOperation() {
                continuation.resume(returning: .success(device))
            }
        case .importRefused(let status):
            let busID = state.withLock { $0.busID }
            if let operation = takeOperation() { Self.fail(operation, .refused(busID: busID, status)) }
        case .completed(let number, let completion):
            guard let waiting = state.withLock({ $0.waiting.removeValue(forKey: number) }) else { return }
            waiting.continuation.resume(returning: Self.result(completion, isGivenUp: waiting.isGivenUp))
        }
    }

    private func takeOperation() -> Operation? {
        state.withLock { state in
            defer { (state.operation, state.operationDeadline) = (nil, nil) }
            return state.operation
        }
    }

    private static func result(_ completion: USBIPClientSession.Completion, isGivenUp: Bool)
        -> Result<TransferOutcome, USBTransferError>
    {
        switch completion {
        case .outcome(.stalled): .failure(.stalled)
        case .outcome(.cancelled): .failure(isGivenUp ? .timedOut : .disconnected)
        case .outcome(let outcome): .success(outcome)
        case .babble: .failure(.babbled)
        case .disconnected, .failed: .failure(.disconnected)
        }
    }

    /// Gives up what is overdue.
    private func keepDeadlines(_ now: Duration) -> Duration? {
        let (pieces, isDead, next) = state.withLock { state -> ([Bytes], Bool, Duration?) in
            var pieces: [Bytes] = []
            let overdue = state.waiting.keys.filter { state.waiting[$0]!.deadline <= now }
            let isDead =
                overdue.contains { state.waiting[$0]!.isGivenUp }
                || state.operationDeadline.map { $0 <= now } == true
            for number in overdue.sorted(by: { $0.rawValue < $1.rawValue }) {
                pieces += Self.giveUp(number, &state)
            }
            let deadlines = state.waiting.values.map(\.deadline) + [state.operationDeadline].compactMap { $0 }
            return (pieces, isDead, deadlines.min())
        }
        if isDead {
            if let operation = takeOperation() { Self.fail(operation, .timedOut) }
            loop.abort()
            return nil
        }
        loop.send(pieces)
        return next
    }

    private func ended() {
        let (waiting, violation) = state.withLock { state in
            state.isOver = true
            _ = state.session.end()
            defer { state.waiting = [:] }
            return (state.waiting, state.violation)
        }
        if let operation = takeOperation() {
            Self.fail(operation, violation.map { .violation($0) } ?? .closed)
        }
        for number in waiting.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
            waiting[number]!.continuation.resume(returning: .failure(.disconnected))
        }
    }

    private static func fail(_ operation: Operation, _ failure: USBIPFailure) {
        switch operation {
        case .list(let continuation): continuation.resume(returning: .failure(failure))
        case .importing(let continuation): continuation.resume(returning: .failure(failure))
        }
    }
}
