/// What one gadget answered to every question: a text file of its own, one line each.
///
///     # what was recorded, and from what
///     question => answer
///     ## a heading between groups of questions
package struct Record: Equatable, Sendable {
    package struct Line: Equatable, Sendable {
        package var question: Question
        package var answer: String

        package init(_ question: Question, _ answer: String) {
            self.question = question
            self.answer = answer
        }
    }

    package struct Malformed: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    package var name: String
    /// Lines of the head, without "# ".
    package var remarks: [String]
    package var groups: [(title: String, lines: [Line])]

    package init(name: String, remarks: [String], groups: [(title: String, lines: [Line])]) {
        self.name = name
        self.remarks = remarks
        self.groups = groups
    }

    package static func == (one: Record, other: Record) -> Bool { one.text == other.text }

    package var lines: [Line] { groups.flatMap(\.lines) }

    /// Commands on the bus: a line with sense data was two.
    package var exchangeCount: Int {
        lines.reduce(0) { $0 + ($1.answer.contains("| sense") ? 2 : 1) }
    }

    package var text: String {
        var text = remarks.map { "# \($0)\n" }.joined()
        for (title, lines) in groups {
            text += "\n## \(title)\n"
            for line in lines { text += "\(line.question) => \(line.answer)\n" }
        }
        return text
    }

    /// - Throws: ``Malformed`` with the number of the line.
    package init(name: String, text: String) throws(Malformed) {
        self.init(name: name, remarks: [], groups: [])
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.hasPrefix("## ") {
                groups.append((String(line.dropFirst(3)), []))
            } else if line.hasPrefix("# ") {
                remarks.append(String(line.dropFirst(2)))
            } else if !line.isEmpty {
                guard let arrow = line.firstRange(of: " => "),
                    let question = Question(String(line[..<arrow.lowerBound])), !groups.isEmpty
                else { throw Malformed(description: "\(name), line \(index + 1): \(line.prefix(60))") }
                groups[groups.count - 1].lines.append(
                    Line(question, String(line[arrow.upperBound...])))
            }
        }
    }

    /// Where another record of the same gadget differs.
    package func differences(from other: [Line]) -> [Difference] {
        zip(lines, other).compactMap { ours, theirs in
            guard ours != theirs else { return nil }
            return Difference(
                record: name, question: ours.question, recorded: ours.answer, answered: theirs.answer)
        }
    }
}

/// One question that was answered otherwise than recorded.
package struct Difference: Equatable, Sendable, CustomStringConvertible {
    package var record: String
    package var question: Question
    package var recorded: String
    package var answered: String

    package var description: String {
        "\(record): \(question)\n    recorded  \(recorded)\n    answered  \(answered)"
    }
}
