package import USBMassStorage
internal import WireFormat

/// A device as USB/IP's list and import replies describe it (Linux, usbip_protocol, "usb_device"):
///
///     | path 256 | busid 32 | busnum u32 | devnum u32 | speed u32 | idVendor u16 | idProduct u16
///     | bcdDevice u16 | class u8 | subclass u8 | protocol u8 | bConfigurationValue u8
///     | bNumConfigurations u8 | bNumInterfaces u8 |
///
/// 312 bytes, integers big-endian, texts filled up with zeroes. In a list, four bytes for each
/// interface follow.
package struct ExportedDevice: Equatable, Sendable {
    package static let byteCount = 312
    package static let pathByteCount = 256
    package static let busIDByteCount = 32

    /// Class, subclass and protocol of one interface.
    package struct Interface: Equatable, Sendable {
        package static let byteCount = 4
        package var classCode: UInt8
        package var subclass: UInt8
        package var protocolCode: UInt8

        package init(classCode: UInt8, subclass: UInt8, protocolCode: UInt8) {
            self.classCode = classCode
            self.subclass = subclass
            self.protocolCode = protocolCode
        }
    }

    /// Linux's `enum usb_device_speed`.
    package struct Speed: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let low = Speed(rawValue: 1)
        package static let full = Speed(rawValue: 2)
        package static let high = Speed(rawValue: 3)
        package static let superSpeed = Speed(rawValue: 5)
    }

    /// In the exporter's sysfs; informative.
    package var path: String
    /// What a client asks for: "1-1".
    package var busID: String
    package var busNumber: UInt32
    package var deviceNumber: UInt32
    package var speed: Speed
    package var vendorID: UInt16
    package var productID: UInt16
    package var deviceRelease: UInt16
    package var deviceClass: UInt8 = 0
    package var deviceSubclass: UInt8 = 0
    package var deviceProtocol: UInt8 = 0
    package var configurationValue: UInt8 = 0
    package var configurationCount: UInt8 = 1
    package var interfaceCount: UInt8 = 0
    /// Only a list has them.
    package var interfaces: [Interface] = []

    /// - Precondition: the texts fit, with a zero at their end.
    package init(
        path: String, busID: String, busNumber: UInt32, deviceNumber: UInt32, speed: Speed,
        vendorID: UInt16, productID: UInt16, deviceRelease: UInt16, interfaces: [Interface] = []
    ) {
        precondition(path.utf8.count < Self.pathByteCount && busID.utf8.count < Self.busIDByteCount)
        precondition(interfaces.count <= USBIPLimits.interfaces)
        self.path = path
        self.busID = busID
        self.busNumber = busNumber
        self.deviceNumber = deviceNumber
        self.speed = speed
        self.vendorID = vendorID
        self.productID = productID
        self.deviceRelease = deviceRelease
        self.interfaces = interfaces
        interfaceCount = UInt8(interfaces.count)
    }

    /// How transfers name the device.
    package var deviceID: UInt32 { busNumber << 16 | deviceNumber & 0xFFFF }

    /// Takes the 312 bytes off the front.
    ///
    /// - Returns: `nil`, with `buffer` untouched, until all have arrived.
    /// - Throws: a text without an end.
    static func decode(from buffer: inout Bytes) throws(USBIPViolation) -> ExportedDevice? {
        guard buffer.count >= byteCount else { return nil }
        var body = buffer.prefix(byteCount)
        let path = try Self.text(&body, byteCount: pathByteCount, "path")
        let busID = try Self.text(&body, byteCount: busIDByteCount, "bus id")
        var device = ExportedDevice(
            path: path, busID: busID, busNumber: body.takeBigEndian(), deviceNumber: body.takeBigEndian(),
            speed: Speed(rawValue: body.takeBigEndian()), vendorID: body.takeBigEndian(),
            productID: body.takeBigEndian(), deviceRelease: body.takeBigEndian())
        device.deviceClass = body.takeBigEndian()
        device.deviceSubclass = body.takeBigEndian()
        device.deviceProtocol = body.takeBigEndian()
        device.configurationValue = body.takeBigEndian()
        device.configurationCount = body.takeBigEndian()
        device.interfaceCount = body.takeBigEndian()
        buffer.removeFirst(byteCount)
        return device
    }

    /// Without interfaces, as an import reply has it.
    var encoded: [UInt8] {
        var bytes = Self.field(path, byteCount: Self.pathByteCount)
        bytes += Self.field(busID, byteCount: Self.busIDByteCount)
        for number in [busNumber, deviceNumber, speed.rawValue] { bytes.appendBigEndian(number) }
        for number in [vendorID, productID, deviceRelease] { bytes.appendBigEndian(number) }
        bytes += [deviceClass, deviceSubclass, deviceProtocol]
        bytes += [configurationValue, configurationCount, interfaceCount]
        return bytes
    }

    /// As a list has it.
    var encodedWithInterfaces: [UInt8] {
        encoded + interfaces.flatMap { [$0.classCode, $0.subclass, $0.protocolCode, 0] }
    }

    static func field(_ text: String, byteCount: Int) -> [UInt8] {
        Array(text.utf8) + [UInt8](repeating: 0, count: byteCount - text.utf8.count)
    }

    static func text(_ body: inout Bytes, byteCount: Int, _ name: String) throws(USBIPViolation) -> String {
        let field = body.take(byteCount)!
        guard let end = field.firstIndex(of: 0) else {
            throw .broken(rule: "\(name) of \(byteCount) bytes without an end")
        }
        return String(decoding: field[..<end], as: UTF8.self)
    }
}

extension ExportedDevice.Speed {
    package init(_ speed: BusSpeed) {
        self =
            switch speed {
            case .full: .full
            case .high: .high
            case .superSpeed: .superSpeed
            }
    }

    /// - Returns: `nil` for a speed that no mass-storage device here has.
    package var busSpeed: BusSpeed? {
        switch self {
        case .full: .full
        case .high: .high
        case .superSpeed: .superSpeed
        default: nil
        }
    }
}
