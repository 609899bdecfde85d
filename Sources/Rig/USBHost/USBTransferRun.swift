import CUSB
import Glibc
import USBMassStorage

/// One asynchronous transfer of libusb, from its submission to its end. The memory is its own, so that
/// the kernel may write to it however long the device takes.
final class USBTransferRun: Sendable {
    enum Kind: Sendable {
        case control(SetupPacket, data: [UInt8])
        case bulkOut(endpoint: UInt8, ArraySlice<UInt8>)
        case bulkIn(endpoint: UInt8, byteCount: Int)
    }
    /// Why a transfer did not even start.
    typealias Result = Swift.Result<[UInt8], USBTransferError>

    private nonisolated(unsafe) let transfer: UnsafeMutablePointer<libusb_transfer>
    private nonisolated(unsafe) let buffer: UnsafeMutableRawBufferPointer
    private let isIn: Bool
    /// What precedes the data: the setup packet of a control transfer.
    private let headByteCount: Int
    private let continuation: CheckedContinuation<Result, Never>
    /// Keeps the device open meanwhile.
    private let interface: ClaimedInterface

    /// Starts a transfer, and resumes the continuation once: at its end, or at once when it is refused.
    static func start(
        _ kind: Kind, on interface: ClaimedInterface, timeout: UInt32,
        _ continuation: CheckedContinuation<Result, Never>
    ) {
        guard let transfer = libusb_alloc_transfer(0) else {
            return continuation.resume(returning: .failure(.disconnected))
        }
        let run = USBTransferRun(kind, transfer, interface, continuation)
        run.fill(kind, timeout: timeout)
        let retained = Unmanaged.passRetained(run)
        transfer.pointee.user_data = retained.toOpaque()
        let status = interface.use { _ in libusb_submit_transfer(transfer) }
        guard status != 0 else { return }
        retained.release()
        continuation.resume(
            returning: .failure(status == LIBUSB_ERROR_PIPE.rawValue ? .stalled : .disconnected))
    }

    private init(
        _ kind: Kind, _ transfer: UnsafeMutablePointer<libusb_transfer>, _ interface: ClaimedInterface,
        _ continuation: CheckedContinuation<Result, Never>
    ) {
        self.transfer = transfer
        self.interface = interface
        self.continuation = continuation
        let dataByteCount: Int
        switch kind {
        case .control(let setup, let data):
            isIn = setup.isDeviceToHost
            headByteCount = SetupPacket.byteCount
            dataByteCount = isIn ? Int(setup.length) : data.count
        case .bulkOut(_, let bytes): (isIn, headByteCount, dataByteCount) = (false, 0, bytes.count)
        case .bulkIn(_, let byteCount): (isIn, headByteCount, dataByteCount) = (true, 0, byteCount)
        }
        buffer = .allocate(byteCount: max(1, headByteCount + dataByteCount), alignment: 16)
        transfer.pointee.length = CInt(headByteCount + dataByteCount)
    }

    deinit {
        libusb_free_transfer(transfer)
        buffer.deallocate()
    }

    private func fill(_ kind: Kind, timeout: UInt32) {
        transfer.pointee.dev_handle = interface.handle
        transfer.pointee.timeout = timeout
        transfer.pointee.buffer = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)
        transfer.pointee.callback = Self.ended
        switch kind {
        case .control(let setup, let data):
            transfer.pointee.type = UInt8(LIBUSB_TRANSFER_TYPE_CONTROL.rawValue)
            transfer.pointee.endpoint = 0
            buffer.copyBytes(from: setup.encoded + (isIn ? [] : data))
        case .bulkOut(let endpoint, let bytes):
            transfer.pointee.type = UInt8(LIBUSB_TRANSFER_TYPE_BULK.rawValue)
            transfer.pointee.endpoint = endpoint
            buffer.copyBytes(from: bytes)
        case .bulkIn(let endpoint, _):
            transfer.pointee.type = UInt8(LIBUSB_TRANSFER_TYPE_BULK.rawValue)
            transfer.pointee.endpoint = endpoint | 0x80
        }
    }

    /// Called by the library's thread.
    private static let ended: libusb_transfer_cb_fn = { transfer in
        let run = Unmanaged<USBTransferRun>.fromOpaque(transfer!.pointee.user_data).takeRetainedValue()
        run.continuation.resume(returning: run.result)
    }

    private var result: Result {
        switch transfer.pointee.status {
        case LIBUSB_TRANSFER_COMPLETED:
            let count = Int(transfer.pointee.actual_length)
            guard isIn else { return .success([]) }
            return .success(Array(buffer[headByteCount..<headByteCount + count]))
        case LIBUSB_TRANSFER_STALL: return .failure(.stalled)
        case LIBUSB_TRANSFER_TIMED_OUT: return .failure(.timedOut)
        case LIBUSB_TRANSFER_OVERFLOW: return .failure(.babbled)
        default: return .failure(.disconnected)
        }
    }
}
