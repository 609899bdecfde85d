package import FaultPoints

/// Which occasions a fault concerns: those for which everything said here is true. What is not said
/// does not matter. Operation, target and slot are patterns: `*` stands for anything, `?` for one
/// character.
package struct Selector: Codable, Equatable, Sendable {
    /// Where the occasions happen; the layer of the kind if not said. A fault that is struck may wait
    /// for another layer's: a process killed at the third read.
    package var layer: FaultLayer?
    /// One of these; all that the kind applies to if empty.
    package var operations: [String]
    package var target: String?
    package var slot: String?
    package var connection: Int?
    package var direction: FaultOccasion.Direction?
    /// Overlaps with these bytes.
    package var bytes: ByteSpan?
    /// The slot is in one of these states, "Active"; any if empty.
    package var states: [String]

    package init(
        layer: FaultLayer? = nil, operations: [String] = [], target: String? = nil, slot: String? = nil,
        connection: Int? = nil, direction: FaultOccasion.Direction? = nil, bytes: Range<UInt64>? = nil,
        states: [String] = []
    ) {
        self.layer = layer
        self.operations = operations
        self.target = target
        self.slot = slot
        self.connection = connection
        self.direction = direction
        self.bytes = bytes.map(ByteSpan.init)
        self.states = states
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case layer, operations, target, slot, connection, direction, bytes, states
    }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(CodingKeys.self)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        layer = try container.decodeIfPresent(FaultLayer.self, forKey: .layer)
        operations = try container.decodeIfPresent([String].self, forKey: .operations) ?? []
        target = try container.decodeIfPresent(String.self, forKey: .target)
        slot = try container.decodeIfPresent(String.self, forKey: .slot)
        connection = try container.decodeIfPresent(Int.self, forKey: .connection)
        direction = try container.decodeIfPresent(FaultOccasion.Direction.self, forKey: .direction)
        bytes = try container.decodeIfPresent(ByteSpan.self, forKey: .bytes)
        states = try container.decodeIfPresent([String].self, forKey: .states) ?? []
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(layer, forKey: .layer)
        if !operations.isEmpty { try container.encode(operations, forKey: .operations) }
        try container.encodeIfPresent(target, forKey: .target)
        try container.encodeIfPresent(slot, forKey: .slot)
        try container.encodeIfPresent(connection, forKey: .connection)
        try container.encodeIfPresent(direction, forKey: .direction)
        try container.encodeIfPresent(bytes, forKey: .bytes)
        if !states.isEmpty { try container.encode(states, forKey: .states) }
    }
}

extension Selector: CustomStringConvertible {
    /// "http get of *.iso at Slot_0"; empty when nothing is said.
    package var description: String {
        var words: [String] = []
        if let layer { words.append(layer.rawValue) }
        if !operations.isEmpty { words.append(operations.joined(separator: "|")) }
        if let target { words.append("of \(target)") }
        if let slot { words.append("at \(slot)") }
        if let connection { words.append("connection \(connection)") }
        if let direction { words.append(direction.rawValue) }
        if let bytes { words.append("bytes \(bytes)") }
        if !states.isEmpty { words.append("in " + states.joined(separator: "|")) }
        return words.joined(separator: " ")
    }
}

extension Selector {
    /// Of operations that a layer has, those that it leaves; all where it names none.
    package func operations(among known: Set<String>) -> Set<String> {
        guard !operations.isEmpty else { return known }
        let patterns = operations.map(Glob.init)
        return known.filter { operation in patterns.contains { $0.matches(operation) } }
    }
}

private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// A misspelt key must not be a fault that does less than was meant.
    func refuseUnknownKeys<Keys: CodingKey & CaseIterable>(_ keys: Keys.Type) throws {
        let known = keys.allCases.map(\.stringValue)
        let container = try container(keyedBy: AnyKey.self)
        for key in container.allKeys.map(\.stringValue).sorted() where !known.contains(key) {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath,
                    debugDescription: "unknown key \"\(key)\"; known are \(known.joined(separator: ", "))"))
        }
    }
}
