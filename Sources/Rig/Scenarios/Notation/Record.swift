/// One key of a record and the part of the value that it stands for.
package struct Field<Root: Sendable>: Sendable {
    let key: String
    let shape: Shape
    let isRequired: Bool
    let meaning: String
    let read: @Sendable (DocumentNode, inout Root, inout DocumentReader) -> Void
    /// `nil` when it is as in `start`, so that it need not be written.
    let write: @Sendable (_ value: Root, _ start: Root) -> DocumentNode?
    let fallback: @Sendable (_ start: Root) -> DocumentNode?

    /// A key that may be left out; then it is as in the value that the record starts from.
    package static func optional<Value: Equatable & Sendable>(
        _ key: String, _ path: WritableKeyPath<Root, Value> & Sendable, _ notation: Notation<Value>,
        _ meaning: String
    ) -> Field {
        Field(key: key, shape: notation.shape, isRequired: false, meaning: meaning) { node, root, reader in
            if let value = notation.read(node, &reader) { root[keyPath: path] = value }
        } write: { value, start in
            value[keyPath: path] == start[keyPath: path] ? nil : notation.write(value[keyPath: path])
        } fallback: { start in
            notation.write(start[keyPath: path])
        }
    }

    package static func required<Value: Equatable & Sendable>(
        _ key: String, _ path: WritableKeyPath<Root, Value> & Sendable, _ notation: Notation<Value>,
        _ meaning: String
    ) -> Field {
        Field(key: key, shape: notation.shape, isRequired: true, meaning: meaning) { node, root, reader in
            if let value = notation.read(node, &reader) { root[keyPath: path] = value }
        } write: { value, _ in
            notation.write(value[keyPath: path])
        } fallback: { _ in
            nil
        }
    }
}

/// The fields of a type, and its notation as a map with them.
package struct Record<Value: Sendable>: Sendable {
    package let shape: RecordShape
    package let notation: Notation<Value>

    /// - Parameters:
    ///   - start: what the fields are set on; also the fallback of each.
    ///   - check: what no single field can know; complaints may name a key by ``DocumentNode/mark(of:)``.
    package init(
        _ name: String, _ meaning: String, start: Value, _ fields: [Field<Value>],
        check: @escaping @Sendable (Value, DocumentNode, inout DocumentReader) -> Void = { _, _, _ in }
    ) {
        shape = RecordShape(
            name: name, meaning: meaning,
            fields: fields.map {
                FieldShape(
                    key: $0.key, shape: $0.shape, isRequired: $0.isRequired, fallback: $0.fallback(start),
                    meaning: $0.meaning)
            }, isChoice: false)
        notation = Notation(.record(name)) { node, reader in
            guard let entries = node.entries else {
                reader.complain(node, expected: "a map with \(fields.map(\.key).joined(separator: ", "))")
                return nil
            }
            var value = start
            for entry in entries {
                guard let field = fields.first(where: { $0.key == entry.key }) else {
                    Self.complainOfKey(entry, known: fields.map(\.key), &reader)
                    continue
                }
                reader.below(field.key) { field.read(entry.value, &value, &$0) }
            }
            for field in fields where field.isRequired && node[field.key] == nil {
                reader.complain(node.mark, "the key \"\(field.key)\" is missing: \(field.shape.words)")
            }
            check(value, node, &reader)
            return value
        } write: { value in
            .map(fields.compactMap { field in field.write(value, start).map { .init(field.key, $0) } })
        }
    }

    private static func complainOfKey(
        _ entry: DocumentNode.Entry, known: [String], _ reader: inout DocumentReader
    ) {
        reader.complain(
            entry.keyMark, "unknown key \"\(entry.key)\"; \(Suggestion.text(for: entry.key, among: known))")
    }
}

extension DocumentNode {
    /// Where the value of a key stands, or else the map itself.
    package func mark(of key: String) -> TextMark? { self[key]?.mark ?? mark }
}

/// A kind of thing with one key for each: `insert: {…}`.
package struct Alternative<Value: Sendable>: Sendable {
    let key: String
    let shape: Shape
    let meaning: String
    let read: @Sendable (DocumentNode, inout DocumentReader) -> Value?
    /// `nil` for values of another kind.
    let write: @Sendable (Value) -> DocumentNode?

    package init<Payload>(
        _ key: String, _ notation: Notation<Payload>, _ meaning: String,
        _ make: @escaping @Sendable (Payload) -> Value, _ take: @escaping @Sendable (Value) -> Payload?
    ) {
        self.key = key
        shape = notation.shape
        self.meaning = meaning
        read = { node, reader in notation.read(node, &reader).map(make) }
        write = { take($0).map(notation.write) }
    }
}

extension Record {
    /// A map with exactly one key, which says what kind of thing it is.
    package init(_ name: String, _ meaning: String, oneOf alternatives: [Alternative<Value>]) {
        shape = RecordShape(
            name: name, meaning: meaning,
            fields: alternatives.map {
                FieldShape(
                    key: $0.key, shape: $0.shape, isRequired: false, fallback: nil, meaning: $0.meaning)
            }, isChoice: true)
        notation = Notation(.record(name)) { node, reader in
            let keys = alternatives.map(\.key)
            guard let entries = node.entries, let entry = entries.first else {
                reader.complain(node, expected: "a map with one of \(keys.joined(separator: ", "))")
                return nil
            }
            for entry in entries where !keys.contains(entry.key) {
                Self.complainOfKey(entry, known: keys, &reader)
            }
            guard let alternative = alternatives.first(where: { $0.key == entry.key }) else { return nil }
            if entries.count > 1, keys.contains(entries[1].key) {
                reader.complain(
                    entries[1].keyMark,
                    "\"\(entry.key)\" and \"\(entries[1].key)\" in one \(name); give each an entry of its own"
                )
            }
            return reader.below(entry.key) { alternative.read(entry.value, &$0) }
        } write: { value in
            for alternative in alternatives {
                if let node = alternative.write(value) { return .map([.init(alternative.key, node)]) }
            }
            preconditionFailure("\(name) has no notation for \(value)")
        }
    }
}

extension Field {
    /// The same field of something that holds the root.
    package func under<Outer: Sendable>(_ path: WritableKeyPath<Outer, Root> & Sendable) -> Field<Outer> {
        Field<Outer>(key: key, shape: shape, isRequired: isRequired, meaning: meaning) {
            node, outer, reader in
            read(node, &outer[keyPath: path], &reader)
        } write: { outer, start in
            write(outer[keyPath: path], start[keyPath: path])
        } fallback: { start in
            fallback(start[keyPath: path])
        }
    }
}
