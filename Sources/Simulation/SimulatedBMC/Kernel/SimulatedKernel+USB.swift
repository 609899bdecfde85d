package import USBMassStorage
package import WireFormat

extension SimulatedKernel {
    /// Plugs the host into a controller's port.
    package func attachHost(to controller: String) {
        step { $0.bus.setHostAttached(true, to: controller) }
    }

    /// Pulls the cable, or switches the host off.
    package func detachHost(from controller: String) {
        step { $0.bus.setHostAttached(false, to: controller) }
    }

    /// The host resets the port; whoever held the device must look for it anew.
    package func resetHost(on controller: String) { step { $0.bus.resetPort(controller) } }

    /// The host lets the bus sleep, or wakes it up.
    package func suspendHost(on controller: String) { step { $0.bus.suspend(controller) } }
    package func resumeHost(on controller: String) { step { $0.bus.resume(controller) } }

    /// Waits until a gadget is bound to the controller of an attached host.
    ///
    /// - Throws: ``USBTransferError/timedOut`` when none shows up.
    package func device(on controller: String, timeout: Duration)
        async throws(USBTransferError) -> SimulatedUSBConnection
    {
        let session: USBBus.Session? = await withCheckedContinuation { continuation in
            step { state in
                state.bus.whenDeviceAppears(on: controller, until: state.timers.now + timeout) {
                    continuation.resume(returning: $0)
                }
            }
        }
        guard let session else { throw .timedOut }
        return SimulatedUSBConnection(kernel: self, session: session)
    }

    fileprivate func departed(_ session: USBBus.Session) async {
        await withCheckedContinuation { continuation in
            step { $0.bus.whenDeviceLeaves(session) { continuation.resume() } }
        }
    }

    fileprivate func transfer(_ transfer: USBTransfer, on session: USBBus.Session, _ timeout: Duration)
        async throws(USBTransferError) -> TransferOutcome
    {
        let result = await withCheckedContinuation { continuation in
            step { state in
                _ = state.bus.submit(transfer, to: session, timeout: timeout) {
                    continuation.resume(returning: $0)
                }
            }
        }
        return try result.get()
    }

    fileprivate func submit(
        _ transfer: USBTransfer, on session: USBBus.Session, as number: TransferID,
        _ completion: @escaping @Sendable (TransferOutcome) -> Void
    ) {
        step { state in
            state.bus.submit(transfer, to: session, as: number) { result in
                switch result {
                case .success(let outcome): completion(outcome)
                case .failure(.stalled): completion(.stalled)
                case .failure(.babbled), .failure(.timedOut), .failure(.disconnected):
                    completion(.cancelled)
                }
            }
        }
    }

    fileprivate func cancel(_ number: TransferID, on session: USBBus.Session) {
        step { $0.bus.cancel(number, of: session) }
    }

    fileprivate func setAddress(_ session: USBBus.Session) throws(USBTransferError) {
        guard step({ $0.bus.setAddress(session) }) else { throw .disconnected }
    }

    fileprivate func reset(_ session: USBBus.Session) async throws(USBTransferError) {
        let met = state.faults.meet(.usb, "reset", on: session.controller)
        if met.waits { await wait(for: met) }
        step { state in
            for strike in Strike.all(met) { state.bus.strike(strike, on: session.controller) }
        }
        if met.failure != nil { throw .timedOut }
        guard step({ $0.bus.reset(session) }) else { throw .disconnected }
    }
}

/// A gadget on a controller, as an exporter announces it.
package struct BoundDevice: Equatable, Sendable {
    package var vendorID: UInt16
    package var productID: UInt16
    package var deviceRelease: UInt16
    package var speed: BusSpeed
}

extension SimulatedKernel {
    /// - Returns: what is bound to a controller; `nil` when nothing is.
    package func boundDevice(on controller: String) -> BoundDevice? {
        state.bus.ports[controller]?.gadget?.announcement
    }

    package func isHostAttached(to controller: String) -> Bool {
        state.bus.ports[controller]?.isHostAttached ?? false
    }
}

/// A host's hold on a simulated device, from its appearance until the gadget is unbound or the
/// cable pulled.
package struct SimulatedUSBConnection: USBDeviceConnection {
    private let kernel: SimulatedKernel
    private let session: USBBus.Session

    init(kernel: SimulatedKernel, session: USBBus.Session) {
        self.kernel = kernel
        self.session = session
    }

    package func control(_ setup: SetupPacket, data: [UInt8], timeout: Duration)
        async throws(USBTransferError) -> [UInt8]
    {
        if setup.requestType == 0, setup.request == StandardRequest.setAddress {
            try await kernel.setAddress(session)
            return []
        }
        guard
            case .data(let pieces) = try await kernel.transfer(
                .control(setup, data: data), on: session, timeout)
        else {
            return []
        }
        return pieces.flatMap { $0 }
    }

    package func bulkOut(endpoint: UInt8, _ bytes: Bytes, timeout: Duration) async throws(USBTransferError) {
        _ = try await kernel.transfer(.bulkOut(endpoint: endpoint, bytes), on: session, timeout)
    }

    package func bulkIn(endpoint: UInt8, byteCount: Int, timeout: Duration)
        async throws(USBTransferError) -> [Bytes]
    {
        guard
            case .data(let pieces) = try await kernel.transfer(
                .bulkIn(endpoint: endpoint, byteCount: byteCount), on: session, timeout)
        else {
            return []
        }
        return pieces
    }

    /// Hands a transfer to the device and returns at once, for a host at the other end of some transport.
    ///
    /// - Parameters:
    ///   - number: not in flight on this connection.
    ///   - completion: called once, perhaps before this returns, in the kernel's isolation.
    package func submit(
        _ transfer: USBTransfer, as number: TransferID,
        completion: @escaping @Sendable (TransferOutcome) -> Void
    ) async {
        await kernel.submit(transfer, on: session, as: number, completion)
    }

    /// Gives up what ``submit(_:as:completion:)`` has started; harmless once it has ended.
    package func cancel(_ number: TransferID) async { await kernel.cancel(number, on: session) }

    /// Returns once this device is gone from its port, as a hub tells its host.
    package func departed() async { await kernel.departed(session) }

    package func resetPort() async throws(USBTransferError) { try await kernel.reset(session) }
}
