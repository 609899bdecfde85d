// Control requests: USB 2.0 §9.4 and BOT §3. None waits for anything.
extension MassStorageDevice {
    mutating func control(_ setup: SetupPacket, data: [UInt8]) -> TransferOutcome {
        let reply: [UInt8]?
        switch setup.requestType {
        case RequestType.deviceIn: reply = readDevice(setup)
        case RequestType.interfaceIn: reply = readInterface(setup)
        case RequestType.endpointIn: reply = readEndpoint(setup)
        case RequestType.classInterfaceIn: reply = readClass(setup)
        default:
            let isDone =
                switch setup.requestType {
                case RequestType.deviceOut: writeDevice(setup)
                case RequestType.interfaceOut: writeInterface(setup)
                case RequestType.endpointOut: writeEndpoint(setup)
                case RequestType.classInterfaceOut: writeClass(setup)
                default: false
                }
            return isDone ? .accepted(byteCount: data.count) : .stalled
        }
        guard let reply else { return .stalled }
        return .data([reply.prefix(Int(setup.length))])
    }

    private func readDevice(_ setup: SetupPacket) -> [UInt8]? {
        switch setup.request {
        case StandardRequest.getDescriptor:
            return descriptors.descriptor(
                type: UInt8(setup.value >> 8), index: UInt8(setup.value & 0xFF), language: setup.index)
        case StandardRequest.getConfiguration: return [activeConfiguration]
        case StandardRequest.getStatus: return [deviceStatus, 0]
        default: return nil
        }
    }

    /// Bit 0 self-powered: a gadget without a configuration takes nothing from the bus. Bit 1 remote wakeup.
    private var deviceStatus: UInt8 {
        guard configuration.profile == .linuxKernel else { return 0 }
        return (activeConfiguration == 0 ? 1 : 0) | (isRemoteWakeupEnabled ? 2 : 0)
    }

    private func readInterface(_ setup: SetupPacket) -> [UInt8]? {
        // Linux's controllers answer it themselves, and know of no interface.
        if configuration.profile == .linuxKernel, setup.request == StandardRequest.getStatus {
            return [0, 0]
        }
        guard activeConfiguration != 0, setup.index == 0 else { return nil }
        return switch setup.request {
        case StandardRequest.getInterface: [0]
        case StandardRequest.getStatus: [0, 0]
        default: nil
        }
    }

    private func readEndpoint(_ setup: SetupPacket) -> [UInt8]? {
        guard setup.request == StandardRequest.getStatus else { return nil }
        if setup.index & 0x7F == 0 { return [0, 0] }
        guard activeConfiguration != 0 else { return nil }
        switch UInt8(truncatingIfNeeded: setup.index) {
        case DescriptorSet.bulkInAddress: return [bulkIn.isHalted ? 1 : 0, 0]
        case DescriptorSet.bulkOutAddress: return [bulkOut.isHalted ? 1 : 0, 0]
        default: return nil
        }
    }

    /// BOT §3.2; anything malformed stalls.
    private func readClass(_ setup: SetupPacket) -> [UInt8]? {
        guard activeConfiguration != 0, setup.request == ClassRequest.getMaximumLUN, setup.value == 0,
            setup.index == 0, setup.length == 1
        else { return nil }
        return [UInt8(units.lastIndex { $0 != nil } ?? 0)]
    }

    private mutating func writeDevice(_ setup: SetupPacket) -> Bool {
        switch setup.request {
        case StandardRequest.setConfiguration: return setConfiguration(setup.value)
        case StandardRequest.setAddress: return setup.value <= 127
        case StandardRequest.setSystemExitLatency, StandardRequest.setIsochronousDelay:
            return configuration.speed == .superSpeed
        case StandardRequest.setFeature, StandardRequest.clearFeature:
            if setup.value == FeatureSelector.remoteWakeup, configuration.profile == .linuxKernel {
                isRemoteWakeupEnabled = setup.request == StandardRequest.setFeature
                return true
            }
            let isPowerState =
                setup.value == FeatureSelector.u1Enable || setup.value == FeatureSelector.u2Enable
            return configuration.speed == .superSpeed && isPowerState && activeConfiguration != 0
        default: return false
        }
    }

    private mutating func setConfiguration(_ value: UInt16) -> Bool {
        guard value == 0 || value == UInt16(DescriptorSet.configurationValue) else { return false }
        resetFunction()
        activeConfiguration = UInt8(value)
        if value != 0 { announceReset() }
        outputs.append(.configured(activeConfiguration))
        return true
    }

    /// Alternate setting 0 is the only one; selecting it restarts the function.
    private mutating func writeInterface(_ setup: SetupPacket) -> Bool {
        guard activeConfiguration != 0, setup.index == 0, setup.request == StandardRequest.setInterface,
            setup.value == 0
        else { return false }
        resetFunction()
        announceReset()
        return true
    }

    private mutating func announceReset() {
        for index in units.indices { units[index]?.unitAttention = .resetOccurred }
    }

    private mutating func writeEndpoint(_ setup: SetupPacket) -> Bool {
        let sets = setup.request == StandardRequest.setFeature
        guard sets || setup.request == StandardRequest.clearFeature,
            setup.value == FeatureSelector.endpointHalt
        else { return false }
        // Endpoint 0 takes the request and has no halt to set.
        if setup.index & 0x7F == 0 { return true }
        guard activeConfiguration != 0 else { return false }
        switch UInt8(truncatingIfNeeded: setup.index) {
        case DescriptorSet.bulkInAddress: bulkIn.isHalted = sets || isWedged
        case DescriptorSet.bulkOutAddress: bulkOut.isHalted = sets
        default: return false
        }
        return true
    }

    /// BOT §3.1. It readies the transport for the next wrapper; halts are cleared by the host, but
    /// the kernel clears the one that a bad wrapper caused.
    private mutating func writeClass(_ setup: SetupPacket) -> Bool {
        guard activeConfiguration != 0, setup.request == ClassRequest.bulkOnlyReset, setup.value == 0,
            setup.index == 0, setup.length == 0
        else { return false }
        resetFunction(keepsTransfers: true)
        return true
    }
}
