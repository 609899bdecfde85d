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

    fileprivate func transfer(
        _ session: USBBus.Session, timeout: Duration, _ input: (TransferID) -> DeviceInput
    ) async throws(USBTransferError) -> TransferOutcome {
        let result = await withCheckedContinuation { continuation in
            step { state in
                state.bus.submit(to: session, timeout: timeout, input) { continuation.resume(returning: $0) }
            }
        }
        return try result.get()
    }

    fileprivate func setAddress(_ session: USBBus.Session) throws(USBTransferError) {
        guard step({ $0.bus.setAddress(session) }) else { throw .disconnected }
    }

    fileprivate func reset(_ session: USBBus.Session) throws(USBTransferError) {
        guard step({ $0.bus.reset(session) }) else { throw .disconnected }
    }

    fileprivate func control(
        _ session: USBBus.Session, _ setup: SetupPacket, _ data: [UInt8], _ timeout: Duration
    ) async throws(USBTransferError) -> TransferOutcome {
        try await transfer(session, timeout: timeout) { .control($0, setup, data: data) }
    }

    fileprivate func bulkOut(
        _ session: USBBus.Session, _ endpoint: UInt8, _ bytes: Bytes, _ timeout: Duration
    ) async throws(USBTransferError) {
        _ = try await transfer(session, timeout: timeout) { .bulkOut($0, endpoint: endpoint, bytes) }
    }

    fileprivate func bulkIn(
        _ session: USBBus.Session, _ endpoint: UInt8, _ byteCount: Int, _ timeout: Duration
    ) async throws(USBTransferError) -> TransferOutcome {
        try await transfer(session, timeout: timeout) {
            .bulkIn($0, endpoint: endpoint, byteCount: byteCount)
        }
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
        guard case .data(let pieces) = try await kernel.control(session, setup, data, timeout) else {
            return []
        }
        return pieces.flatMap { $0 }
    }

    package func bulkOut(endpoint: UInt8, _ bytes: Bytes, timeout: Duration) async throws(USBTransferError) {
        try await kernel.bulkOut(session, endpoint, bytes, timeout)
    }

    package func bulkIn(endpoint: UInt8, byteCount: Int, timeout: Duration)
        async throws(USBTransferError) -> [Bytes]
    {
        guard case .data(let pieces) = try await kernel.bulkIn(session, endpoint, byteCount, timeout) else {
            return []
        }
        return pieces
    }

    /// Returns once this device is gone from its port, as a hub tells its host.
    package func departed() async { await kernel.departed(session) }

    package func resetPort() async throws(USBTransferError) { try await kernel.reset(session) }
}
