import RunLog

/// All lanes of a run over its time, with faults and violations across them.
///
/// Events that fall together in a lane become one mark, stronger the more they are, so a picture has a limit
/// however many events there were.
struct TimelinePicture {
    /// Marks in the picture, not counting the lines of faults and violations.
    static let maximumMarks = 4000
    /// Places at which a line of faults can stand.
    static let faultPlaces = 240
    static let maximumViolationLines = 20
    static let laneHeight = 18
    /// Share of the picture's width that a mark takes at least: about a pixel where it is not zoomed.
    static let leastWidth = 0.001

    private struct Place: Hashable {
        let lane: Int
        let bin: Int
    }
    private struct Mark {
        var count = 0
        var failed = 0
        /// Shown where it is the only one.
        var event: RunEvent?
    }

    let record: RunRecord
    let axis: TimeAxis
    /// Those with events, in the order of the path.
    private let lanes: [Lane]
    private let countByLane: [Lane: Int]

    init(_ record: RunRecord, _ axis: TimeAxis) {
        self.record = record
        self.axis = axis
        var counts: [Lane: Int] = [:]
        for event in record.events { counts[event.lane, default: 0] += 1 }
        countByLane = counts
        lanes = Lane.allCases.filter { counts[$0] != nil }
    }

    func render() -> Markup {
        guard !lanes.isEmpty else {
            let left = record.omittedEventCount
            return left == 0
                ? "<p class=\"dim\">No event was recorded.</p>"
                : "<p class=\"dim\">\(Figures.count(left, "event")) happened, and none was kept: run it again.</p>"
        }
        let (bins, marks) = binned()
        let height = lanes.count * Self.laneHeight
        var body: Markup = ""
        for index in lanes.indices where index % 2 == 1 {
            body +=
                "<rect class=\"stripe\" y=\"\(index * Self.laneHeight)\" width=\"100%\" height=\"\(Self.laneHeight)\"/>"
        }
        body += faultLines(height)
        let sorted = marks.sorted { ($0.key.lane, $0.key.bin) < ($1.key.lane, $1.key.bin) }
        let busiest = marks.values.map(\.count).max() ?? 1
        for (place, mark) in sorted { body += drawn(mark, at: place, bins, busiest) }
        body += violationLines(height)
        return """
            <div class="row"><div class="labels">\(labels)</div>
            <svg height="\(height)" role="img" aria-labelledby="timeline-note">\(body)</svg></div>
            \(note(marks.count, bins))
            """
    }

    private var labels: Markup {
        Markup(
            lanes.map { lane in
                "<div class=\"lane\"><b>\(lane.rawValue)</b> <span>\(Figures.count(countByLane[lane] ?? 0))</span></div>"
            })
    }

    /// As fine as the limit on marks allows.
    private func binned() -> (bins: Int, marks: [Place: Mark]) {
        for bins in [2400, 1200, 600, 300] {
            let marks = marks(bins)
            if marks.count <= Self.maximumMarks { return (bins, marks) }
        }
        return (150, marks(150))
    }

    private func marks(_ bins: Int) -> [Place: Mark] {
        var rows: [Lane: Int] = [:]
        for (row, lane) in lanes.enumerated() { rows[lane] = row }
        var marks: [Place: Mark] = [:]
        for event in record.events {
            let place = Place(lane: rows[event.lane] ?? 0, bin: axis.bin(event.nanoseconds, of: bins))
            marks[place, default: Mark()].count += 1
            if !event.hasSucceeded { marks[place]?.failed += 1 }
            marks[place]?.event = event
        }
        return marks
    }

    private func drawn(_ mark: Mark, at place: Place, _ bins: Int, _ busiest: Int) -> Markup {
        let time = Figures.duration(axis.middle(ofBin: place.bin, of: bins))
        let title: String
        if mark.count == 1, let event = mark.event {
            title = EventWords.line(event)
        } else {
            let failed = mark.failed > 0 ? ", \(Figures.count(mark.failed)) failed" : ""
            title =
                "\(lanes[place.lane].rawValue), about \(time): \(Figures.count(mark.count)) events\(failed)"
        }
        let shade: Markup =
            switch lanes[place.lane] {
            case .fault: "f"
            case .invariant: "x"
            default: mark.failed > 0 ? "x" : "b\(Shade.of(mark.count, busiest: busiest))"
            }
        return """
            <rect x="\(Figures.percent(Double(place.bin) / Double(bins)))%" \
            y="\(place.lane * Self.laneHeight + 2)" width="\(Figures.percent(max(Self.leastWidth, 1 / Double(bins))))%" \
            height="\(Self.laneHeight - 4)" class="\(shade)"><title>\(title.cut(to: 160))</title></rect>
            """
    }

    private func faultLines(_ height: Int) -> Markup {
        struct Place {
            /// Of the first of them, so that the line stands where its fault is, however far one zooms.
            let nanoseconds: Int64
            var kinds: [String: Int] = [:]
        }
        var places: [Int: Place] = [:]
        for event in record.events where event.lane == .fault {
            let bin = axis.bin(event.nanoseconds, of: Self.faultPlaces)
            places[bin, default: Place(nanoseconds: event.nanoseconds)].kinds[event.name, default: 0] += 1
        }
        var lines: Markup = ""
        for (_, place) in places.sorted(by: { $0.key < $1.key }) {
            let list = place.kinds.sorted { $0.key < $1.key }.map { $1 > 1 ? "\($0) ×\($1)" : $0 }
            let share = Figures.percent(axis.share(place.nanoseconds))
            lines += """
                <line class="fault" x1="\(share)%" x2="\(share)%" y2="\(height)">\
                <title>\(list.joined(separator: ", ").cut(to: 160))</title></line>
                """
        }
        return lines
    }

    private func violationLines(_ height: Int) -> Markup {
        Markup(
            record.violations.prefix(Self.maximumViolationLines).map { violation in
                let place = Figures.percent(axis.share(violation.nanoseconds))
                return """
                    <line class="violation" x1="\(place)%" x2="\(place)%" y2="\(height)">\
                    <title>\("\(violation.name): \(violation.detail)".cut(to: 200))</title></line>
                    """
            })
    }

    private func note(_ marks: Int, _ bins: Int) -> Markup {
        let silent = Lane.allCases.filter { countByLane[$0] == nil }.map(\.rawValue)
        let omitted =
            record.omittedEventCount > 0
            ? " \(Figures.count(record.omittedEventCount)) later events were not recorded for want of room."
            : ""
        let silence = silent.isEmpty ? "" : " No events in \(silent.joined(separator: ", "))."
        let part = Figures.duration(axis.nanoseconds / Int64(bins))
        return """
            <p class="note" id="timeline-note">\(Figures.count(record.events.count, "event")) drawn as \
            \(Figures.count(marks, "mark")), each \(part) wide; the stronger its colour, the more. \
            <span class="key x"></span> something failed <span class="key f"></span> fault \
            <span class="key v"></span> violation.\(silence)\(omitted)</p>
            """
    }
}

/// Five depths of colour, each for twice to many times the last one's number.
enum Shade {
    /// 1...5, by the logarithm.
    static func of(_ count: Int, busiest: Int) -> Int {
        guard busiest > 1, count > 1 else { return busiest > 1 ? 1 : 3 }
        let depth = Double(bits(count)) / Double(bits(busiest))
        return min(5, 1 + Int((depth * 4).rounded()))
    }

    private static func bits(_ count: Int) -> Int { Int.bitWidth - count.leadingZeroBitCount }
}

/// Events in words.
enum EventWords {
    static func line(_ event: RunEvent) -> String {
        var parts = ["\(event.lane.rawValue), \(Figures.duration(event.nanoseconds)): \(event.name)"]
        if let slot = event.slot { parts.append(slot) }
        if let range = event.range { parts.append(self.range(range)) }
        if let latency = event.latencyNanoseconds { parts.append("took \(Figures.duration(latency))") }
        if let detail = event.detail { parts.append(detail) }
        if !event.hasSucceeded { parts.append("failed") }
        return parts.joined(separator: ", ").onOneLine
    }

    /// "4 KiB at 1,048,576".
    static func range(_ range: RunEvent.ByteRange) -> String {
        "\(Figures.bytes(range.end >= range.start ? range.end - range.start : 0)) at \(Figures.count(range.start))"
    }
}
