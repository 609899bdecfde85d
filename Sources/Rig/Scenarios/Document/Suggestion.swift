/// What may have been meant by a word that means nothing.
package enum Suggestion {
    /// "did you mean "slot"?", or all that there is.
    package static func text(for word: String, among words: [String]) -> String {
        guard !words.isEmpty else { return "there is none" }
        let near = words.map { ($0, distance(word.lowercased(), $0.lowercased())) }
            .filter { $0.1 <= max(1, min($0.0.count, word.count) / 2) }
            .min { ($0.1, $0.0) < ($1.1, $1.0) }
        if let near { return "did you mean \"\(near.0)\"?" }
        return "there \(words.count == 1 ? "is" : "are") \(words.joined(separator: ", "))"
    }

    /// Letters to insert, remove, change or exchange with a neighbour (Damerau, optimal alignment).
    package static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left), Array(right))
        var rows = [[Int]](repeating: [], count: left.count + 1)
        rows[0] = Array(0...right.count)
        for i in left.indices {
            var row = [i + 1]
            for j in right.indices {
                var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (left[i] == right[j] ? 0 : 1))
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    best = min(best, rows[i - 1][j - 1] + 1)
                }
                row.append(best)
            }
            rows[i + 1] = row
        }
        return rows[left.count][right.count]
    }
}
