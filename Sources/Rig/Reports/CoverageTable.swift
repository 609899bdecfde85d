package import RunLog

/// How often each fault fired in each state of a slot; what never happened is as plain as what did.
package struct CoverageTable: Equatable, Sendable {
    package struct Row: Equatable, Sendable {
        package var kind: String
        package var matched = 0
        package var fired = 0
        package var firedByState: [String: Int] = [:]
    }

    /// Sorted by kind.
    package private(set) var rows: [Row]
    /// Sorted; "-" is no slot's state.
    package private(set) var states: [String]

    /// - Parameters:
    ///   - kinds: faults that should be there even if no run planned them: the catalogue's.
    ///   - states: states that should be there even if nothing fired in them.
    package init(_ tallies: some Sequence<FaultTally>, kinds: [String] = [], states: [String] = []) {
        var byKind: [String: Row] = [:]
        for kind in kinds { byKind[kind] = Row(kind: kind) }
        var seen = Set(states)
        for tally in tallies {
            var row = byKind[tally.kind] ?? Row(kind: tally.kind)
            row.matched += tally.matched
            row.fired += tally.fired
            for (state, count) in tally.firedByState {
                row.firedByState[state, default: 0] += count
                seen.insert(state)
            }
            byKind[tally.kind] = row
        }
        rows = byKind.values.sorted { $0.kind < $1.kind }
        self.states = seen.sorted()
    }

    /// Cells of the table in which nothing ever fired.
    package var neverHitCount: Int {
        rows.reduce(0) { sum, row in sum + states.count { row.firedByState[$0, default: 0] == 0 } }
    }

    package var neverFired: [String] { rows.filter { $0.fired == 0 }.map(\.kind) }

    /// Rows that never fired are folded away from so many on.
    static let maximumOpenNeverFired = 20

    func html() -> Markup {
        guard !rows.isEmpty else { return "<p class=\"dim\">No fault was planned.</p>" }
        let silent = rows.filter { $0.fired == 0 }
        let isFolded = silent.count > Self.maximumOpenNeverFired
        let never: Markup = silent.isEmpty ? "" : ", \(silent.count) of \(rows.count) faults never fired"
        let folded: Markup =
            isFolded
            ? """
            <details><summary>\(Figures.count(silent.count, "fault")) that never fired</summary>
            \(table(silent, "Faults that never fired"))</details>
            """ : ""
        return """
            \(table(isFolded ? rows.filter { $0.fired > 0 } : rows, "Faults by state"))
            <p class="note">\(Figures.count(neverHitCount)) of \(Figures.count(rows.count * states.count)) \
            combinations were never hit\(never). <span class="key never"></span> never.</p>\(folded)
            """
    }

    private func table(_ rows: [Row], _ name: String) -> Markup {
        guard !rows.isEmpty else { return "<p class=\"dim\">No fault fired.</p>" }
        let heads = Markup(states.map { "<th scope=\"col\" class=\"n\">\(Self.words($0))</th>" })
        return """
            <div class="scroll" role="region" tabindex="0" aria-label="\(name)"><table class="snug">
            <thead><tr><th scope="col">fault</th><th scope="col" class="n">matched</th>\
            <th scope="col" class="n">fired</th>\(heads)</tr></thead>
            <tbody>\(Markup(rows.map(html)))</tbody></table></div>
            """
    }

    private func html(_ row: Row) -> Markup {
        let cells = states.map { state -> Markup in
            let count = row.firedByState[state, default: 0]
            return count == 0 ? Self.neverCell : "<td class=\"n hit\">\(Figures.count(count))</td>"
        }
        let fired: Markup =
            row.fired == 0 ? Self.neverCell : "<td class=\"n\">\(Figures.count(row.fired))</td>"
        return """
            <tr><th scope="row"><code>\(row.kind)</code></th><td class="n">\(Figures.count(row.matched))</td>\(fired)\
            \(Markup(cells))</tr>

            """
    }

    private static let neverCell: Markup = "<td class=\"n never\">0</td>"

    private static func words(_ state: String) -> String { state == "-" ? "no slot" : state }

    /// A Markdown table, aligned so that it also reads well as it is; never-hit cells hold "·".
    package func markdown() -> String {
        let head = ["fault", "matched", "fired"] + states.map(Self.words)
        let body = rows.map { row in
            ["`\(row.kind)`", "\(row.matched)", row.fired == 0 ? "·" : "\(row.fired)"]
                + states.map { state in
                    let count = row.firedByState[state, default: 0]
                    return count == 0 ? "·" : "\(count)"
                }
        }
        return TextTable(head: head, rows: body).markdown()
    }
}
