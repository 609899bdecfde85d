import WireFormat

/// A header off the wire, each field checked for its type.
struct DecodedHeader {
    private(set) var isKnownKind: Bool
    var message: Message
    private(set) var signature = ""
    private(set) var descriptorCount = 0
    /// Up to and with the padding before the body.
    private(set) var byteCount = 0

    private static let fieldType = TypeNode.structure([.basic(UInt8(ascii: "y")), .variant])

    /// - Parameter frame: a whole message whose fixed part has been checked.
    init(_ frame: Bytes, order: ByteOrder) throws(WireViolation) {
        let kind = Message.Kind(rawValue: frame[frame.startIndex + 1])
        isKnownKind = kind != nil
        message = Message(kind: kind ?? .signal)
        message.flags = Message.Flags(rawValue: frame[frame.startIndex + 2])
        var reader = ValueReader(frame, order: order)
        reader.skipBytes(8)
        message.serial = try reader.integer()
        let outerEnd = try reader.enterArray(of: Self.fieldType)
        var seen: Set<UInt8> = []
        while !reader.isAtEnd { try readField(from: &reader, seen: &seen) }
        reader.leave(outerEnd)
        try reader.align(to: 8)
        byteCount = reader.position - frame.startIndex
    }

    private mutating func readField(from reader: inout ValueReader, seen: inout Set<UInt8>)
        throws(WireViolation)
    {
        try reader.align(to: 8)
        let code = try reader.integer(UInt8.self)
        guard code != 0 else { throw WireViolation("header field 0") }
        let (text, types) = try reader.signature()
        guard types.count == 1 else { throw WireViolation("header field \(code) of type \(text)") }
        guard let field = HeaderField(rawValue: code) else { return try reader.skip(types[0], depth: 3) }
        guard text == field.typeCode else {
            throw WireViolation("header field \(field) has type \(text), not \(field.typeCode)")
        }
        guard seen.insert(code).inserted else { throw WireViolation("header field \(field) twice") }
        try store(field, from: &reader)
    }

    private mutating func store(_ field: HeaderField, from reader: inout ValueReader)
        throws(WireViolation)
    {
        switch field {
        case .path: message.path = try reader.objectPath()
        case .interface: message.interface = try reader.string()
        case .member: message.member = try reader.string()
        case .errorName: message.errorName = try reader.string()
        case .replySerial: message.replySerial = try reader.integer()
        case .destination: message.destination = try reader.string()
        case .sender: message.sender = try reader.string()
        case .signature: signature = try reader.signature().text
        case .unixDescriptors: descriptorCount = Int(try reader.integer(UInt32.self))
        }
    }
}
