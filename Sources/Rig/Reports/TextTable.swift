/// A table for a terminal or for Markdown: first column to the left, numbers to the right.
package struct TextTable {
    private let head: [String]
    private let rows: [[String]]

    package init(head: [String], rows: [[String]]) {
        self.head = head.map(Self.clean)
        self.rows = rows.map { $0.map(Self.clean) }
    }

    package func plain() -> String {
        let widths = widths
        return ([head] + rows).map { line($0, widths).joined(separator: "  ").trimmedAtEnd + "\n" }.joined()
    }

    package func markdown() -> String {
        let widths = widths
        let rule = widths.enumerated().map { index, width in
            index == 0 ? String(repeating: "-", count: width) : String(repeating: "-", count: width - 1) + ":"
        }
        return ([line(head, widths), rule] + rows.map { line($0, widths) })
            .map { "| \($0.joined(separator: " | ")) |\n" }.joined()
    }

    private var widths: [Int] {
        head.indices.map { column in max(3, ([head] + rows).map { $0[column].count }.max() ?? 0) }
    }

    private func line(_ cells: [String], _ widths: [Int]) -> [String] {
        cells.enumerated().map { index, cell in
            let padding = String(repeating: " ", count: widths[index] - cell.count)
            return index == 0 ? cell + padding : padding + cell
        }
    }

    /// One line, no escape sequences, and nothing that ends a cell.
    private static func clean(_ text: String) -> String {
        PlainText.visible(text.onOneLine).replacing("|", with: "¦")
    }
}

/// Text from outside, made safe for a terminal.
package enum PlainText {
    /// Control characters other than line feeds as pictures of themselves.
    package static func visible(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { scalars.append(scalar == "\n" ? scalar : Markup.visible(scalar)) }
        return String(scalars)
    }

    /// The same without line feeds.
    package static func oneLine(_ text: String) -> String { visible(text.onOneLine) }
}

extension String {
    fileprivate var trimmedAtEnd: String {
        var text = Substring(self)
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
