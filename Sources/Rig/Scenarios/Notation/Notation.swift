/// How a value is written in a document: how it is read, how it is written, and what may stand there.
///
/// Whatever `write` gives, `read` turns into an equal value without complaint.
package struct Notation<Value>: Sendable {
    package let shape: Shape
    /// `nil` after a complaint.
    package let read: @Sendable (DocumentNode, inout DocumentReader) -> Value?
    package let write: @Sendable (Value) -> DocumentNode

    package init(
        _ shape: Shape, read: @escaping @Sendable (DocumentNode, inout DocumentReader) -> Value?,
        write: @escaping @Sendable (Value) -> DocumentNode
    ) {
        self.shape = shape
        self.read = read
        self.write = write
    }

    /// For text with a spelling of its own.
    ///
    /// - Parameter parse: `nil` for what is not of that spelling.
    package static func spelled(
        _ words: String, pattern: String?, _ parse: @escaping @Sendable (String) -> Value?,
        _ spell: @escaping @Sendable (Value) -> String
    ) -> Notation {
        let shape = Shape.text(words: words, pattern: pattern)
        return Notation(shape) { node, reader in
            guard let text = node.text, let value = parse(text) else {
                reader.complain(node, expected: words)
                return nil
            }
            return value
        } write: {
            .text(spell($0))
        }
    }

    /// The same notation for another type.
    package func mapped<Other>(
        _ make: @escaping @Sendable (Value) -> Other, _ take: @escaping @Sendable (Other) -> Value
    ) -> Notation<Other> {
        Notation<Other>(shape) { node, reader in
            read(node, &reader).map(make)
        } write: {
            write(take($0))
        }
    }

    /// A value that need not be given; `nil` is never written.
    package var optional: Notation<Value?> {
        Notation<Value?>(shape) { node, reader in
            read(node, &reader).map(Optional.some)
        } write: {
            $0.map(write) ?? .null
        }
    }

    /// A word in place of the value stands for `nil`: "never".
    package func or(_ word: String) -> Notation<Value?> {
        Notation<Value?>(.either([shape, .choice([word])])) { node, reader in
            if node.text == word { return .some(nil) }
            return read(node, &reader).map(Optional.some)
        } write: {
            $0.map(write) ?? .text(word)
        }
    }

    /// Looked up when used, for notations that contain themselves.
    package static func later(_ record: String, _ notation: @escaping @Sendable () -> Notation) -> Notation {
        Notation(.record(record)) { node, reader in
            notation().read(node, &reader)
        } write: {
            notation().write($0)
        }
    }

    package func list(_ count: ClosedRange<Int> = 0...1000) -> Notation<[Value]> {
        Notation<[Value]>(.list(shape, count)) { node, reader in
            guard let elements = node.elements else {
                reader.complain(node, expected: "a list of \(shape.words)")
                return nil
            }
            guard count.contains(elements.count) else {
                let allowed =
                    elements.count < count.lowerBound
                    ? "at least \(count.lowerBound)" : "at most \(count.upperBound)"
                reader.complain(node.mark, "expected \(allowed) of \(shape.words), found \(elements.count)")
                return nil
            }
            // All are read, so that all complaints come at once.
            let values = elements.enumerated().map { index, element in
                reader.below("[\(index)]") { read(element, &$0) }
            }
            let good = values.compactMap { $0 }
            return good.count == values.count ? good : nil
        } write: {
            .list($0.map(write))
        }
    }

    /// A list, or the only element of it by itself.
    package func oneOrMore(_ count: ClosedRange<Int> = 1...1000) -> Notation<[Value]> {
        let list = list(count)
        return Notation<[Value]>(.either([shape, list.shape])) { node, reader in
            if node.elements != nil { return list.read(node, &reader) }
            return read(node, &reader).map { [$0] }
        } write: {
            $0.count == 1 ? write($0[0]) : list.write($0)
        }
    }

    /// A map from keys in a spelling of their own.
    package func map<Key: Hashable & Sendable>(by keys: Notation<Key>) -> Notation<[Key: Value]> {
        Notation<[Key: Value]>(.map(keys: keys.shape, values: shape)) { node, reader in
            guard let entries = node.entries else {
                reader.complain(node, expected: "a map to \(shape.words)")
                return nil
            }
            var values: [Key: Value] = [:]
            for entry in entries {
                reader.below(entry.key) { reader in
                    let key = keys.read(DocumentNode(.text(entry.key), mark: entry.keyMark), &reader)
                    if let key, let value = read(entry.value, &reader) { values[key] = value }
                }
            }
            return values
        } write: { values in
            let entries = values.map { key, value in
                DocumentNode.Entry(keys.write(key).text ?? "", write(value))
            }
            return .map(entries.sorted { $0.key < $1.key })
        }
    }
}
