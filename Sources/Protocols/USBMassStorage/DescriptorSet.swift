/// The descriptors of one gadget, in the layout of f_mass_storage: configuration 1, interface 0,
/// bulk-in 0x81, bulk-out 0x01.
package struct DescriptorSet: Sendable {
    package static let configurationValue: UInt8 = 1
    package static let bulkInAddress: UInt8 = 0x81
    package static let bulkOutAddress: UInt8 = 0x01
    /// A string descriptor's bLength is one byte, so it holds at most this many UTF-16 units.
    package static let maximumStringUnits = 126

    private let configuration: GadgetConfiguration
    /// Index 1 is the first element. Strings that configfs has none of are empty, as there.
    private let strings: [String]
    private let configurationIndex: UInt8
    private let interfaceIndex: UInt8

    package init(_ configuration: GadgetConfiguration) {
        self.configuration = configuration
        var strings: [String] = []
        let names = [configuration.manufacturer, configuration.product, configuration.serialNumber]
        if names.contains(where: { $0 != nil }) { strings += names.map { $0 ?? "" } }
        if let name = configuration.configurationName {
            strings.append(name)
            configurationIndex = UInt8(strings.count)
        } else {
            configurationIndex = 0
        }
        strings.append("Mass Storage")
        interfaceIndex = UInt8(strings.count)
        // The kernel counts the end of its own table as a string, and serves it.
        if configuration.profile == .linuxKernel { strings.append("") }
        self.strings = strings
    }

    /// - Returns: `nil` when there is no such descriptor: the request stalls.
    package func descriptor(type: UInt8, index: UInt8, language: UInt16) -> [UInt8]? {
        switch type {
        case DescriptorType.device: device
        case DescriptorType.configuration where index == 0:
            configuration(type: DescriptorType.configuration, speed: configuration.speed)
        case DescriptorType.string: string(index, language: language)
        case DescriptorType.deviceQualifier: qualifier
        case DescriptorType.otherSpeedConfiguration where index == 0:
            otherSpeed.map { configuration(type: DescriptorType.otherSpeedConfiguration, speed: $0) }
        case DescriptorType.binaryObjectStore: binaryObjectStore
        default: nil
        }
    }

    /// USB 2.0 §9.6.1. At super speed bMaxPacketSize0 is an exponent of two.
    private var device: [UInt8] {
        let isSuper = configuration.speed == .superSpeed
        var bytes: [UInt8] = [18, DescriptorType.device]
        bytes.appendLittleEndian(isSuper ? 0x0320 : 0x0200 as UInt16)
        bytes += [0, 0, 0, isSuper ? 9 : 64]
        bytes.appendLittleEndian(configuration.vendorID)
        bytes.appendLittleEndian(configuration.productID)
        bytes.appendLittleEndian(configuration.deviceRelease)
        bytes += hasDeviceStrings ? [1, 2, 3] : [0, 0, 0]
        bytes.append(1)
        return bytes
    }

    private var hasDeviceStrings: Bool {
        configuration.manufacturer != nil || configuration.product != nil || configuration.serialNumber != nil
    }

    private func configuration(type: UInt8, speed: BusSpeed) -> [UInt8] {
        var body: [UInt8] = [
            9, DescriptorType.interface, 0, 0, 2, MassStorageInterface.classCode,
            MassStorageInterface.scsiTransparent, MassStorageInterface.bulkOnly, interfaceIndex,
        ]
        // The kernel gives its high-speed bulk-out endpoint a NAK rate of 1, and no other.
        body += endpoint(Self.bulkInAddress, interval: 0, speed: speed)
        body += endpoint(Self.bulkOutAddress, interval: speed == .high ? 1 : 0, speed: speed)
        var bytes: [UInt8] = [9, type]
        bytes.appendLittleEndian(UInt16(9 + body.count))
        // bMaxPower counts 2 mA, at super speed 8 mA.
        let unit = speed == .superSpeed ? 8 : 2
        let power = UInt8(clamping: (configuration.maximumPowerMilliamperes + unit - 1) / unit)
        bytes += [1, Self.configurationValue, configurationIndex, 0x80, power]
        return bytes + body
    }

    private func endpoint(_ address: UInt8, interval: UInt8, speed: BusSpeed) -> [UInt8] {
        var bytes: [UInt8] = [7, DescriptorType.endpoint, address, 2]
        bytes.appendLittleEndian(UInt16(speed.bulkPacketByteCount))
        bytes.append(interval)
        if speed == .superSpeed {
            bytes += [6, DescriptorType.endpointCompanion, 15, 0, 0, 0]  // bMaxBurst 15, no streams.
        }
        return bytes
    }

    private var otherSpeed: BusSpeed? {
        switch configuration.speed {
        case .full: .high
        case .high: .full
        case .superSpeed: nil
        }
    }

    private var qualifier: [UInt8]? {
        guard otherSpeed != nil else { return nil }
        return [10, DescriptorType.deviceQualifier, 0x00, 0x02, 0, 0, 0, 64, 1, 0]
    }

    /// USB 3.2 §9.6.2: a USB 2.0 extension and a SuperSpeed capability.
    private var binaryObjectStore: [UInt8]? {
        guard configuration.speed == .superSpeed else { return nil }
        let extension20: [UInt8] = [7, DescriptorType.deviceCapability, 2, 0x02, 0, 0, 0]  // LPM.
        let superSpeed: [UInt8] = [
            10, DescriptorType.deviceCapability, 3, 0,
            0x0E, 0,  // Speeds: full, high, 5 Gbit/s.
            1,  // Everything works from full speed on.
            1, 0xF4, 0x01,  // Exit latencies: U1 1 µs, U2 500 µs.
        ]
        return [5, DescriptorType.binaryObjectStore, 22, 0, 2] + extension20 + superSpeed
    }

    private func string(_ index: UInt8, language: UInt16) -> [UInt8]? {
        if index == 0 { return [4, DescriptorType.string, 0x09, 0x04] }
        guard language == LanguageID.englishUnitedStates, Int(index) <= strings.count else { return nil }
        let units = strings[Int(index) - 1].utf16.prefix(Self.maximumStringUnits)
        var bytes: [UInt8] = [UInt8(2 + 2 * units.count), DescriptorType.string]
        for unit in units { bytes.appendLittleEndian(unit) }
        return bytes
    }
}
