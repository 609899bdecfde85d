/// A place in a document: keys, names of list elements and positions in lists, with points between:
/// "topology.slots.Slot_0.mode", "steps.3.wait".
package enum DocumentPath {
    /// Why there is no such place.
    package struct Failure: Error, Equatable {
        package let message: String
    }

    /// Puts a value there, over what is there already.
    package static func set(_ value: DocumentNode, at path: String, in node: inout DocumentNode)
        throws(Failure)
    {
        try set(value, path[...], path, &node)
    }

    private static func set(
        _ value: DocumentNode, _ rest: Substring, _ path: String, _ node: inout DocumentNode
    ) throws(Failure) {
        guard !rest.isEmpty else {
            node = value
            return
        }
        switch node.content {
        case .map(var entries):
            let (key, below) = split(rest)
            if let index = entries.firstIndex(where: { $0.key == key }) {
                try set(value, below, path, &entries[index].value)
            } else {
                // Defaults are not written: what is not there may still be set.
                var added = DocumentNode.map([])
                try set(value, below, path, &added)
                entries.append(.init(key, added))
            }
            node.content = .map(entries)
        case .list(var elements):
            let (index, below) = try element(of: elements, rest, path)
            try set(value, below, path, &elements[index])
            node.content = .list(elements)
        default:
            throw Failure(
                message: "there is nothing below \(path.dropLast(rest.count + 1)), which is \(node.words)")
        }
    }

    private static func element(of elements: [DocumentNode], _ rest: Substring, _ path: String)
        throws(Failure) -> (index: Int, below: Substring)
    {
        // A name may have points in it, so the longest that fits is meant.
        let named = elements.indices.compactMap { index -> (index: Int, name: String)? in
            let name = elements[index]["name"]?.text ?? elements[index]["identifier"]?.text
            guard let name, rest == name || rest.hasPrefix(name + ".") else { return nil }
            return (index, name)
        }.max { $0.name.count < $1.name.count }
        if let named { return (named.index, rest.dropFirst(named.name.count).dropFirst()) }
        let (part, below) = split(rest)
        guard let index = Int(part), elements.indices.contains(index) else {
            let names = elements.compactMap { $0["name"]?.text ?? $0["identifier"]?.text }
            let there =
                names.isEmpty
                ? "there are \(elements.count), counted from 0"
                : Suggestion.text(for: String(part), among: names)
            throw Failure(message: "no \"\(part)\" in the list at \(path.dropLast(rest.count + 1)); \(there)")
        }
        return (index, below)
    }

    private static func split(_ path: Substring) -> (key: String, below: Substring) {
        let key = path.prefix { $0 != "." }
        return (String(key), path[key.endIndex...].dropFirst())
    }
}
