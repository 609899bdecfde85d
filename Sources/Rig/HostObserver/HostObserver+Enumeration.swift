internal import USBMassStorage
internal import WireFormat

// Enumeration, and the control requests of the transport.
extension HostObserver {
    /// The longest configuration descriptor that is asked for.
    static let maximumConfigurationByteCount = 4096
    static let maximumStringByteCount: UInt16 = 255

    /// GET_DESCRIPTOR device, configuration and strings, SET_CONFIGURATION, GET_MAX_LUN, in the
    /// order of a Linux host.
    ///
    /// - Throws: ``ObserverError/notMassStorage(_:)`` when there is nothing to drive. What a host can
    ///   live with is listed in ``DeviceReport/breaches``.
    @discardableResult
    package func enumerate() async throws(ObserverError) -> DeviceReport {
        var breaches: [String] = []
        isOffline = false
        let first = try await descriptor(
            DescriptorType.device, length: profile.firstDescriptorByteCount, "GET_DESCRIPTOR(device)")
        guard first.count >= 8 else { throw .malformed("device descriptor: \(first.count) bytes") }
        let bytes = try await descriptor(DescriptorType.device, length: 18, "GET_DESCRIPTOR(device)")
        let device = try decoded { () throws(MalformedDescriptor) in
            try DeviceDescriptor(decoding: bytes[...])
        }
        let configuration = try await readConfiguration()
        guard let interface = configuration.interfaces.first(where: { $0.isMassStorage }),
            let bulkIn = interface.bulkIn, let bulkOut = interface.bulkOut
        else { throw .notMassStorage("no interface 08/06/50 with a bulk endpoint each way") }
        let manufacturer = await string(device.manufacturerIndex, "manufacturer", &breaches)
        let product = await string(device.productIndex, "product", &breaches)
        let serialNumber = await string(device.serialNumberIndex, "serial number", &breaches)
        let name = await string(configuration.nameIndex, "configuration", &breaches)
        breaches += SerialNumberRule.breaches(serialNumber)
        breaches += Self.breaches(device: device, configuration: configuration, interface: interface)
        try await configure(configuration.value)
        let report = DeviceReport(
            device: device, configuration: configuration, manufacturer: manufacturer, product: product,
            serialNumber: serialNumber, configurationName: name,
            maximumLUN: try await maximumLUN(interface: interface.number, &breaches),
            bulkInEndpoint: bulkIn.number, bulkOutEndpoint: bulkOut.number, breaches: breaches)
        self.device = report
        return report
    }

    /// Resets the port and configures the device again: afterwards each LUN has a unit attention.
    package func resetPort() async throws(ObserverError) {
        do throws(USBTransferError) { try await connection.resetPort() } catch {
            throw .usb(error, during: "port reset")
        }
        if let device { try await configure(device.configuration.value) }
    }

    private func configure(_ value: UInt8) async throws(ObserverError) {
        _ = try await control(
            SetupPacket(
                requestType: RequestType.deviceOut, request: StandardRequest.setConfiguration,
                value: UInt16(value), index: 0, length: 0), "SET_CONFIGURATION(\(value))")
    }

    func control(_ setup: SetupPacket, _ name: String) async throws(ObserverError) -> [UInt8] {
        do throws(USBTransferError) {
            return try await connection.control(setup, data: [], timeout: profile.controlTimeout)
        } catch { throw .usb(error, during: name) }
    }

    private func descriptor(
        _ type: UInt8, index: UInt8 = 0, language: UInt16 = 0, length: UInt16, _ name: String
    ) async throws(ObserverError) -> [UInt8] {
        try await control(
            SetupPacket(
                requestType: RequestType.deviceIn, request: StandardRequest.getDescriptor,
                value: UInt16(type) << 8 | UInt16(index), index: language, length: length), name)
    }

    /// The first nine bytes tell how long it is.
    private func readConfiguration() async throws(ObserverError) -> ConfigurationDescriptor {
        let name = "GET_DESCRIPTOR(configuration)"
        let head = try await descriptor(DescriptorType.configuration, length: 9, name)
        let total = try decoded { () throws(MalformedDescriptor) in
            try ConfigurationDescriptor.totalByteCount(head[...])
        }
        guard total <= Self.maximumConfigurationByteCount else {
            throw .malformed("configuration descriptor of \(total) bytes")
        }
        let bytes = try await descriptor(DescriptorType.configuration, length: UInt16(total), name)
        return try decoded { () throws(MalformedDescriptor) in
            try ConfigurationDescriptor(decoding: bytes[...])
        }
    }

    /// A string that cannot be had is a breach, not a failure.
    private func string(_ index: UInt8, _ what: String, _ breaches: inout [String]) async -> String? {
        guard index != 0 else { return nil }
        do throws(ObserverError) {
            let bytes = try await descriptor(
                DescriptorType.string, index: index, language: LanguageID.englishUnitedStates,
                length: Self.maximumStringByteCount, "GET_DESCRIPTOR(string \(index))")
            return try decoded { () throws(MalformedDescriptor) in
                try StringDescriptor.text(decoding: bytes[...])
            }
        } catch { breaches.append("\(what): \(error)") }
        return nil
    }

    /// A stall means one LUN (BOT §3.2).
    private func maximumLUN(interface: UInt8, _ breaches: inout [String]) async throws(ObserverError) -> UInt8
    {
        let setup = SetupPacket(
            requestType: RequestType.classInterfaceIn, request: ClassRequest.getMaximumLUN, value: 0,
            index: UInt16(interface), length: 1)
        let reply: [UInt8]
        do throws(ObserverError) { reply = try await control(setup, "GET_MAX_LUN") } catch {
            if case .usb(.stalled, _) = error { return 0 }
            throw error
        }
        guard let value = reply.first, reply.count == 1, value <= CommandBlockWrapper.maximumLUN else {
            breaches.append("GET_MAX_LUN: \(Hexadecimal.text(reply))")
            return 0
        }
        return value
    }

    private static func breaches(
        device: DeviceDescriptor, configuration: ConfigurationDescriptor, interface: InterfaceDescriptor
    ) -> [String] {
        var breaches: [String] = []
        if device.deviceClass != 0 { breaches.append("device class \(device.deviceClass), not 0") }
        if device.configurationCount == 0 { breaches.append("no configurations announced") }
        if configuration.attributes & 0x80 == 0 {
            breaches.append("reserved bit 7 of the attributes is clear")
        }
        for endpoint in interface.endpoints where endpoint.isBulk {
            if ![8, 16, 32, 64, 512, 1024].contains(endpoint.maximumPacketByteCount) {
                breaches.append("bulk endpoint with packets of \(endpoint.maximumPacketByteCount) bytes")
            }
        }
        return breaches
    }
}
