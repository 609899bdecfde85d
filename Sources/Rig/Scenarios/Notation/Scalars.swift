extension Notation<String> {
    /// Any text; what YAML takes for something else has to stand in quotes.
    package static func text(_ words: String = "text", most count: Int = 4096) -> Notation<String> {
        Notation(.text(words: words, pattern: nil)) { node, reader in
            switch node.content {
            case .text(let text) where text.count <= count: return text
            case .text(let text):
                reader.complain(node.mark, "text of \(text.count) characters; at most \(count) are allowed")
            case .boolean, .integer, .number:
                reader.complain(node.mark, "expected \(words), found \(node.words): put it in quotes")
            default: reader.complain(node, expected: words)
            }
            return nil
        } write: {
            .text($0)
        }
    }

    /// A word of letters, digits and some signs, which may be looked for by a machine.
    package static func word(
        _ words: String, pattern: String, _ isAllowed: @escaping @Sendable (String) -> Bool
    )
        -> Notation<String>
    {
        let shape = Shape.text(words: words, pattern: pattern)
        return Notation(shape) { node, reader in
            guard let text = text(words).read(node, &reader) else { return nil }
            guard isAllowed(text) else {
                reader.complain(node, expected: words)
                return nil
            }
            return text
        } write: {
            .text($0)
        }
    }
}

extension Notation<Bool> {
    package static let boolean = Notation(.boolean) { node, reader in
        if case .boolean(let value) = node.content { return value }
        reader.complain(node, expected: Shape.boolean.words)
        return nil
    } write: {
        .boolean($0)
    }
}

extension Notation<Double> {
    package static func number(_ range: ClosedRange<Double>) -> Notation<Double> {
        Notation(.number(range)) { node, reader in
            let value: Double? =
                switch node.content {
                case .integer(let value): Double(value)
                case .number(let value): value
                default: nil
                }
            guard let value, range.contains(value) else {
                reader.complain(node, expected: Shape.number(range).words)
                return nil
            }
            return value
        } write: { value in
            Int64(exactly: value).map { .integer($0) } ?? .number(value)
        }
    }
}

extension Notation where Value: FixedWidthInteger & Sendable {
    package static func integer(_ range: ClosedRange<Int64>) -> Notation {
        Notation(.integer(range)) { node, reader in
            guard case .integer(let value) = node.content, range.contains(value),
                let result = Value(exactly: value)
            else {
                reader.complain(node, expected: Shape.integer(range).words)
                return nil
            }
            return result
        } write: {
            .integer(Int64(clamping: $0))
        }
    }
}

extension Notation where Value: FixedWidthInteger & Sendable {
    /// Bytes, as a number or with a unit.
    package static func byteCount(_ range: ClosedRange<UInt64>) -> Notation {
        let shape = Shape.either([
            .text(words: Quantity.sizeWords, pattern: Quantity.sizePattern),
            .integer(Int64(clamping: range.lowerBound)...Int64(clamping: range.upperBound)),
        ])
        return Notation(shape) { node, reader in
            var found: UInt64?
            if case .integer(let value) = node.content { found = UInt64(exactly: value) }
            if let text = node.text { found = Quantity.byteCount(text) }
            guard let found else {
                reader.complain(node, expected: Quantity.sizeWords)
                return nil
            }
            guard range.contains(found), let value = Value(exactly: found) else {
                reader.complain(
                    node,
                    expected:
                        "a size from \(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound))"
                )
                return nil
            }
            return value
        } write: { value in
            let text = Quantity.text(UInt64(clamping: value))
            return Int64(text).map { .integer($0) } ?? .text(text)
        }
    }
}

extension Notation<Duration> {
    /// - Parameter isWhole: seconds only, as the service's configuration has them.
    package static func duration(_ range: ClosedRange<Duration>, isWhole: Bool = false) -> Notation<Duration>
    {
        let shape = Shape.text(words: Quantity.durationWords, pattern: Quantity.durationPattern)
        return Notation(shape) { node, reader in
            guard let text = node.text, let value = Quantity.duration(text) else {
                reader.complain(node, expected: Quantity.durationWords)
                return nil
            }
            guard range.contains(value), !isWhole || value.components.attoseconds == 0 else {
                let kind = isWhole ? "whole seconds" : "a duration"
                let (first, last) = (Quantity.text(range.lowerBound), Quantity.text(range.upperBound))
                reader.complain(node, expected: "\(kind) from \(first) to \(last)")
                return nil
            }
            return value
        } write: {
            .text(Quantity.text($0))
        }
    }

    package static let anyDuration = duration(.zero...Quantity.maximumDuration)
}

extension Notation {
    /// One of a set of words.
    package static func choice(_ choices: [(word: String, value: Value)]) -> Notation
    where Value: Equatable & Sendable {
        let words = choices.map(\.word)
        return Notation(.choice(words)) { node, reader in
            guard let text = node.text else {
                reader.complain(node, expected: Shape.choice(words).words)
                return nil
            }
            guard let choice = choices.first(where: { $0.word == text }) else {
                reader.complain(
                    node.mark,
                    "expected \(Shape.choice(words).words), found \"\(text)\"; "
                        + Suggestion.text(for: text, among: words))
                return nil
            }
            return choice.value
        } write: { value in
            guard let choice = choices.first(where: { $0.value == value }) else {
                preconditionFailure("no word for \(value)")
            }
            return .text(choice.word)
        }
    }

    package static func choice() -> Notation
    where Value: CaseIterable & RawRepresentable<String> & Equatable & Sendable {
        .choice(Value.allCases.map { ($0.rawValue, $0) })
    }

    /// The one key that is mostly given may stand alone: `eject: Slot_0` for `eject: {slot: Slot_0}`.
    package func short(_ key: String, _ shape: Shape, none: DocumentNode? = nil) -> Notation {
        Notation(.either([shape, self.shape])) { node, reader in
            if node.entries != nil { return read(node, &reader) }
            let entry = DocumentNode.Entry(key, node, keyMark: node.mark)
            return read(DocumentNode(.map([entry]), mark: node.mark), &reader)
        } write: { value in
            let node = write(value)
            guard let entries = node.entries, entries.count <= 1 else { return node }
            if entries.isEmpty { return none ?? node }
            return entries[0].key == key && entries[0].value.entries == nil ? entries[0].value : node
        }
    }
}
