import SimulatedTime
import VirtualMedia

/// Words with a spelling of their own.
enum Words {
    /// 1 to 64 lower-case letters, digits and hyphens.
    static let name = word("a name of lower-case letters, digits and hyphens", "^[a-z0-9][a-z0-9-]{0,63}$")

    /// Points too: "os.iso".
    private static let fileName = word(
        "a name of lower-case letters, digits, hyphens and points", "^[a-z0-9][a-z0-9.-]{0,63}$", and: ".")

    private static func word(_ words: String, _ pattern: String, and sign: Character? = nil)
        -> Notation<String>
    {
        .word(words, pattern: pattern) { text in
            let isLetter: (Character) -> Bool = { ("a"..."z").contains($0) || ("0"..."9").contains($0) }
            guard let first = text.first, isLetter(first), text.utf8.count <= 64 else { return false }
            return text.allSatisfy { isLetter($0) || $0 == "-" || $0 == sign }
        }
    }

    /// As the service's configuration wants it.
    private static let slotWord = Notation<String>.word(
        "a slot's name of 1 to 32 letters, digits and underscores", pattern: "^[A-Za-z0-9_]{1,32}$"
    ) { text in
        (1...32).contains(text.utf8.count) && text != "all"
            && text.utf8.allSatisfy {
                $0 == UInt8(ascii: "_") || (48...57).contains($0) || (65...90).contains($0)
                    || (97...122).contains($0)
            }
    }

    static let slotName = defining(.slot, slotWord)
    static let imageName = defining(.image, fileName)
    static let faultName = defining(.fault, name)
    static let image = referring(.image, fileName)
    static let fault = referring(.fault, name)

    static let slotChoice = Notation<Scenario.SlotChoice>(
        .text(words: "a slot's name, or all", pattern: "^[A-Za-z0-9_]{1,32}$")
    ) { node, reader in
        if node.text == "all" { return .all }
        guard let name = slotWord.read(node, &reader) else { return nil }
        reader.refer(to: .slot, name, at: node.mark)
        return .named(name)
    } write: {
        .text($0.text)
    }

    private static func defining(_ kind: DocumentReader.NameKind, _ words: Notation<String>) -> Notation<
        String
    > {
        Notation(words.shape) { node, reader in
            let name = words.read(node, &reader)
            if let name { reader.define(kind, name, at: node.mark) }
            return name
        } write: {
            words.write($0)
        }
    }

    private static func referring(_ kind: DocumentReader.NameKind, _ words: Notation<String>) -> Notation<
        String
    > {
        Notation(words.shape) { node, reader in
            let name = words.read(node, &reader)
            if let name { reader.refer(to: kind, name, at: node.mark) }
            return name
        } write: {
            words.write($0)
        }
    }

    static let schedule = Notation<Scenario.Schedule>.spelled(
        "fifo, random, or pct:1 to pct:8", pattern: "^(fifo|random|pct:[1-8])$"
    ) { text in
        switch text {
        case "fifo": return .fifo
        case "random": return .random
        default:
            guard text.hasPrefix("pct:"), let depth = Int(text.dropFirst(4)),
                Scenario.Schedule.pctDepths.contains(depth)
            else { return nil }
            return .pct(depth)
        }
    } _: {
        $0.text
    }

    static let completionCode = Notation<CompletionCode>.choice(
        CompletionCode.allCases.map { ("\($0)", $0) })

    static let outcome: Notation<Scenario.Step.Outcome> = {
        let refusals = Scenario.Step.Outcome.Refusal.allCases
        return .choice(
            CompletionCode.allCases.map { ("\($0)", .completed($0)) } + [("refused", .refused(nil))]
                + refusals.map { ("refused-\($0.rawValue)", .refused($0)) } + [("any", .any)])
    }()

    static let state = Notation<SlotMachine.State>.choice()

    /// "0..4 MiB", "end-512..end", "end..end+4 KiB", "all".
    static let span = Notation<Scenario.Span>.spelled(
        "a range of bytes such as 0..4 MiB, end-512..end, or all",
        pattern: "^(all|(end ?[+-] ?)?[^.]+(\\.[0-9]+[^.]*)?\\.\\.(end ?[+-] ?)?.+|end\\.\\..+)$"
    ) { text in
        if text == "all" { return .whole }
        guard let dots = text.firstRange(of: "..") else { return nil }
        guard let start = place(text[..<dots.lowerBound]), let end = place(text[dots.upperBound...]) else {
            return nil
        }
        return Scenario.Span(start, end)
    } _: { span in
        span == .whole ? "all" : "\(text(span.start))..\(text(span.end))"
    }

    private static func place(_ text: Substring) -> Scenario.Span.Place? {
        let text = text.trimmingPrefix { $0 == " " }
        guard text.hasPrefix("end") else { return Quantity.byteCount(trimmed(text)).map { .fromStart($0) } }
        let rest = text.dropFirst(3).trimmingPrefix { $0 == " " }
        guard let sign = rest.first else { return .fromEnd(0) }
        guard sign == "-" || sign == "+", let distance = Quantity.byteCount(trimmed(rest.dropFirst())),
            distance <= Int64.max
        else { return nil }
        return .fromEnd(sign == "-" ? -Int64(distance) : Int64(distance))
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    private static func text(_ place: Scenario.Span.Place) -> String {
        switch place {
        case .fromStart(let offset): Quantity.text(offset)
        case .fromEnd(0): "end"
        case .fromEnd(let distance):
            "end\(distance < 0 ? "-" : "+")\(Quantity.text(distance.magnitude))"
        }
    }

    /// "1..4", or one number for both.
    static func counts(_ range: ClosedRange<Int>) -> Notation<ClosedRange<Int>> {
        let words = "a count or a range such as 1..4, from \(range.lowerBound) to \(range.upperBound)"
        let shape = Shape.either([
            .integer(Int64(range.lowerBound)...Int64(range.upperBound)),
            .text(words: words, pattern: "^[0-9]+\\.\\.[0-9]+$"),
        ])
        return Notation(shape) { node, reader in
            var found: ClosedRange<Int>?
            if case .integer(let value) = node.content, let value = Int(exactly: value) {
                found = value...value
            }
            if let text = node.text, let dots = text.firstRange(of: ".."),
                let first = Int(text[..<dots.lowerBound]), let last = Int(text[dots.upperBound...]),
                first <= last
            {
                found = first...last
            }
            guard let found, range.contains(found.lowerBound), range.contains(found.upperBound) else {
                reader.complain(node, expected: words)
                return nil
            }
            return found
        } write: { counts in
            counts.count == 1
                ? .integer(Int64(counts.lowerBound)) : .text("\(counts.lowerBound)..\(counts.upperBound)")
        }
    }
}

extension Scenario.Schedule {
    /// As in documents: "pct:3".
    package var text: String {
        switch self {
        case .fifo: "fifo"
        case .random: "random"
        case .pct(let depth): "pct:\(depth)"
        }
    }
}
