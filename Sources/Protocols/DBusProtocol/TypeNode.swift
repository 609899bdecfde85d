/// One single complete type, taken apart (D-Bus specification, "Type System").
package indirect enum TypeNode: Equatable, Sendable {
    /// A basic type, by its code; variants have ``variant``.
    case basic(UInt8)
    case variant
    case array(TypeNode)
    case structure([TypeNode])
    /// Only as the element of an array; the key is basic.
    case dictionaryEntry(key: TypeNode, value: TypeNode)

    /// 1, 2, 4 or 8 bytes ("Marshalling", table of types).
    var alignment: Int {
        switch self {
        case .basic(let code): BasicType.alignment(code)
        case .variant: 1
        case .array: 4
        case .structure, .dictionaryEntry: 8
        }
    }

    /// Bytes of a value whose size does not depend on it; `nil` for all others.
    var fixedByteCount: Int? {
        guard case .basic(let code) = self else { return nil }
        switch code {
        case UInt8(ascii: "s"), UInt8(ascii: "o"), UInt8(ascii: "g"): return nil
        default: return BasicType.alignment(code)
        }
    }

    package var text: String {
        switch self {
        case .basic(let code): String(UnicodeScalar(code))
        case .variant: "v"
        case .array(let element): "a" + element.text
        case .structure(let fields): "(" + fields.map(\.text).joined() + ")"
        case .dictionaryEntry(let key, let value): "{" + key.text + value.text + "}"
        }
    }
}

enum BasicType {
    static func contains(_ code: UInt8) -> Bool {
        switch code {
        case UInt8(ascii: "y"), UInt8(ascii: "b"), UInt8(ascii: "n"), UInt8(ascii: "q"),
            UInt8(ascii: "i"), UInt8(ascii: "u"), UInt8(ascii: "x"), UInt8(ascii: "t"),
            UInt8(ascii: "d"), UInt8(ascii: "s"), UInt8(ascii: "o"), UInt8(ascii: "g"),
            UInt8(ascii: "h"):
            true
        default: false
        }
    }

    static func alignment(_ code: UInt8) -> Int {
        switch code {
        case UInt8(ascii: "y"), UInt8(ascii: "g"): 1
        case UInt8(ascii: "n"), UInt8(ascii: "q"): 2
        case UInt8(ascii: "x"), UInt8(ascii: "t"), UInt8(ascii: "d"): 8
        default: 4
        }
    }
}
