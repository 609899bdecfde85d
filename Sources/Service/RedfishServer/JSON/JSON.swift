/// A JSON value to be written, its objects in the order in which they were put together.
package indirect enum JSON: Equatable, Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case string(String)
    case array([JSON])
    case object(JSONObject)
}

/// The members of a JSON object in order; a key is there once.
package struct JSONObject: Equatable, Sendable {
    package struct Member: Equatable, Sendable {
        package let key: String
        package var value: JSON
    }

    package private(set) var members: [Member]

    package init() { members = [] }

    /// Reads the value of a key; writing `nil` removes it, another value replaces it in its place.
    package subscript(key: String) -> JSON? {
        get { members.first { $0.key == key }?.value }
        set {
            let index = members.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(key: key, value: value))
            case (nil, nil): break
            }
        }
    }

    /// Keeps the members for which the test holds.
    package func filter(_ isKept: (Member) -> Bool) -> JSONObject {
        var kept = self
        kept.members.removeAll { !isKept($0) }
        return kept
    }

    package mutating func merge(_ other: JSONObject) {
        for member in other.members { self[member.key] = member.value }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSON)...) {
        members = elements.map { Member(key: $0.0, value: $0.1) }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByBooleanLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        var object = JSONObject()
        for (key, value) in elements { object[key] = value }
        self = .object(object)
    }

    package init(_ number: some BinaryInteger) { self = .integer(Int64(clamping: number)) }
    /// `null` where there is no text.
    package init(_ text: String?) { self = text.map { .string($0) } ?? .null }
    package init(_ flag: Bool) { self = .boolean(flag) }

    /// "@odata.id" of another resource, alone in an object.
    package static func link(_ path: String) -> JSON { ["@odata.id": .string(path)] }
    package static func links(_ paths: [String]) -> JSON { .array(paths.map { .link($0) }) }
    package static func strings(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }
}

extension JSON {
    package var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
    package var array: [JSON]? { if case .array(let array) = self { array } else { nil } }
    package var string: String? { if case .string(let text) = self { text } else { nil } }
    package var boolean: Bool? { if case .boolean(let flag) = self { flag } else { nil } }
    package var integer: Int64? { if case .integer(let number) = self { number } else { nil } }

    /// As text of one line, UTF-8.
    package var text: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1024)
        write(to: &bytes)
        return bytes
    }

    func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .boolean(let flag): bytes += (flag ? "true" : "false").utf8
        case .integer(let number): bytes += String(number).utf8
        case .string(let text): Self.write(text, to: &bytes)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(member.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        // Hardly any text needs an escape.
        var text = text
        let isPlain = text.withUTF8 { text in
            for byte in text where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                return false
            }
            bytes.append(contentsOf: text)
            return true
        }
        guard !isPlain else { return bytes.append(UInt8(ascii: "\"")) }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case 0x0D: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
            case 0x09: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
