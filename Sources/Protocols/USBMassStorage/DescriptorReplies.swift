package import WireFormat

/// A descriptor that cannot be used at all.
package struct MalformedDescriptor: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// A device descriptor, 18 bytes (USB 2.0 §9.6.1).
package struct DeviceDescriptor: Equatable, Codable, Sendable {
    package static let byteCount = 18
    package var usbRelease: UInt16
    package var deviceClass: UInt8
    package var maximumPacket0: UInt8
    package var vendorID: UInt16
    package var productID: UInt16
    package var deviceRelease: UInt16
    package var manufacturerIndex: UInt8
    package var productIndex: UInt8
    package var serialNumberIndex: UInt8
    package var configurationCount: UInt8

    package init(decoding bytes: Bytes) throws(MalformedDescriptor) {
        var rest = bytes
        guard rest.count >= Self.byteCount else {
            throw MalformedDescriptor("device descriptor: \(bytes.count) of 18 bytes")
        }
        let length: UInt8 = rest.takeLittleEndian()
        let type: UInt8 = rest.takeLittleEndian()
        guard length == Self.byteCount, type == DescriptorType.device else {
            throw MalformedDescriptor("device descriptor: length \(length), type \(type)")
        }
        usbRelease = rest.takeLittleEndian()
        deviceClass = rest.takeLittleEndian()
        rest.removeFirst(2)
        maximumPacket0 = rest.takeLittleEndian()
        vendorID = rest.takeLittleEndian()
        productID = rest.takeLittleEndian()
        deviceRelease = rest.takeLittleEndian()
        manufacturerIndex = rest.takeLittleEndian()
        productIndex = rest.takeLittleEndian()
        serialNumberIndex = rest.takeLittleEndian()
        configurationCount = rest.takeLittleEndian()
    }
}

package struct EndpointDescriptor: Equatable, Codable, Sendable {
    package var address: UInt8
    package var attributes: UInt8
    package var maximumPacketByteCount: UInt16

    package var isIn: Bool { address & 0x80 != 0 }
    package var isBulk: Bool { attributes & 0x03 == 2 }
    package var number: UInt8 { address & 0x0F }
}

package struct InterfaceDescriptor: Equatable, Codable, Sendable {
    package var number: UInt8
    package var alternate: UInt8
    package var classCode: UInt8
    package var subclass: UInt8
    package var protocolCode: UInt8
    package var endpoints: [EndpointDescriptor]

    package var bulkIn: EndpointDescriptor? { endpoints.first { $0.isBulk && $0.isIn } }
    package var bulkOut: EndpointDescriptor? { endpoints.first { $0.isBulk && !$0.isIn } }

    /// SCSI over Bulk-Only Transport with both endpoints (BOT §4.3, §4.4).
    package var isMassStorage: Bool {
        classCode == MassStorageInterface.classCode && subclass == MassStorageInterface.scsiTransparent
            && protocolCode == MassStorageInterface.bulkOnly && bulkIn != nil && bulkOut != nil
    }
}

/// A configuration descriptor with all that belongs to it (USB 2.0 §9.6.3).
package struct ConfigurationDescriptor: Equatable, Codable, Sendable {
    package static let headerByteCount = 9
    package var value: UInt8
    /// The string that names it; 0 for none.
    package var nameIndex: UInt8
    package var attributes: UInt8
    package var interfaces: [InterfaceDescriptor]

    /// The total length that the first nine bytes announce.
    package static func totalByteCount(_ header: Bytes) throws(MalformedDescriptor) -> Int {
        var rest = header
        guard rest.count >= headerByteCount, rest.takeLittleEndian(as: UInt8.self) == headerByteCount else {
            throw MalformedDescriptor("configuration descriptor: \(header.count) bytes, or a wrong length")
        }
        let type: UInt8 = rest.takeLittleEndian()
        guard type == DescriptorType.configuration else {
            throw MalformedDescriptor("configuration descriptor: type \(type)")
        }
        let total = Int(rest.takeLittleEndian(as: UInt16.self))
        guard total >= headerByteCount else {
            throw MalformedDescriptor("configuration descriptor: total length \(total)")
        }
        return total
    }

    package init(decoding bytes: Bytes) throws(MalformedDescriptor) {
        let total = try Self.totalByteCount(bytes)
        guard bytes.count >= total else {
            throw MalformedDescriptor("configuration descriptor: \(bytes.count) of \(total) bytes")
        }
        var rest = bytes.prefix(total)
        value = bytes[bytes.startIndex + 5]
        nameIndex = bytes[bytes.startIndex + 6]
        attributes = bytes[bytes.startIndex + 7]
        interfaces = []
        rest.removeFirst(Self.headerByteCount)
        while let length = rest.first.map(Int.init) {
            guard length >= 2, let body = rest.take(length) else {
                throw MalformedDescriptor("descriptor of length \(length) where \(rest.count) bytes are left")
            }
            try add(Array(body))
        }
        let announced = Int(bytes[bytes.startIndex + 4])
        guard Set(interfaces.map(\.number)).count == announced else {
            throw MalformedDescriptor("\(announced) interfaces announced, \(interfaces.count) there")
        }
    }

    private mutating func add(_ body: [UInt8]) throws(MalformedDescriptor) {
        switch body[1] {
        case DescriptorType.interface:
            guard body.count >= 9 else {
                throw MalformedDescriptor("interface descriptor: \(body.count) bytes")
            }
            interfaces.append(
                InterfaceDescriptor(
                    number: body[2], alternate: body[3], classCode: body[5], subclass: body[6],
                    protocolCode: body[7], endpoints: []))
        case DescriptorType.endpoint:
            guard body.count >= 7, !interfaces.isEmpty else {
                throw MalformedDescriptor("endpoint descriptor: \(body.count) bytes, or before any interface")
            }
            interfaces[interfaces.count - 1].endpoints.append(
                EndpointDescriptor(
                    address: body[2], attributes: body[3],
                    maximumPacketByteCount: UInt16(body[4]) | UInt16(body[5]) << 8))
        default: break  // Companions and class-specific descriptors.
        }
    }
}

package enum StringDescriptor {
    /// - Returns: the text; unpaired surrogates become U+FFFD.
    package static func text(decoding bytes: Bytes) throws(MalformedDescriptor) -> String {
        String(decoding: try units(decoding: bytes), as: UTF16.self)
    }

    package static func units(decoding bytes: Bytes) throws(MalformedDescriptor) -> [UInt16] {
        guard bytes.count >= 2, bytes[bytes.startIndex + 1] == DescriptorType.string,
            case let length = Int(bytes[bytes.startIndex]), length >= 2, length.isMultiple(of: 2),
            length <= bytes.count
        else { throw MalformedDescriptor("string descriptor: \(Hexadecimal.text(bytes.prefix(4)))") }
        var rest = bytes.prefix(length).dropFirst(2)
        return (0..<(length - 2) / 2).map { _ in rest.takeLittleEndian() }
    }
}

/// The rules of BOT §4.1.1 for a serial number; each breach in words.
package enum SerialNumberRule {
    package static let minimumCharacters = 12

    package static func breaches(_ serialNumber: String?) -> [String] {
        guard let serialNumber, !serialNumber.isEmpty else { return ["no serial number"] }
        var breaches: [String] = []
        if serialNumber.count < minimumCharacters {
            breaches.append("serial number has \(serialNumber.count) characters, at least 12 are due")
        }
        let digits = Set("0123456789ABCDEF")
        if !serialNumber.allSatisfy({ digits.contains($0) }) {
            breaches.append("serial number has characters other than 0-9 and A-F")
        }
        if serialNumber.suffix(minimumCharacters).allSatisfy({ $0 == "0" }) {
            breaches.append("the last twelve characters of the serial number are all zero")
        }
        return breaches
    }
}
