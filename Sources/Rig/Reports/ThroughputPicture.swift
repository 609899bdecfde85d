import RunLog

/// Bytes moved per second in each lane, over time.
struct ThroughputPicture {
    static let bins = 240
    static let rowHeight = 48

    private let axis: TimeAxis
    /// Of lanes whose events concern bytes, in the order of the path; bytes per part of the run.
    let lanes: [(lane: Lane, bytes: [UInt64])]

    init(_ record: RunRecord, _ axis: TimeAxis) {
        self.axis = axis
        var byLane: [Lane: [UInt64]] = [:]
        for event in record.events where event.hasSucceeded && event.lane.movesBytes {
            guard let range = event.range, range.end > range.start else { continue }
            let bin = axis.bin(event.nanoseconds, of: Self.bins)
            byLane[event.lane, default: Array(repeating: 0, count: Self.bins)][bin] &+=
                range.end - range.start
        }
        lanes = Lane.allCases.compactMap { lane in byLane[lane].map { (lane, $0) } }
    }

    func render() -> Markup {
        guard !lanes.isEmpty else { return "<p class=\"dim\">No event moved bytes.</p>" }
        // One scale for all: what a cache adds or takes away shows as a difference in height.
        let most = lanes.flatMap(\.bytes).max() ?? 1
        return "<div class=\"spaced\">\(Markup(lanes.map { row($0, $1, most) }))</div>"
            + """
            <p class="note">Bytes of operations that succeeded, counted where they ended, in parts of \
            \(Figures.duration(axis.nanoseconds / Int64(Self.bins))); the full height is \
            \(Figures.rate(rate(most))) in every row.</p>
            """
    }

    private func row(_ lane: Lane, _ bytes: [UInt64], _ most: UInt64) -> Markup {
        let total = bytes.reduce(0, &+)
        let peak = bytes.max() ?? 0
        var path = "M0 100"
        for (bin, count) in bytes.enumerated() {
            let height = 100 - Double(count) / Double(max(1, most)) * 96
            path += "L\(bin) \(Figures.fixed(height, 1))H\(bin + 1)"
        }
        path += "V100Z"
        let words = "\(lane.rawValue): \(Figures.bytes(total)) in all, at most \(Figures.rate(rate(peak)))"
        return """
            <div class="row"><div class="labels"><div class="rate"><b>\(lane.rawValue)</b> \
            <span>\(Figures.bytes(total))</span><br/><span>≤ \(Figures.rate(rate(peak)))</span></div></div>
            <svg height="\(Self.rowHeight)" viewBox="0 0 \(Self.bins) 100" preserveAspectRatio="none" role="img" \
            aria-label="\(words)"><title>\(words)</title><path class="floor" d="M0 100H\(Self.bins)"/><path class="area" d="\(path)"/></svg></div>

            """
    }

    private func rate(_ byteCount: UInt64) -> Double {
        Double(byteCount) / (Double(axis.nanoseconds) / Double(Self.bins) / 1e9)
    }
}

extension Lane {
    /// Whether bytes in its events moved; in others they only tell what something was about.
    var movesBytes: Bool {
        switch self {
        case .scenario, .fault, .invariant: false
        default: true
        }
    }
}
