import WireFormat

/// Cuts a stream of bytes into messages and checks every rule of the specification on the way.
///
/// Descriptors are appended with the bytes they arrived with, and belong to the first message that
/// has room for them in its UNIX_FDS field.
package struct MessageDecoder {
    private var buffer: [UInt8] = []
    private var consumed = 0
    private var descriptors: [PassedDescriptor] = []
    /// Longest message accepted: the specification's limit, or less.
    private let maximumBytes: Int

    package init(maximumBytes: Int = WireLimits.messageBytes) {
        self.maximumBytes = min(maximumBytes, WireLimits.messageBytes)
    }

    package mutating func append(_ bytes: some Collection<UInt8>, descriptors more: [PassedDescriptor] = []) {
        if consumed == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= Self.keptBytes)
            consumed = 0
        } else if consumed > Self.keptBytes {
            buffer.removeFirst(consumed)
            consumed = 0
        }
        buffer.append(contentsOf: bytes)
        descriptors.append(contentsOf: more)
    }

    /// Buffer that is kept between messages, in bytes.
    private static let keptBytes = 1 << 16

    package var bufferedBytes: Int { buffer.count - consumed }
    /// Descriptors that wait for the rest of their message.
    package var waitingDescriptors: Int { descriptors.count }

    /// The next whole message; `nil` until its last byte has arrived. Messages of a kind that the
    /// specification may add later are checked and left out.
    package mutating func next() throws(WireViolation) -> Envelope? {
        while let byteCount = try frameByteCount(), byteCount <= bufferedBytes {
            let frame = buffer[consumed..<consumed + byteCount]
            consumed += byteCount
            if let envelope = try decode(frame) { return envelope }
        }
        return nil
    }

    private func frameByteCount() throws(WireViolation) -> Int? {
        guard bufferedBytes >= WireLimits.fixedHeaderBytes else { return nil }
        var fixed = buffer[consumed..<consumed + WireLimits.fixedHeaderBytes]
        let orderCode = fixed.removeFirst()
        guard let order = ByteOrder(rawValue: orderCode) else {
            throw WireViolation("byte order \(orderCode) is neither l nor B")
        }
        let kind = fixed.removeFirst()
        guard kind != 0 else { throw WireViolation("message type 0") }
        fixed.removeFirst()
        let version = fixed.removeFirst()
        guard version == MessageEncoder.protocolVersion else {
            throw WireViolation("protocol version \(version), not 1")
        }
        let isLittle = order == .little
        let bodyBytes: UInt32 = isLittle ? fixed.takeLittleEndian() : fixed.takeBigEndian()
        let serial: UInt32 = isLittle ? fixed.takeLittleEndian() : fixed.takeBigEndian()
        guard serial != 0 else { throw WireViolation("serial is 0") }
        let fieldBytes: UInt32 = isLittle ? fixed.takeLittleEndian() : fixed.takeBigEndian()
        guard fieldBytes <= WireLimits.arrayBytes else {
            throw WireViolation("header fields of \(fieldBytes) bytes are over 64 MiB")
        }
        let headerBytes = (WireLimits.fixedHeaderBytes + Int(fieldBytes) + 7) / 8 * 8
        let byteCount = headerBytes + Int(bodyBytes)
        guard byteCount <= maximumBytes else {
            throw WireViolation("message of \(byteCount) bytes is over \(maximumBytes)")
        }
        return byteCount
    }

    private mutating func decode(_ frame: Bytes) throws(WireViolation) -> Envelope? {
        let order: ByteOrder = frame[frame.startIndex] == ByteOrder.little.rawValue ? .little : .big
        var header = try DecodedHeader(frame, order: order)
        guard header.descriptorCount <= descriptors.count else {
            throw WireViolation("\(header.descriptorCount) descriptors announced, \(descriptors.count) came")
        }
        let taken = Array(descriptors.prefix(header.descriptorCount))
        descriptors.removeFirst(header.descriptorCount)
        let body = frame.dropFirst(header.byteCount)
        let checked = try check(body, header.signature, order, descriptorCount: taken.count)
        guard header.isKnownKind else { return nil }
        try HeaderRules.check(header.message)
        header.message.descriptors = taken
        return Envelope(header: header.message, signature: header.signature, body: checked)
    }

    /// Checks a body against its signature.
    ///
    /// - Returns: the body, little-endian.
    private func check(_ body: Bytes, _ signature: String, _ order: ByteOrder, descriptorCount: Int)
        throws(WireViolation) -> [UInt8]
    {
        var reader = ValueReader(body, order: order, descriptorCount: descriptorCount)
        var writer = ValueWriter()
        for type in try Signature.types(signature) {
            if order == .little {
                try reader.skip(type)
            } else {
                try writer.value(try reader.value(type))
            }
        }
        guard reader.isAtEnd else {
            throw WireViolation("body is \(reader.remainingBytes) bytes longer than its signature says")
        }
        return order == .little ? Array(body) : writer.bytes
    }
}
