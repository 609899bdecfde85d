/// A pattern over text: `*` stands for any number of characters, `?` for one; everything else for
/// itself, capitals included.
struct Glob: Equatable, Sendable {
    private let pattern: [UInt8]
    /// The pattern itself, where it holds no wildcard.
    private let literal: String?

    init(_ pattern: String) {
        self.pattern = Array(pattern.utf8)
        literal = pattern.contains(where: { $0 == "*" || $0 == "?" }) ? nil : pattern
    }

    func matches(_ text: String) -> Bool {
        if let literal { return literal == text }
        let text = Array(text.utf8)
        var position = 0
        var place = 0
        // Where the last star stood, and how much of the text it has taken so far.
        var star: (pattern: Int, text: Int)?
        while position < text.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                star = (place, position)
                place += 1
            } else if place < pattern.count,
                pattern[place] == UInt8(ascii: "?") || pattern[place] == text[position]
            {
                place += 1
                position += pattern[place - 1] == UInt8(ascii: "?") ? width(of: text[position]) : 1
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                place = last.pattern + 1
                position = last.text + 1
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// Bytes of the UTF-8 character that starts with this one.
    private func width(of byte: UInt8) -> Int {
        switch byte {
        case 0xC0..<0xE0: 2
        case 0xE0..<0xF0: 3
        case 0xF0...: 4
        default: 1
        }
    }
}
