import RunLog

/// In which state each slot was, over time.
struct SlotStatesPicture {
    /// Segments per slot; a slot that changes more often is drawn up to here.
    static let maximumSegments = 300
    static let rowHeight = 22
    static let maximumKeys = 12

    struct Segment: Equatable {
        let state: String
        let start: Int64
        let end: Int64
    }

    private let axis: TimeAxis
    let segments: [(slot: String, segments: [Segment])]

    init(_ record: RunRecord, _ axis: TimeAxis) {
        self.axis = axis
        var changes: [String: [(state: String, time: Int64)]] = [:]
        for event in record.events where event.lane == .slot {
            guard let slot = event.slot, event.name.hasPrefix(Self.prefix) else { continue }
            changes[slot, default: []].append(
                (String(event.name.dropFirst(Self.prefix.count)), max(0, event.nanoseconds)))
        }
        segments = changes.sorted { $0.key < $1.key }.map { slot, changes in
            let ends = changes.dropFirst().map(\.time) + [axis.nanoseconds]
            return (
                slot,
                zip(changes, ends).map { Segment(state: $0.state, start: $0.time, end: max($0.time, $1)) }
            )
        }
    }

    /// What an event of the slot lane is called that tells a new state.
    static let prefix = "state "

    func render() -> Markup {
        guard !segments.isEmpty else { return "<p class=\"dim\">No slot told its state.</p>" }
        let classes = stateClasses
        var rows: Markup = ""
        for (slot, segments) in segments {
            rows += """
                <div class="row"><div class="labels"><div class="state"><b>\(slot)</b> \
                <span>\(Figures.count(segments.count - 1, "change"))</span></div></div>
                <svg height="\(Self.rowHeight)" role="img" aria-label="\(summary(slot, segments))">\
                \(Markup(segments.prefix(Self.maximumSegments).map { drawn($0, classes) }))</svg></div>

                """
        }
        let most = segments.map(\.segments.count).max() ?? 0
        let cut: Markup =
            most > Self.maximumSegments
            ? "<p class=\"note\">Of each slot the first \(Self.maximumSegments) states are drawn.</p>" : ""
        let seen = Set(segments.flatMap { $0.segments.map(\.state) }).sorted()
        let keys = seen.prefix(Self.maximumKeys).map { state -> Markup in
            "<span class=\"key \(classes[state] ?? "s5")\"></span> \(state.cut(to: 24)) "
        }
        return rows + "<p class=\"note\">\(Markup(keys))</p>" + cut
    }

    private func drawn(_ segment: Segment, _ classes: [String: String]) -> Markup {
        let start = axis.share(segment.start)
        let width = axis.share(segment.end) - start
        let words =
            "\(segment.state), \(Figures.duration(segment.start)) for \(Figures.duration(segment.end - segment.start))"
        let label: Markup =
            width < 0.07
            ? ""
            : "<text x=\"\(Figures.percent(start + 0.005))%\" y=\"15\">\(segment.state.cut(to: 24))</text>"
        return """
            <rect x="\(Figures.percent(start))%" y="3" width="\(Figures.percent(width))%" height="16" \
            class="\(classes[segment.state] ?? "s5")"><title>\(words)</title></rect>\(label)
            """
    }

    private func summary(_ slot: String, _ segments: [Segment]) -> String {
        "\(slot): "
            + segments.prefix(12).map { "\($0.state) at \(Figures.duration($0.start))" }.joined(
                separator: ", ")
    }

    /// The usual states have colours that mean something; others get what is left, in order of name.
    private var stateClasses: [String: String] {
        var classes = [
            "Ready": "s0", "Initial": "s0", "Activating": "s1", "Active": "s2", "Deactivating": "s3",
        ]
        let others = Set(segments.flatMap { $0.segments.map(\.state) }).subtracting(classes.keys).sorted()
        for (index, state) in others.enumerated() { classes[state] = ["s4", "s5"][index % 2] }
        return classes
    }
}
