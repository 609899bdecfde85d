import WireFormat

/// A message whose header is decoded and whose body is checked but still marshalled, so that a bus
/// can pass on what it has no reason to look into.
package struct Envelope: Equatable, Sendable {
    /// Everything but the body, which is empty here.
    package var header: Message
    package let signature: String
    /// Marshalled little-endian.
    package let body: [UInt8]

    init(header: Message, signature: String, body: [UInt8]) {
        self.header = header
        self.signature = signature
        self.body = body
    }

    package init(_ message: Message) throws(WireViolation) {
        header = message
        header.body = []
        signature = message.signature
        guard signature.utf8.count <= WireLimits.signatureBytes else {
            throw WireViolation("signature of \(signature.utf8.count) bytes is over 255")
        }
        var writer = ValueWriter()
        for value in message.body { try writer.value(value) }
        body = writer.bytes
        try checkDescriptors(message.body)
    }

    /// The whole message, with its body decoded.
    package func message() throws(WireViolation) -> Message {
        var message = header
        message.body = try values(atMost: .max)
        return message
    }

    /// The first values of the body: what a match rule looks at.
    package func values(atMost count: Int) throws(WireViolation) -> [Value] {
        var reader = ValueReader(body[...], order: .little, descriptorCount: header.descriptors.count)
        var values: [Value] = []
        for type in try Signature.types(signature).prefix(count) { values.append(try reader.value(type)) }
        return values
    }

    private func checkDescriptors(_ values: [Value]) throws(WireViolation) {
        for value in values {
            if case .unixFD(let index) = value, Int(index) >= header.descriptors.count {
                throw WireViolation("descriptor index \(index) of \(header.descriptors.count)")
            }
        }
    }
}

/// Bytes and the descriptors that go with the first of them.
package struct Packet: Sendable {
    package var bytes: [UInt8]
    package var descriptors: [PassedDescriptor]

    package init(_ bytes: [UInt8], descriptors: [PassedDescriptor] = []) {
        self.bytes = bytes
        self.descriptors = descriptors
    }
}
