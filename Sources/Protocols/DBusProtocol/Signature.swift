/// Parses signatures (D-Bus specification, "Valid Signatures").
package enum Signature {
    /// The single complete types that `text` is made of, in order; none for an empty signature.
    package static func types(_ text: some StringProtocol) throws(WireViolation) -> [TypeNode] {
        try types(Array(text.utf8)[...])
    }

    package static func types(_ bytes: ArraySlice<UInt8>) throws(WireViolation) -> [TypeNode] {
        guard bytes.count <= WireLimits.signatureBytes else {
            throw WireViolation("signature of \(bytes.count) bytes is over 255")
        }
        var parser = SignatureParser(rest: bytes)
        var types: [TypeNode] = []
        while !parser.rest.isEmpty { types.append(try parser.completeType(Nesting())) }
        return types
    }

    /// Exactly one complete type, as a variant or an array element needs.
    package static func singleType(_ bytes: ArraySlice<UInt8>) throws(WireViolation) -> TypeNode {
        let types = try types(bytes)
        guard types.count == 1 else {
            throw WireViolation("\(types.count) complete types where exactly one belongs")
        }
        return types[0]
    }

    package static func isValid(_ text: some StringProtocol) -> Bool { (try? types(text)) != nil }

    /// Each complete type of a valid signature as text of its own: "sa{sv}" is "s", "a{sv}".
    package static func split(_ text: some StringProtocol) throws(WireViolation) -> [String] {
        try types(text).map(\.text)
    }
}

private struct Nesting {
    var arrays = 0
    var structures = 0
    var entries = 0
}

private struct SignatureParser {
    var rest: ArraySlice<UInt8>

    mutating func completeType(_ nesting: Nesting) throws(WireViolation) -> TypeNode {
        guard let code = rest.popFirst() else { throw WireViolation("signature ends inside a type") }
        switch code {
        case UInt8(ascii: "v"): return .variant
        case UInt8(ascii: "a"): return try array(nesting)
        case UInt8(ascii: "("): return try structure(nesting)
        case UInt8(ascii: "{"): throw WireViolation("dictionary entry outside an array")
        case _ where BasicType.contains(code): return .basic(code)
        default: throw WireViolation("type code \(code) is unknown or misplaced")
        }
    }

    private mutating func array(_ outer: Nesting) throws(WireViolation) -> TypeNode {
        var nesting = outer
        nesting.arrays += 1
        guard nesting.arrays <= WireLimits.nesting else {
            throw WireViolation("arrays nest deeper than 32")
        }
        guard rest.first == UInt8(ascii: "{") else { return .array(try completeType(nesting)) }
        rest.removeFirst()
        return .array(try entry(nesting))
    }

    private mutating func structure(_ outer: Nesting) throws(WireViolation) -> TypeNode {
        var nesting = outer
        nesting.structures += 1
        guard nesting.structures <= WireLimits.nesting else {
            throw WireViolation("structures nest deeper than 32")
        }
        var fields: [TypeNode] = []
        while rest.first != UInt8(ascii: ")") { fields.append(try completeType(nesting)) }
        rest.removeFirst()
        guard !fields.isEmpty else { throw WireViolation("empty structure") }
        return .structure(fields)
    }

    private mutating func entry(_ outer: Nesting) throws(WireViolation) -> TypeNode {
        var nesting = outer
        nesting.entries += 1
        guard nesting.entries <= WireLimits.nesting else {
            throw WireViolation("dictionary entries nest deeper than 32")
        }
        let key = try completeType(nesting)
        guard case .basic = key else { throw WireViolation("dictionary key is not of a basic type") }
        let value = try completeType(nesting)
        guard rest.popFirst() == UInt8(ascii: "}") else {
            throw WireViolation("dictionary entry does not have exactly two types")
        }
        return .dictionaryEntry(key: key, value: value)
    }
}
