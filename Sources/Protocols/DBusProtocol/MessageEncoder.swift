import WireFormat

/// Marshals whole messages (D-Bus specification, "Message Format"), little-endian.
package enum MessageEncoder {
    package static let protocolVersion: UInt8 = 1

    /// - Throws: when the message breaks a rule that the receiver would hang up for.
    package static func encode(_ message: Message) throws(WireViolation) -> Packet {
        try encode(Envelope(message))
    }

    package static func encode(_ envelope: Envelope) throws(WireViolation) -> Packet {
        let header = envelope.header
        try HeaderRules.check(header)
        guard header.serial != 0 else { throw WireViolation("serial is 0") }
        var writer = ValueWriter()
        writer.append(contentsOf: [
            ByteOrder.little.rawValue, header.kind.rawValue, header.flags.rawValue, protocolVersion,
        ])
        writer.integer(UInt32(envelope.body.count))
        writer.integer(header.serial)
        try writer.value(.array(element: "(yv)", fields(of: envelope)))
        writer.align(to: 8)
        let byteCount = writer.bytes.count + envelope.body.count
        guard byteCount <= WireLimits.messageBytes else {
            throw WireViolation("message of \(byteCount) bytes is over 128 MiB")
        }
        writer.append(contentsOf: envelope.body)
        return Packet(writer.bytes, descriptors: header.descriptors)
    }

    private static func fields(of envelope: Envelope) -> [Value] {
        let header = envelope.header
        var fields: [Value] = []
        func add(_ field: HeaderField, _ value: Value?) {
            guard let value else { return }
            fields.append(.structure([.byte(field.rawValue), .variant(value)]))
        }
        add(.path, header.path.map(Value.objectPath))
        add(.interface, header.interface.map(Value.string))
        add(.member, header.member.map(Value.string))
        add(.errorName, header.errorName.map(Value.string))
        add(.replySerial, header.replySerial.map(Value.uint32))
        add(.destination, header.destination.map(Value.string))
        add(.sender, header.sender.map(Value.string))
        add(.signature, envelope.signature.isEmpty ? nil : .signature(envelope.signature))
        let descriptorCount = UInt32(header.descriptors.count)
        add(.unixDescriptors, descriptorCount == 0 ? nil : .uint32(descriptorCount))
        return fields
    }
}
