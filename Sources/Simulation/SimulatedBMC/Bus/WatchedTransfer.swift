import USBMassStorage
import WireFormat

extension USBTransfer {
    /// As faults call it.
    var operation: String {
        switch self {
        case .control: "control"
        case .bulkOut: "bulk-out"
        case .bulkIn: "bulk-in"
        }
    }
}

/// A transfer in a world with faults: it completes once, whatever happens to it on the way.
final class WatchedTransfer {
    let transfer: USBTransfer
    private(set) var isDone = false
    private let timers: KernelTimers
    private let completion: (Result<TransferOutcome, USBTransferError>) -> Void
    private var timer: KernelTimers.TimerID?
    /// Takes it from the device, once that has it.
    private var cancel: (() -> Void)?
    private var hasTimedOut = false

    init(
        _ transfer: USBTransfer, timeout: Duration?, timers: KernelTimers,
        completion: @escaping (Result<TransferOutcome, USBTransferError>) -> Void
    ) {
        self.transfer = transfer
        self.timers = timers
        self.completion = completion
        timer = timeout.map { timers.schedule(at: timers.now + $0) { [self] in expire() } }
    }

    func finish(_ result: Result<TransferOutcome, USBTransferError>) {
        guard !isDone else { return }
        isDone = true
        if let timer { timers.cancel(timer) }
        timer = nil
        cancel = nil
        completion(result)
    }

    func fail(_ error: USBTransferError) { finish(.failure(error)) }

    /// Gives it to the device.
    ///
    /// - Parameter answered: what becomes of the device's answer, which is neither a stall nor a
    ///   cancellation.
    func submit(
        _ transfer: USBTransfer, to gadget: BoundGadget, stalled: @escaping () -> Void = {},
        answered: @escaping (TransferOutcome) -> Void
    ) {
        guard !isDone else { return }
        var isAnswered = false
        let number = gadget.submit(transfer.input) { [self] outcome in
            isAnswered = true
            cancel = nil
            switch outcome {
            case .cancelled: fail(hasTimedOut ? .timedOut : .disconnected)
            case .stalled:
                stalled()
                fail(.stalled)
            case .accepted, .data: answered(outcome)
            }
        }
        if !isAnswered, !isDone { cancel = { [weak gadget] in gadget?.cancel(number) } }
    }

    /// The host gives it up.
    func expire() {
        guard !isDone else { return }
        if let timer { timers.cancel(timer) }
        timer = nil
        hasTimedOut = true
        if let cancel { cancel() } else { fail(.timedOut) }
    }
}
