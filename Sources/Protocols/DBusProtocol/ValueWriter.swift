import WireFormat

/// Marshals values, little-endian (D-Bus specification, "Marshaling").
///
/// A value that breaks its own type (an array of "s" that holds a number) is our bug and traps; what
/// may come from outside in a value, such as a string with a NUL, is an error.
package struct ValueWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    mutating func align(to alignment: Int) {
        while bytes.count % alignment != 0 { bytes.append(0) }
    }

    mutating func integer(_ value: some FixedWidthInteger) {
        align(to: value.bitWidth / 8)
        bytes.appendLittleEndian(value)
    }

    mutating func append(contentsOf more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

    mutating func string(_ text: String) throws(WireViolation) {
        guard !text.utf8.contains(0) else { throw WireViolation("string holds a NUL") }
        guard text.utf8.count < WireLimits.messageBytes else {
            throw WireViolation("string of \(text.utf8.count) bytes fits in no message")
        }
        integer(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
    }

    mutating func objectPath(_ path: String) throws(WireViolation) {
        guard Names.isObjectPath(path) else { throw WireViolation("object path \(path) is malformed") }
        try string(path)
    }

    mutating func signature(_ text: String) throws(WireViolation) {
        guard Signature.isValid(text) else { throw WireViolation("signature \(text) is malformed") }
        bytes.append(UInt8(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
    }

    package mutating func value(_ value: Value, depth: Int = 0) throws(WireViolation) {
        switch value {
        case .byte(let number): integer(number)
        case .boolean(let isTrue): integer(UInt32(isTrue ? 1 : 0))
        case .int16(let number): integer(number)
        case .uint16(let number): integer(number)
        case .int32(let number): integer(number)
        case .uint32(let number): integer(number)
        case .int64(let number): integer(number)
        case .uint64(let number): integer(number)
        case .double(let number): integer(number.bitPattern)
        case .string(let text): try string(text)
        case .objectPath(let path): try objectPath(path)
        case .signature(let text): try signature(text)
        case .unixFD(let index): integer(index)
        default: try container(value, depth: depth)
        }
    }

    private mutating func container(_ value: Value, depth: Int) throws(WireViolation) {
        guard depth < WireLimits.totalNesting else {
            throw WireViolation("values nest deeper than 64")
        }
        switch value {
        case .variant(let content):
            try signature(content.typeCode)
            try self.value(content, depth: depth + 1)
        case .structure(let fields):
            align(to: 8)
            for field in fields { try self.value(field, depth: depth + 1) }
        case .array(let element, let values):
            let start = try openArray(element: element)
            for value in values {
                precondition(value.typeCode == element, "\(value.typeCode) in an array of \(element)")
                try self.value(value, depth: depth + 1)
            }
            try closeArray(start)
        case .dictionary(let keyType, let valueType, let entries):
            let start = try openArray(element: "{" + keyType + valueType + "}")
            for entry in entries {
                precondition(entry.key.typeCode == keyType && entry.value.typeCode == valueType)
                align(to: 8)
                try self.value(entry.key, depth: depth + 2)
                try self.value(entry.value, depth: depth + 2)
            }
            try closeArray(start)
        default: preconditionFailure("\(value.typeCode) is not a container")
        }
    }

    /// - Returns: where the elements begin; the length goes before it when they are all written.
    private mutating func openArray(element: String) throws(WireViolation) -> (length: Int, start: Int) {
        let type = try Signature.types("a" + element)
        guard type.count == 1, case .array(let node) = type[0] else {
            throw WireViolation("array element \(element) is not one complete type")
        }
        integer(UInt32(0))
        let length = bytes.count - 4
        align(to: node.alignment)
        return (length, bytes.count)
    }

    private mutating func closeArray(_ array: (length: Int, start: Int)) throws(WireViolation) {
        let byteCount = bytes.count - array.start
        guard byteCount <= WireLimits.arrayBytes else {
            throw WireViolation("array of \(byteCount) bytes is over 64 MiB")
        }
        for index in 0..<4 {
            bytes[array.length + index] = UInt8(truncatingIfNeeded: byteCount >> (8 * index))
        }
    }
}
