/// How many runs had which size, over powers of two.
struct DistributionPicture {
    static let height = 90

    let values: [(value: Int64, isFailed: Bool)]
    let words: (Int64) -> String

    func render(_ name: String) -> Markup {
        guard !values.isEmpty else { return "<p class=\"dim\">No run.</p>" }
        var counts: [Int: (passed: Int, failed: Int)] = [:]
        for (value, isFailed) in values {
            let power = Int64.bitWidth - max(1, value).leadingZeroBitCount - 1
            counts[power, default: (0, 0)].passed += isFailed ? 0 : 1
            counts[power, default: (0, 0)].failed += isFailed ? 1 : 0
        }
        let first = counts.keys.min() ?? 0
        let last = counts.keys.max() ?? 0
        let width = 1 / Double(last - first + 1)
        let most = counts.values.map { $0.passed + $0.failed }.max() ?? 1
        let top = Double(Self.height - 30)
        var body: Markup = ""
        for power in first...last {
            let start = Double(power - first) * width
            let count = counts[power] ?? (0, 0)
            let all = count.passed + count.failed
            let middle = Figures.percent(start + width / 2)
            body +=
                "<text x=\"\(middle)%\" y=\"\(Self.height - 2)\" text-anchor=\"middle\">\(words(Int64(1) << power))</text>"
            guard all > 0 else { continue }
            let height = max(2, Double(all) / Double(most) * top)
            let failed = count.failed == 0 ? 0 : max(2, Double(count.failed) / Double(all) * height)
            let floor = Double(Self.height - 14)
            body +=
                bar(start, width, floor - height, height, "bar")
                + bar(start, width, floor - failed, failed, "x")
            body += """
                <text x="\(middle)%" y="\(Figures.fixed(floor - height - 3, 1))" text-anchor="middle">\(Figures.count(all))</text>
                """
        }
        return """
            <div class="scroll" role="region" tabindex="0" aria-label="\(name)"><svg class="distribution" \
            height="\(Self.height)" role="img" aria-label="\(name)">\(body)</svg></div>
            """
    }

    private func bar(_ start: Double, _ width: Double, _ top: Double, _ height: Double, _ kind: Markup)
        -> Markup
    {
        guard height > 0 else { return "" }
        return """
            <rect x="\(Figures.percent(start + width * 0.1))%" width="\(Figures.percent(width * 0.8))%" \
            y="\(Figures.fixed(top, 1))" height="\(Figures.fixed(height, 1))" class="\(kind)"/>
            """
    }
}
