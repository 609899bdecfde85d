import HostObserver
import RunLog

/// Latencies per lane: percentiles, and their distribution over a logarithmic axis that all lanes share.
struct LatencyTable {
    static let rowHeight = 34
    private static let shares: [(name: String, share: Double)] = [
        ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999),
    ]

    let latencies: [LaneLatency]

    func render() -> Markup {
        guard let range else {
            return "<p class=\"dim\">No operation was timed in events that were kept.</p>"
        }
        let heads = Markup(Self.shares.map { "<th scope=\"col\" class=\"n\">\($0.name)</th>" })
        return """
            <div class="scroll" role="region" tabindex="0" aria-label="Latency per lane"><table class="latency">
            <thead><tr><th scope="col">lane</th><th scope="col" class="n">operations</th>\(heads)\
            <th scope="col" class="n">slowest</th><th scope="col" class="wide">\(ticks(range))</th></tr></thead>
            <tbody>\(Markup(latencies.map { row($0, range) }))</tbody></table></div>
            <p class="note">A bar's height is the square root of how many took that long, on a scale of its row's own; \
            percentiles are right to an eighth. The line marks p99.</p>
            """
    }

    /// Powers of ten of nanoseconds that everything fits between.
    private var range: ClosedRange<Int>? {
        let buckets = latencies.flatMap(\.histogram.buckets)
        guard let first = buckets.map(\.nanoseconds.lowerBound).min(),
            let last = latencies.map(\.histogram.maximum.wholeNanoseconds).max()
        else { return nil }
        let low = min(17, Self.digits(max(1, first)) - 1)
        // 31 years, the largest power of ten that 64 bits of nanoseconds hold.
        return low...max(low + 1, min(18, Self.digits(max(1, last))))
    }

    private static func digits(_ number: Int64) -> Int { String(number).count }

    private func place(_ nanoseconds: Int64, _ range: ClosedRange<Int>) -> Double {
        let low = Double(range.lowerBound)
        return max(0, (Logarithm.ten(Double(max(1, nanoseconds))) - low) / Double(range.count - 1))
    }

    private func ticks(_ range: ClosedRange<Int>) -> Markup {
        let labels = range.map { power -> Markup in
            var nanoseconds: Int64 = 1
            for _ in 0..<power { nanoseconds *= 10 }
            let share = Double(power - range.lowerBound) / Double(range.count - 1)
            let anchor: Markup = share == 0 ? "start" : share == 1 ? "end" : "middle"
            return
                "<text x=\"\(Figures.percent(share))%\" y=\"12\" text-anchor=\"\(anchor)\">\(Figures.duration(nanoseconds))</text>"
        }
        // Fewer words where there are many powers.
        let kept = labels.enumerated().filter { range.count <= 6 || $0.offset % 3 == (range.count - 1) % 3 }
        return "<svg height=\"16\" aria-hidden=\"true\">\(Markup(kept.map(\.element)))</svg>"
    }

    private func row(_ latency: LaneLatency, _ range: ClosedRange<Int>) -> Markup {
        let histogram = latency.histogram
        let cells = Markup(
            Self.shares.map { "<td class=\"n\">\(Figures.duration(histogram.percentile($0.share)))</td>" })
        return """
            <tr><th scope="row">\(latency.lane.rawValue)</th><td class="n">\(Figures.count(histogram.count))</td>\
            \(cells)<td class="n">\(Figures.duration(histogram.maximum))</td><td class="wide">\
            \(picture(latency, range))</td></tr>

            """
    }

    private func picture(_ latency: LaneLatency, _ range: ClosedRange<Int>) -> Markup {
        let buckets = latency.histogram.buckets
        let most = buckets.map(\.count).max() ?? 1
        var bars: Markup = ""
        for bucket in buckets {
            let start = place(bucket.nanoseconds.lowerBound, range)
            let width = max(0.004, place(bucket.nanoseconds.upperBound, range) - start)
            // By the square root, and never too low to be seen: the few slow ones are what one looks for.
            let share = (Double(bucket.count) / Double(most)).squareRoot()
            let height = max(2, share * Double(Self.rowHeight - 4))
            bars += """
                <rect x="\(Figures.percent(start))%" y="\(Figures.fixed(Double(Self.rowHeight) - height, 1))" \
                width="\(Figures.percent(width))%" height="\(Figures.fixed(height, 1))" class="bar"/>
                """
        }
        let slow = Figures.percent(place(latency.histogram.percentile(0.99).wholeNanoseconds, range))
        let words = "How long \(latency.lane.rawValue) operations took, from fast to slow"
        return """
            <svg height="\(Self.rowHeight)" role="img" aria-label="\(words)">\(bars)\
            <line class="p99" x1="\(slow)%" x2="\(slow)%" y2="\(Self.rowHeight)"/></svg>
            """
    }
}
