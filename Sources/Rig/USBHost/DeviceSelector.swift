/// Which USB device is meant: "1d6b:0104", "1d6b:0104:0123456789AB" or "1-2.3".
package enum DeviceSelector: Equatable, Sendable {
    case identifiers(vendor: UInt16, product: UInt16, serialNumber: String?)
    /// Bus and ports, as sysfs names devices.
    case location(bus: UInt8, ports: [UInt8])

    /// USB allows a device behind five hubs (USB 2.0 §4.1.1); the root port is one more.
    static let maximumPortDepth = 7

    /// - Returns: `nil` for anything else.
    package init?(_ text: String) {
        let fields = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        if fields.count >= 2 {
            guard let vendor = Self.identifier(fields[0]), let product = Self.identifier(fields[1]) else {
                return nil
            }
            let serialNumber = fields.count == 3 ? String(fields[2]) : nil
            guard serialNumber != "" else { return nil }
            self = .identifiers(vendor: vendor, product: product, serialNumber: serialNumber)
            return
        }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let bus = UInt8(parts[0]), bus > 0 else { return nil }
        let ports = parts[1].split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard (1...Self.maximumPortDepth).contains(ports.count), ports.allSatisfy({ $0 ?? 0 > 0 }) else {
            return nil
        }
        self = .location(bus: bus, ports: ports.compactMap { $0 })
    }

    private static func identifier(_ text: Substring) -> UInt16? {
        let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text
        guard (1...4).contains(digits.count), digits.allSatisfy(\.isHexDigit) else { return nil }
        return UInt16(digits, radix: 16)
    }
}

extension DeviceSelector: CustomStringConvertible {
    package var description: String {
        switch self {
        case .identifiers(let vendor, let product, let serialNumber):
            FoundDevice.hex(vendor) + ":" + FoundDevice.hex(product) + (serialNumber.map { ":\($0)" } ?? "")
        case .location(let bus, let ports): FoundDevice.place(bus: bus, ports: ports)
        }
    }
}

/// A USB device of this machine, before it is opened.
package struct FoundDevice: Equatable, Sendable {
    package var bus: UInt8
    package var address: UInt8
    package var ports: [UInt8]
    package var vendorID: UInt16
    package var productID: UInt16
    /// `nil` where it has none, or may not be opened.
    package var serialNumber: String?

    package init(
        bus: UInt8, address: UInt8, ports: [UInt8], vendorID: UInt16, productID: UInt16,
        serialNumber: String?
    ) {
        self.bus = bus
        self.address = address
        self.ports = ports
        self.vendorID = vendorID
        self.productID = productID
        self.serialNumber = serialNumber
    }

    package func isMeant(by selector: DeviceSelector) -> Bool {
        switch selector {
        case .identifiers(let vendor, let product, let serialNumber):
            vendor == vendorID && product == productID
                && (serialNumber == nil || serialNumber == self.serialNumber)
        case .location(let bus, let ports): bus == self.bus && ports == self.ports
        }
    }

    static func hex(_ number: UInt16) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    static func place(bus: UInt8, ports: [UInt8]) -> String {
        "\(bus)-" + ports.map { String($0) }.joined(separator: ".")
    }
}

extension FoundDevice: CustomStringConvertible {
    package var description: String {
        "\(Self.place(bus: bus, ports: ports)) \(Self.hex(vendorID)):\(Self.hex(productID))"
            + (serialNumber.map { " serial \($0)" } ?? "")
    }
}

/// Why no device could be had.
package enum USBHostFailure: Error, Equatable, Sendable {
    /// libusb cannot be used at all.
    case unavailable(String)
    case notFound(DeviceSelector, present: [FoundDevice])
    case ambiguous(DeviceSelector, [FoundDevice])
    case notPermitted(FoundDevice)
    case notMassStorage(FoundDevice)
    /// Another program has the interface.
    case busy(FoundDevice)
    case refused(operation: String, reason: String)
}

extension USBHostFailure: CustomStringConvertible {
    /// Lower case, no full stop, with what to do about it.
    package var description: String {
        switch self {
        case .unavailable(let reason): "USB cannot be used here: \(reason)"
        case .notFound(let selector, let present):
            "no USB device \(selector)"
                + (present.isEmpty
                    ? "; there is none at all"
                    : "; there are: " + present.map(\.description).joined(separator: ", "))
        case .ambiguous(let selector, let found):
            "\(found.count) USB devices are \(selector): add the serial number, or name one by its place: "
                + found.map(\.description).joined(separator: ", ")
        case .notPermitted(let device):
            "may not open USB device \(device): run as root, or give this user /dev/bus/usb by a udev rule"
        case .notMassStorage(let device):
            "USB device \(device) has no interface 08/06/50 with a bulk endpoint each way"
        case .busy(let device): "another program has USB device \(device): unmount it, or end that program"
        case .refused(let operation, let reason): "\(operation): \(reason)"
        }
    }
}
