/// A D-Bus value (D-Bus specification, "Type system"). Containers carry the signatures of their
/// elements, so that an empty array still has a type.
package enum Value: Equatable, Sendable {
    case byte(UInt8)
    case boolean(Bool)
    case int16(Int16)
    case uint16(UInt16)
    case int32(Int32)
    case uint32(UInt32)
    case int64(Int64)
    case uint64(UInt64)
    case double(Double)
    case string(String)
    case objectPath(String)
    case signature(String)
    /// An index into the message's descriptors.
    case unixFD(UInt32)
    indirect case variant(Value)
    case structure([Value])
    case array(element: String, [Value])
    /// Entries in the order given; keys are of a basic type.
    case dictionary(key: String, value: String, [Entry])

    package struct Entry: Equatable, Sendable {
        package var key: Value
        package var value: Value
        package init(_ key: Value, _ value: Value) {
            self.key = key
            self.value = value
        }
    }

    /// The single complete type of this value, as in a signature.
    package var typeCode: String {
        switch self {
        case .byte: "y"
        case .boolean: "b"
        case .int16: "n"
        case .uint16: "q"
        case .int32: "i"
        case .uint32: "u"
        case .int64: "x"
        case .uint64: "t"
        case .double: "d"
        case .string: "s"
        case .objectPath: "o"
        case .signature: "g"
        case .unixFD: "h"
        case .variant: "v"
        case .structure(let fields): "(" + fields.map(\.typeCode).joined() + ")"
        case .array(let element, _): "a" + element
        case .dictionary(let key, let value, _): "a{" + key + value + "}"
        }
    }
}
