import RunLog

/// Which parts of its image each slot touched, over time.
struct HeatMapPicture {
    static let columns = 240
    static let rows = 32
    static let mapHeight = 96
    static let maximumMaps = 16

    struct Map {
        let slot: String
        let lane: Lane
        /// One past the last byte that was touched.
        var end: UInt64 = 0
        /// Operations per cell, row after row.
        var counts = [Int](repeating: 0, count: columns * rows)
        var failed = [Int](repeating: 0, count: columns * rows)
    }

    let maps: [Map]
    private let leftOut: Int

    init(_ record: RunRecord, _ axis: TimeAxis) {
        var lanesBySlot: [String: [Lane: Int]] = [:]
        var ends: [String: UInt64] = [:]
        for event in record.events {
            guard event.lane.movesBytes, let range = event.range, range.end > range.start else { continue }
            let slot = event.slot ?? "all"
            lanesBySlot[slot, default: [:]][event.lane, default: 0] += 1
            ends[slot] = max(ends[slot] ?? 0, range.end)
        }
        var maps: [Map] = []
        var indices: [String: Int] = [:]
        let slots = lanesBySlot.sorted { $0.key < $1.key }
        for (slot, lanes) in slots.prefix(Self.maximumMaps) {
            // One read shows in every lane it passes: the host's own are what matters, if there are any.
            let busiest = Lane.allCases.max { (lanes[$0] ?? 0) < (lanes[$1] ?? 0) } ?? .host
            indices[slot] = maps.count
            maps.append(Map(slot: slot, lane: lanes[.host] == nil ? busiest : .host, end: ends[slot] ?? 0))
        }
        for event in record.events {
            guard let range = event.range, range.end > range.start, let index = indices[event.slot ?? "all"],
                maps[index].lane == event.lane
            else { continue }
            let column = axis.bin(event.nanoseconds, of: Self.columns)
            let first = Self.row(range.start, maps[index].end)
            for row in first...Self.row(range.end - 1, maps[index].end) {
                maps[index].counts[row * Self.columns + column] += 1
                if !event.hasSucceeded { maps[index].failed[row * Self.columns + column] += 1 }
            }
        }
        self.maps = maps
        leftOut = slots.count - maps.count
    }

    private static func row(_ byte: UInt64, _ end: UInt64) -> Int {
        min(rows - 1, Int(Double(byte) / Double(max(1, end)) * Double(rows)))
    }

    func render() -> Markup {
        guard !maps.isEmpty else { return "<p class=\"dim\">No event concerned bytes of an image.</p>" }
        let more = leftOut > 0 ? " \(Figures.count(leftOut)) more slots are left out." : ""
        return "<div class=\"spaced\">\(Markup(maps.map(drawn)))</div>"
            + """
            <p class="note">Byte 0 is at the top. Each cell is a \(Self.rows)th of what was touched of the image; the \
            stronger its colour, the more operations. <span class="key x"></span> something failed there.\(more)</p>
            """
    }

    private func drawn(_ map: Map) -> Markup {
        let busiest = map.counts.max() ?? 1
        var paths: [String: String] = [:]
        for row in 0..<Self.rows {
            var column = 0
            while column < Self.columns {
                let shade = shade(map, row, column, busiest)
                let start = column
                repeat {
                    column += 1
                } while column < Self.columns && self.shade(map, row, column, busiest) == shade
                guard let shade else { continue }
                paths[shade, default: ""] += "M\(start) \(row)h\(column - start)v1h-\(column - start)z"
            }
        }
        let cells = Markup(
            paths.sorted { $0.key < $1.key }.map { "<path class=\"\($0.key)\" d=\"\($0.value)\"/>" })
        let operations = map.lane.rawValue
        let words = "\(map.slot), \(operations): bytes 0 to \(Figures.bytes(map.end)) over time"
        return """
            <div class="row"><div class="labels"><div class="map"><span>0</span><b>\(map.slot)</b>\
            <span>\(operations)</span><span>\(Figures.bytes(map.end))</span></div></div>
            <svg class="heat" height="\(Self.mapHeight)" viewBox="0 0 \(Self.columns) \(Self.rows)" \
            preserveAspectRatio="none" role="img" aria-label="\(words)"><title>\(words)</title>\(cells)</svg></div>

            """
    }

    private func shade(_ map: Map, _ row: Int, _ column: Int, _ busiest: Int) -> String? {
        let cell = row * Self.columns + column
        if map.failed[cell] > 0 { return "x" }
        return map.counts[cell] > 0 ? "b\(Shade.of(map.counts[cell], busiest: busiest))" : nil
    }
}
