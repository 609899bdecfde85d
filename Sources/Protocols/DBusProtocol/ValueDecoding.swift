extension ValueReader {
    /// Reads one value of a type.
    ///
    /// - Parameter depth: containers around it, variants included.
    package mutating func value(_ type: TypeNode, depth: Int = 0) throws(WireViolation) -> Value {
        switch type {
        case .basic(let code): return try basic(code)
        case .variant:
            try checkDepth(depth)
            let content = try variantType()
            return .variant(try value(content, depth: depth + 1))
        case .structure(let fields):
            try checkDepth(depth)
            try align(to: 8)
            var values: [Value] = []
            for field in fields { values.append(try value(field, depth: depth + 1)) }
            return .structure(values)
        case .array(.dictionaryEntry(let key, let content)):
            return try dictionary(key, content, depth: depth)
        case .array(let element): return try array(element, depth: depth)
        case .dictionaryEntry: throw WireViolation("dictionary entry outside an array")
        }
    }

    /// Checks one value as ``value(_:depth:)`` does, without keeping it.
    package mutating func skip(_ type: TypeNode, depth: Int = 0) throws(WireViolation) {
        switch type {
        case .basic(let code): _ = try basic(code)
        case .variant:
            try checkDepth(depth)
            let content = try variantType()
            try skip(content, depth: depth + 1)
        case .structure(let fields):
            try checkDepth(depth)
            try align(to: 8)
            for field in fields { try skip(field, depth: depth + 1) }
        case .array(let element):
            try checkDepth(depth)
            let outerEnd = try enterArray(of: element)
            if hasNothingToCheck(element) { skipBytes(remainingBytes) }
            while !isAtEnd { try skipElement(element, depth: depth + 1) }
            leave(outerEnd)
        case .dictionaryEntry: throw WireViolation("dictionary entry outside an array")
        }
    }

    private mutating func skipElement(_ element: TypeNode, depth: Int) throws(WireViolation) {
        guard case .dictionaryEntry(let key, let content) = element else {
            return try skip(element, depth: depth)
        }
        try checkDepth(depth)
        try align(to: 8)
        try skip(key, depth: depth + 1)
        try skip(content, depth: depth + 1)
    }

    /// Numbers of which every bit pattern is valid; a large array of them costs nothing to check.
    private func hasNothingToCheck(_ element: TypeNode) -> Bool {
        guard case .basic(let code) = element, element.fixedByteCount != nil else { return false }
        return code != UInt8(ascii: "b") && code != UInt8(ascii: "h")
    }

    private mutating func array(_ element: TypeNode, depth: Int) throws(WireViolation) -> Value {
        try checkDepth(depth)
        let outerEnd = try enterArray(of: element)
        var values: [Value] = []
        if let elementBytes = element.fixedByteCount {
            values.reserveCapacity(remainingBytes / elementBytes)
        }
        while !isAtEnd { values.append(try value(element, depth: depth + 1)) }
        leave(outerEnd)
        return .array(element: element.text, values)
    }

    private mutating func dictionary(_ key: TypeNode, _ content: TypeNode, depth: Int)
        throws(WireViolation) -> Value
    {
        try checkDepth(depth + 1)
        let outerEnd = try enterArray(of: .dictionaryEntry(key: key, value: content))
        var entries: [Value.Entry] = []
        while !isAtEnd {
            try align(to: 8)
            let key = try value(key, depth: depth + 2)
            entries.append(Value.Entry(key, try value(content, depth: depth + 2)))
        }
        leave(outerEnd)
        return .dictionary(key: key.text, value: content.text, entries)
    }

    private mutating func variantType() throws(WireViolation) -> TypeNode {
        let (_, types) = try signature()
        guard types.count == 1 else {
            throw WireViolation("variant holds \(types.count) complete types, not one")
        }
        return types[0]
    }

    private func checkDepth(_ depth: Int) throws(WireViolation) {
        guard depth < WireLimits.totalNesting else {
            throw WireViolation("values nest deeper than 64")
        }
    }

    private mutating func basic(_ code: UInt8) throws(WireViolation) -> Value {
        switch code {
        case UInt8(ascii: "y"): return .byte(try integer())
        case UInt8(ascii: "b"): return .boolean(try boolean())
        case UInt8(ascii: "n"): return .int16(try integer())
        case UInt8(ascii: "q"): return .uint16(try integer())
        case UInt8(ascii: "i"): return .int32(try integer())
        case UInt8(ascii: "u"): return .uint32(try integer())
        case UInt8(ascii: "x"): return .int64(try integer())
        case UInt8(ascii: "t"): return .uint64(try integer())
        case UInt8(ascii: "d"): return .double(Double(bitPattern: try integer()))
        case UInt8(ascii: "s"): return .string(try string())
        case UInt8(ascii: "o"): return .objectPath(try objectPath())
        case UInt8(ascii: "g"): return .signature(try signature().text)
        case UInt8(ascii: "h"): return .unixFD(try descriptorIndex())
        default: throw WireViolation("type code \(code) is unknown")
        }
    }
}
