internal import USBMassStorage

// What a host does with a device that broke off a command.
extension HostObserver {
    func clearHalt(
        _ pipe: BulkOnlyHost.Pipe, on device: DeviceReport, timeout: Duration? = nil
    ) async throws(USBTransferError) {
        let address = pipe == .bulkIn ? device.bulkInEndpoint | 0x80 : device.bulkOutEndpoint
        let setup = SetupPacket(
            requestType: RequestType.endpointOut, request: StandardRequest.clearFeature,
            value: FeatureSelector.endpointHalt, index: UInt16(address), length: 0)
        _ = try await connection.control(setup, data: [], timeout: timeout ?? profile.controlTimeout)
    }

    /// Goes through the profile's steps until one works.
    ///
    /// - Throws: `disconnected`, or what the last step failed with: the device is offline then, until it
    ///   is enumerated again.
    func recover(_ device: DeviceReport) async throws(USBTransferError) {
        var failure = USBTransferError.timedOut
        for step in profile.recovery {
            do throws(USBTransferError) {
                switch step {
                case .transportReset: return try await resetTransport(device)
                case .portReset: return try await resetAndConfigure(device)
                }
            } catch {
                if error == .disconnected { throw error }
                failure = error
            }
        }
        isOffline = true
        throw failure
    }

    private func resetTransport(_ device: DeviceReport) async throws(USBTransferError) {
        let interface = device.configuration.interfaces.first { $0.isMassStorage }?.number ?? 0
        let setup = SetupPacket(
            requestType: RequestType.classInterfaceOut, request: ClassRequest.bulkOnlyReset, value: 0,
            index: UInt16(interface), length: 0)
        _ = try await connection.control(setup, data: [], timeout: profile.recoveryTimeout)
        try await clearHalt(.bulkIn, on: device, timeout: profile.recoveryTimeout)
        try await clearHalt(.bulkOut, on: device, timeout: profile.recoveryTimeout)
    }

    private func resetAndConfigure(_ device: DeviceReport) async throws(USBTransferError) {
        try await connection.resetPort()
        let setup = SetupPacket(
            requestType: RequestType.deviceOut, request: StandardRequest.setConfiguration,
            value: UInt16(device.configuration.value), index: 0, length: 0)
        _ = try await connection.control(setup, data: [], timeout: profile.recoveryTimeout)
    }
}
