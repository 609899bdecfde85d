import CUSB
import Synchronization

/// The mass-storage interface of an opened device, taken from its kernel driver, which gets it back.
///
/// All calls may wait for the device.
final class ClaimedInterface: Sendable {
    private enum State {
        case claimed
        case released
        case closed
    }
    nonisolated(unsafe) let handle: OpaquePointer
    private let number: CInt
    private let state = Mutex((state: State.released, hadDriver: false))
    private let device: FoundDevice

    /// What must be given back should the process be told to end; see ``releaseAll()``.
    private static let held = Mutex<[ObjectIdentifier: ClaimedInterface]>([:])

    /// Takes the handle over.
    init(handle: OpaquePointer, interface number: UInt8, device: FoundDevice) throws(USBHostFailure) {
        self.handle = handle
        self.number = CInt(number)
        self.device = device
        do throws(USBHostFailure) { try claim() } catch {
            giveBack()
            libusb_close(handle)
            state.withLock { $0.state = .closed }
            throw error
        }
        Self.held.withLock { $0[ObjectIdentifier(self)] = self }
    }

    /// Gives every interface back to its driver; for a process that is about to end. A command may be under
    /// way, which the driver would trip over: the device is reset first.
    static func releaseAll() {
        for interface in held.withLock({ Array($0.values) }) { interface.abandon() }
    }

    /// The handle stays open: others may be using it until the process ends. They wait meanwhile: whoever
    /// notices the reset must not end the process before the driver has the device.
    private func abandon() {
        state.withLock { state in
            guard state.state != .closed else { return }
            state.state = .closed
            libusb_reset_device(handle)
            libusb_release_interface(handle, number)
            if state.hadDriver { libusb_attach_kernel_driver(handle, number) }
        }
    }

    /// Harmless when repeated.
    func close() {
        let mustClose = state.withLock { state in
            defer { state.state = .closed }
            if state.state == .claimed { libusb_release_interface(handle, number) }
            return state.state != .closed
        }
        _ = Self.held.withLock { $0.removeValue(forKey: ObjectIdentifier(self)) }
        guard mustClose else { return }
        giveBack()
        libusb_close(handle)
    }

    /// Calls `body` unless the device was given back. usbfs claims an interface for whoever uses it without
    /// asking, and then its driver could not have it.
    ///
    /// - Returns: what it returned, or that there is no device.
    func use(_ body: (OpaquePointer) -> CInt) -> CInt {
        state.withLock { state in
            state.state == .closed ? LIBUSB_ERROR_NO_DEVICE.rawValue : body(handle)
        }
    }

    /// SET_CONFIGURATION, which libusb and the kernel have to know of: both keep data toggles and drivers.
    func setConfiguration(_ value: CInt) -> CInt {
        let isOurs = state.withLock { state in
            guard state.state == .claimed else { return false }
            libusb_release_interface(handle, number)
            state.state = .released
            return true
        }
        return isOurs ? configureAndClaim(value) : LIBUSB_ERROR_NO_DEVICE.rawValue
    }

    private func configureAndClaim(_ value: CInt) -> CInt {
        // The kernel takes 0 for a configuration; -1 is none.
        let status = libusb_set_configuration(handle, value == 0 ? -1 : value)
        guard status == 0, value != 0 else { return status }
        do throws(USBHostFailure) { try claim() } catch { return LIBUSB_ERROR_BUSY.rawValue }
        return 0
    }

    /// A configuration that is set anew has drivers look at it again.
    private func claim() throws(USBHostFailure) {
        let status = state.withLock { state -> CInt in
            // Given back meanwhile, by a signal: it must not be taken again.
            guard state.state != .closed else { return LIBUSB_ERROR_NO_DEVICE.rawValue }
            if libusb_kernel_driver_active(handle, number) == 1 {
                let detached = libusb_detach_kernel_driver(handle, number)
                guard detached == 0 else { return detached }
                state.hadDriver = true
            }
            let claimed = libusb_claim_interface(handle, number)
            if claimed == 0 { state.state = .claimed }
            return claimed
        }
        switch status {
        case 0: return
        case LIBUSB_ERROR_BUSY.rawValue: throw .busy(device)
        case LIBUSB_ERROR_ACCESS.rawValue: throw .notPermitted(device)
        default: throw .refused(operation: "claim interface \(number)", reason: USBLibrary.text(status))
        }
    }

    private func giveBack() {
        if state.withLock({ $0.hadDriver }) { libusb_attach_kernel_driver(handle, number) }
    }
}
