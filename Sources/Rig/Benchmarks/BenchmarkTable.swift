/// Results for people.
package enum BenchmarkTable {
    package static func text(_ rows: [BenchmarkRow]) -> String {
        let header = ["work", "ours", "peer", "ratio", "ours CPU", "peer CPU", "ratio"]
        let lines = rows.map { row in
            [
                row.work, "\(rate(median(row.ours.rates), row.unit)) \(row.unit)",
                row.hasPeer ? "\(rate(median(row.peers.rates), row.unit)) \(row.unit)" : "-",
                row.hasPeer ? hundredths(row.rateRatio) : "-",
                "\(hundredths(median(row.ours.processorCosts))) \(row.processorUnit)",
                row.hasPeer ? "\(hundredths(median(row.peers.processorCosts))) \(row.processorUnit)" : "-",
                row.hasPeer ? hundredths(row.processorRatio) : "-",
            ]
        }
        let all = [header] + lines
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { cells in
            zip(cells, widths).enumerated().map { column, cell in
                let gap = String(repeating: " ", count: cell.1 - cell.0.count)
                return column == 0 ? cell.0 + gap : gap + cell.0
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    /// Times are short, rates are high.
    private static func rate(_ value: Double, _ unit: String) -> String {
        ["s", "ms"].contains(unit) ? hundredths(value) : whole(value)
    }

    static func whole(_ value: Double) -> String { String(Int(value.rounded())) }

    static func hundredths(_ value: Double) -> String {
        let hundred = Int((value * 100).rounded())
        let rest = hundred % 100
        return "\(hundred / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
