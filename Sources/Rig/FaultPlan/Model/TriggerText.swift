extension Trigger: CustomStringConvertible {
    package var description: String {
        switch self {
        case .always: return "always"
        case .nth(let number): return "nth \(number)"
        case .every(let number, let offset):
            return "every \(number)" + (offset == 0 ? "" : " after \(offset)")
        case .range(let first, let last, let step):
            return "from \(first)" + (last.map { " to \($0)" } ?? "") + (step == 1 ? "" : " step \(step)")
        case .afterBytes(let count): return "after \(count) bytes"
        case .atTime(let time): return "at \(DurationText.write(time))"
        case .onEvent(let name, let count): return "on \(every(count))event \(name)\(number(count))"
        case .onState(let entity, let state, let edge, let count):
            return "on \(every(count))\(edge == .enter ? "state" : "leaving") \(state)"
                + (entity.map { " of \($0)" } ?? "") + number(count)
        case .probability(let chance): return "p \(chance)"
        case .untilCleared: return "until cleared"
        case .whileFile(let path): return "while file \(path)"
        case .betweenSteps(let step): return "after step \(step)"
        }
    }

    private func every(_ count: Int?) -> String { count == nil ? "every " : "" }

    private func number(_ count: Int?) -> String {
        guard let count, count != 1 else { return "" }
        return " #\(count)"
    }
}

extension Trigger: TextCodable {
    static let form =
        "a trigger: always, nth N, every N [after M], from N [to M] [step S], after N bytes, at TIME, "
        + "on [every] event NAME [#N], on [every] state|leaving STATE [of SLOT] [#N], p CHANCE, "
        + "until cleared, while file PATH, after step N"

    package init?(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        guard let trigger = Self.read(words, text), trigger.flaw == nil else { return nil }
        self = trigger
    }

    private static func read(_ words: [String], _ text: String) -> Trigger? {
        switch (words.first, words.count) {
        case ("always", 1): return .always
        case ("nth", 2): return Int(words[1]).map { .nth($0) }
        case ("every", 2): return Int(words[1]).map { .every($0, offset: 0) }
        case ("every", 4) where words[2] == "after":
            guard let number = Int(words[1]), let offset = Int(words[3]) else { return nil }
            return .every(number, offset: offset)
        case ("from", 2...): return range(words)
        case ("after", 3) where words[1] == "step": return Int(words[2]).map { .betweenSteps($0) }
        case ("after", 3): return bytes(words[1], words[2])
        case ("at", 2): return DurationText.parse(words[1]).map { .atTime($0) }
        case ("on", 3...): return occurrence(Array(words.dropFirst()))
        case ("p", 2): return Double(words[1]).map { .probability($0) }
        case ("until", 2) where words[1] == "cleared": return .untilCleared
        case ("while", 3...) where words[1] == "file":
            // A path may hold blanks.
            guard let start = text.firstRange(of: "file ") else { return nil }
            return .whileFile(String(text[start.upperBound...]))
        default: return nil
        }
    }

    private static func range(_ words: [String]) -> Trigger? {
        guard let first = Int(words[1]) else { return nil }
        var last: Int?
        var step = 1
        var rest = words.dropFirst(2)
        if rest.first == "to" {
            guard rest.count >= 2, let number = Int(rest[rest.startIndex + 1]) else { return nil }
            last = number
            rest = rest.dropFirst(2)
        }
        if rest.first == "step" {
            guard rest.count == 2, let number = Int(rest[rest.startIndex + 1]) else { return nil }
            step = number
            rest = []
        }
        return rest.isEmpty ? .range(first: first, last: last, step: step) : nil
    }

    private static func bytes(_ number: String, _ unit: String) -> Trigger? {
        let factors: [String: UInt64] = ["bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30]
        guard let number = UInt64(number), let factor = factors[unit] else { return nil }
        let (count, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : .afterBytes(count)
    }

    /// What follows "on".
    private static func occurrence(_ words: [String]) -> Trigger? {
        var words = words[...]
        var count: Int? = 1
        if words.first == "every" {
            count = nil
            words = words.dropFirst()
        }
        if count != nil, let last = words.last, last.hasPrefix("#") {
            guard let number = Int(last.dropFirst()) else { return nil }
            count = number
            words = words.dropLast()
        }
        guard let family = words.popFirst(), !words.isEmpty else { return nil }
        if family == "event" { return .onEvent(words.joined(separator: " "), count: count) }
        guard family == "state" || family == "leaving" else { return nil }
        var entity: String?
        if words.count == 3, words[words.startIndex + 1] == "of" {
            entity = words.last
            words = words.prefix(1)
        }
        guard words.count == 1, let state = words.first else { return nil }
        return .onState(entity: entity, state: state, edge: family == "state" ? .enter : .exit, count: count)
    }
}
