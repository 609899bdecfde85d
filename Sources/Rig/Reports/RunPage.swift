package import RunLog

/// One run as one HTML file.
package struct RunPage {
    /// Events listed before the first violation, or before the end.
    static let maximumListedEvents = 60
    static let maximumListedViolations = 100
    static let maximumPlanLines = 500
    private static let zooms = [1, 4, 16]

    private let record: RunRecord
    private let axis: TimeAxis

    package static func render(_ record: RunRecord) -> String {
        RunPage(record: record, axis: TimeAxis(record)).page()
    }

    private func page() -> String {
        let identity = record.identity
        var sections: [(identifier: String, heading: String, content: Markup)] = []
        if !record.violations.isEmpty { sections.append(("violations", "Violations", violations)) }
        sections.append(("time", "Over time", pictures))
        sections.append(
            ("latency", "Latency", LatencyTable(latencies: LaneLatency.all(of: record.events)).render()))
        sections.append(("coverage", "Faults by state", coverage.html() + tallies))
        sections.append(
            ("events", record.violations.isEmpty ? "Last events" : "Before the first violation", events))
        sections.append(("plan", "Resolved plan", plan))
        return PageFrame.page(
            title: "\(record.verdict.words): \(identity.scenario), seed \(identity.seed)",
            header: header + PageFrame.navigation(sections.map { ($0.identifier, $0.heading) }),
            main: Markup(sections.map { PageFrame.section($0.identifier, $0.heading, $0.content) }))
    }

    private var header: Markup {
        let identity = record.identity
        let fired = record.faults.reduce(0) { $0 + $1.fired }
        var facts: [(name: String, value: Markup)] = [
            ("verdict", "\(record.verdict.explanation)"),
            ("world", "\(identity.world)\(identity.kernel.isEmpty ? "" : ", kernel \(identity.kernel)")"),
            ("commit", "<code>\(identity.commit)</code>"), ("schedule", "\(identity.schedule)"),
            ("trace hash", "<code>\(Figures.hash(record.traceHash))</code>"),
        ]
        for (image, digest) in identity.imageSHA256.sorted(by: { $0.key < $1.key }) {
            facts.append(("SHA-256 of \(image)", "<code>\(digest)</code>"))
        }
        let verdict = Markup(stringLiteral: record.verdict.rawValue)
        return """
            \(PageFrame.badge(verdict, record.verdict.words))
            <h1>\(identity.scenario), seed \(identity.seed)</h1>
            \(PageFrame.tiles([
                ("virtual time", Figures.duration(record.virtualNanoseconds)),
                ("real time", Figures.duration(record.wallNanoseconds)),
                ("steps", Figures.count(record.stepCount)),
                ("events", Figures.count(record.events.count + record.omittedEventCount)),
                ("faults fired", Figures.count(fired)), ("violations", Figures.count(record.violations.count)),
                ("proven", Figures.bytes(record.provenByteCount)),
            ]))
            \(PageFrame.facts(facts))
            <h2>Run it again</h2>\(PageFrame.command(identity.replayCommand, identifier: "replay"))
            """
    }

    private var violations: Markup {
        let shown = record.violations.prefix(Self.maximumListedViolations)
        let rows = shown.map { violation -> Markup in
            """
            <tr class="failed"><td class="n">\(Figures.duration(violation.nanoseconds))</td><td>\(violation.slot ?? "–")</td>\
            <td class="event">\(violation.name)</td><td class="text">\(violation.detail.cut(to: 2000))</td></tr>

            """
        }
        let more = record.violations.count - shown.count
        let note: Markup = more > 0 ? "<p class=\"note\">… and \(Figures.count(more)) more.</p>" : ""
        return """
            <div class="scroll" role="region" tabindex="0" aria-label="Violations"><table>
            <thead><tr><th scope="col" class="n">time</th><th scope="col">slot</th><th scope="col">broken promise</th>\
            <th scope="col">what was seen</th></tr></thead><tbody>\(Markup(rows))</tbody></table></div>\(note)
            """
    }

    private var pictures: Markup {
        let zooms = Self.zooms.map { factor -> Markup in
            let checked: Markup = factor == 1 ? " checked=\"\"" : ""
            return """
                <span><input type="radio" name="zoom" id="zoom\(factor)"\(checked)/>
                <label for="zoom\(factor)">\(factor)×</label></span>
                """
        }
        return """
            <div class="pictures"><fieldset class="zoom"><legend>Zoom</legend>\(Markup(zooms))</fieldset>
            <div class="scroll" role="region" tabindex="0" aria-label="Pictures over time"><div class="time">
            \(ticks)
            <h3>Timeline</h3>\(TimelinePicture(record, axis).render())
            <h3>Slot states</h3>\(SlotStatesPicture(record, axis).render())
            <h3>Throughput</h3>\(ThroughputPicture(record, axis).render())
            <h3>Bytes of the image</h3>\(HeatMapPicture(record, axis).render())
            \(ticks)</div></div></div>
            """
    }

    private var ticks: Markup {
        let labels = Self.zooms.map { zoom -> Markup in
            "<g class=\"z\(zoom)\">\(Markup(axis.ticks(atMost: 6 * zoom).map(tick)))</g>"
        }
        return """
            <div class="row"><div class="labels"></div><svg height="20" aria-hidden="true">\(Markup(labels))</svg></div>
            """
    }

    private func tick(_ time: Int64) -> Markup {
        let share = axis.share(time)
        let anchor: Markup = share > 0.95 ? "end" : share < 0.01 ? "start" : "middle"
        let place = Figures.percent(share)
        return """
            <line class="tick" x1="\(place)%" x2="\(place)%" y1="14" y2="20"/>\
            <text x="\(place)%" y="11" text-anchor="\(anchor)">\(Figures.duration(time))</text>
            """
    }

    /// With all states that slots went through: in which of them nothing fired is what one looks for.
    private var coverage: CoverageTable {
        let states = SlotStatesPicture(record, axis).segments.flatMap { $0.segments.map(\.state) }
        return CoverageTable(record.faults, states: states)
    }

    private var tallies: Markup {
        guard !record.faults.isEmpty else { return "" }
        let rows = record.faults.map { tally -> Markup in
            let fired: Markup =
                tally.fired == 0
                ? "<td class=\"n never\">0</td>" : "<td class=\"n\">\(Figures.count(tally.fired))</td>"
            return """
                <tr><th scope="row">\(tally.identifier)</th><td><code>\(tally.kind)</code></td>\
                <td class="n">\(Figures.count(tally.matched))</td>\(fired)\
                <td class="n">\(tally.firstFiredNanoseconds.map { Figures.duration($0) } ?? "–")</td>\
                <td class="n">\(tally.stallNanoseconds == 0 ? "–" : Figures.duration(tally.stallNanoseconds))</td></tr>

                """
        }
        return """
            <h3>Each fault of the plan</h3>
            <div class="scroll" role="region" tabindex="0" aria-label="Each fault of the plan"><table class="snug">
            <thead><tr><th scope="col">fault</th><th scope="col">kind</th><th scope="col" class="n">matched</th>\
            <th scope="col" class="n">fired</th><th scope="col" class="n">first at</th><th scope="col" class="n">delays in all</th></tr></thead>
            <tbody>\(Markup(rows))</tbody></table></div>
            """
    }

    private var events: Markup {
        let end = record.violations.map(\.nanoseconds).min() ?? .max
        let before = record.events.filter { $0.nanoseconds <= end }
        guard !before.isEmpty else { return "<p class=\"dim\">No event was kept.</p>" }
        let listed = before.suffix(Self.maximumListedEvents)
        let lanes = Lane.allCases.filter { lane in listed.contains { $0.lane == lane } }
        let options = Markup(lanes.map { "<option>\($0.rawValue)</option>" })
        return """
            <p class="note">The last \(Figures.count(listed.count)) of \(Figures.count(before.count, "event")). All of them \
            are in the event log.</p>
            <div class="tools" data-table="event-list"><input type="search" placeholder="Filter" aria-label="Filter events"/>
            <select aria-label="Lane"><option value="">all lanes</option>\(options)</select> <output class="dim"></output></div>
            <div class="scroll" role="region" tabindex="0" aria-label="Events"><table id="event-list">
            <thead><tr><th scope="col" class="n">time</th><th scope="col">lane</th><th scope="col">slot</th>\
            <th scope="col">event</th><th scope="col">bytes</th><th scope="col" class="n">took</th>\
            <th scope="col">detail</th></tr></thead>
            <tbody>\(Markup(listed.map(row)))</tbody></table></div>
            """
    }

    private func row(_ event: RunEvent) -> Markup {
        let kind: Markup =
            !event.hasSucceeded ? " class=\"failed\"" : event.lane == .fault ? " class=\"injected\"" : ""
        let failed: Markup = event.hasSucceeded ? "" : " (failed)"
        return """
            <tr\(kind) data-lane="\(event.lane.rawValue)"><td class="n">\(Figures.duration(event.nanoseconds))</td>\
            <td>\(event.lane.rawValue)</td><td>\(event.slot ?? "")</td><td class="event">\(event.name)\(failed)</td>\
            <td>\(event.range.map(EventWords.range) ?? "")</td>\
            <td class="n">\(event.latencyNanoseconds.map { Figures.duration($0) } ?? "")</td>\
            <td class="text">\((event.detail ?? "").cut(to: 500))</td></tr>

            """
    }

    private var plan: Markup {
        let lines = record.identity.plan
        guard !lines.isEmpty else { return "<p class=\"dim\">Nothing was to go wrong.</p>" }
        let more = lines.count - Self.maximumPlanLines
        let note = more > 0 ? "\n… and \(Figures.count(more)) more" : ""
        return "<pre>\(lines.prefix(Self.maximumPlanLines).joined(separator: "\n"))\(note)</pre>"
    }
}
