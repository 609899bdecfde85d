import Reports
import RunLog

/// The events of each lane as lines for people.
enum LaneLog {
    /// - Returns: by lane, of those that have events, in the order of the path.
    static func logs(_ events: [RunEvent], limit: Int) -> [(lane: Lane, text: [UInt8])] {
        var byLane: [Lane: [RunEvent]] = [:]
        for event in events { byLane[event.lane, default: []].append(event) }
        return Lane.allCases.compactMap { lane in byLane[lane].map { (lane, text($0, limit: limit)) } }
    }

    /// The last lines that fit, and how many do not.
    private static func text(_ events: [RunEvent], limit: Int) -> [UInt8] {
        var lines: [[UInt8]] = []
        var byteCount = 0
        for event in events.reversed() {
            let line = Array(line(event).utf8)
            guard byteCount + line.count <= limit else { break }
            byteCount += line.count
            lines.append(line)
        }
        let left = events.count - lines.count
        let note = left > 0 ? "… \(left) earlier events are in events.jsonl only\n" : ""
        return Array(note.utf8) + lines.reversed().joined()
    }

    private static func line(_ event: RunEvent) -> String {
        let time = Figures.seconds(event.nanoseconds)
        let padding = String(repeating: " ", count: max(0, 16 - time.count))
        var parts = ["\(padding)\(time)", event.slot ?? "-", event.name]
        if let range = event.range { parts.append("bytes \(range.start)..<\(range.end)") }
        if let latency = event.latencyNanoseconds { parts.append("took \(Figures.seconds(latency)) s") }
        if let detail = event.detail { parts.append(detail) }
        if !event.hasSucceeded { parts.append("FAILED") }
        return PlainText.oneLine(parts.joined(separator: "  ")) + "\n"
    }
}
