import RunLog

/// Many runs as one HTML file.
package struct RegressionPage {
    static let maximumFailures = 100
    static let maximumSeedsPerFailure = 12
    /// Failed runs listed with the fewest steps, and with the most.
    static let maximumListedRuns = 10
    static let maximumSkipped = 100
    static let maximumProblems = 100

    private let regression: Regression

    package static func render(_ regression: Regression) -> String {
        RegressionPage(regression: regression).page()
    }

    private func page() -> String {
        var sections: [(identifier: String, heading: String, content: Markup)] = []
        if !regression.problems.isEmpty { sections.append(("problems", "Incomplete results", problems)) }
        sections.append(("scenarios", "Scenarios", scenarios))
        if !regression.failed.isEmpty {
            sections.append(("failures", "Failures", failures))
            sections.append(("runs", "Fastest and slowest failing seeds", failedRuns))
        }
        sections.append(("coverage", "Faults by state", regression.coverage.html()))
        sections.append(("latency", "Slowest lanes", LatencyTable(latencies: slowestFirst).render()))
        sections.append(("sizes", "Sizes of runs", sizes))
        if !regression.skipped.isEmpty { sections.append(("skipped", "Skipped", skipped)) }
        return PageFrame.page(
            title: "\(regression.verdict.words): \(Figures.count(regression.runs.count, "run"))",
            header: header + PageFrame.navigation(sections.map { ($0.identifier, $0.heading) }),
            main: Markup(sections.map { PageFrame.section($0.identifier, $0.heading, $0.content) }))
    }

    private var header: Markup {
        let counts = regression.counts
        var tiles = [("runs", Figures.count(regression.runs.count))]
        for verdict in [RunVerdict.passed] + RunVerdict.bySeverity where counts[verdict] != nil {
            let tile = (verdict.words, Figures.count(counts[verdict] ?? 0))
            if !tiles.contains(where: { $0.0 == tile.0 }) { tiles.append(tile) }
        }
        if !regression.skipped.isEmpty { tiles.append(("skipped", Figures.count(regression.skipped.count))) }
        let virtual = regression.runs.reduce(Int64(0)) { $0 &+ $1.virtualNanoseconds }
        let wall = regression.runs.reduce(Int64(0)) { $0 &+ $1.wallNanoseconds }
        let proven = regression.runs.reduce(UInt64(0)) { $0 &+ $1.provenByteCount }
        tiles += [
            ("virtual time", Figures.duration(virtual)), ("machine time", Figures.duration(wall)),
            ("proven", Figures.bytes(proven)),
        ]
        let commits = Set(regression.runs.map(\.identity.commit)).sorted()
        let worlds = Set(regression.runs.map(\.identity.world)).sorted()
        return """
            \(PageFrame.badge(Markup(stringLiteral: regression.verdict.rawValue), regression.verdict.words))
            <h1>\(Figures.count(regression.runs.count, "run")) of \(Figures.count(regression.scenarios.count, "scenario"))</h1>
            \(bar(counts))\(PageFrame.tiles(tiles))
            \(PageFrame.facts([
                ("commit", "<code>\(commits.prefix(4).joined(separator: ", "))</code>"),
                ("world", "\(worlds.prefix(8).joined(separator: ", "))"),
            ]))\(notes)
            """
    }

    private var notes: Markup {
        Markup(regression.notes.prefix(Self.maximumProblems).map { "<p class=\"note\">\($0)</p>" })
    }

    private func bar(_ counts: [RunVerdict: Int]) -> Markup {
        let total = Double(max(1, regression.runs.count))
        var place = 0.0
        var parts: Markup = ""
        for verdict in RunVerdict.bySeverity.reversed() {
            guard let count = counts[verdict] else { continue }
            let kind: Markup =
                verdict == .passed
                ? "passed" : verdict == .vacuous || verdict == .broken ? "unsure" : "failed"
            // One in a hundred thousand must still be seen.
            let width = max(0.004, Double(count) / total)
            let start = min(place, 1 - width)
            parts += """
                <rect x="\(Figures.percent(start))%" width="\(Figures.percent(width))%" height="100%" class="\(kind)">\
                <title>\(verdict.words): \(Figures.count(count))</title></rect>
                """
            place += Double(count) / total
        }
        return
            "<div class=\"share\"><svg role=\"img\" aria-label=\"Share of each verdict\">\(parts)</svg></div>"
    }

    private var problems: Markup {
        let items = regression.problems.prefix(Self.maximumProblems).map { "<li>\($0)</li>" as Markup }
        let more = regression.problems.count - items.count
        let note: Markup = more > 0 ? "<p class=\"note\">… and \(Figures.count(more)) more.</p>" : ""
        return
            "<p class=\"bad\">These results are not whole, so nothing they say of the whole counts.</p><ul>\(Markup(items))</ul>\(note)"
    }

    private var scenarios: Markup {
        let verdicts = RunVerdict.bySeverity.reversed().filter {
            regression.counts[$0] != nil || $0 == .passed
        }
        let heads = Markup(verdicts.map { "<th scope=\"col\" class=\"n\">\($0.words)</th>" })
        let rows = regression.scenarios.map { scenario -> Markup in
            let cells = verdicts.map { verdict -> Markup in
                let count = scenario.counts[verdict] ?? 0
                let kind: Markup = count == 0 ? "n dim" : verdict == .passed ? "n" : "n bad"
                return "<td class=\"\(kind)\">\(Figures.count(count))</td>"
            }
            let isPassed = scenario.firstFailedSeed == nil
            return """
                <tr\(isPassed ? "" : " class=\"failed\"" as Markup)><th scope="row">\(scenario.name)</th><td>\(scenario.world)</td>\
                <td class="n">\(Figures.count(scenario.runCount))</td>\(Markup(cells))\
                <td class="n">\(scenario.firstFailedSeed.map { "\($0)" } ?? "–")</td>\
                <td class="n">\(Figures.duration(scenario.virtualNanoseconds))</td>\
                <td class="n">\(Figures.duration(scenario.wallNanoseconds))</td>\
                <td class="n">\(Figures.bytes(scenario.provenByteCount))</td></tr>

                """
        }
        return table(
            "Scenarios", identifier: "scenario-list",
            head: """
                <th scope="col">scenario</th><th scope="col">world</th><th scope="col" class="n">runs</th>\(heads)\
                <th scope="col" class="n">first failing seed</th><th scope="col" class="n">virtual time</th>\
                <th scope="col" class="n">machine time</th><th scope="col" class="n">proven</th>
                """, rows: rows)
    }

    private var failures: Markup {
        let all = regression.failures
        let rows = all.prefix(Self.maximumFailures).map { failure -> Markup in
            let seeds = failure.runs.prefix(Self.maximumSeedsPerFailure).map(link)
            let more = failure.runs.count - seeds.count
            let first = failure.runs[0]
            return """
                <tr class="failed"><td class="event">\(failure.name)</td><td>\(failure.verdict.words)</td>\
                <td class="n">\(Figures.count(failure.runs.count))</td><td class="text">\(failure.scenarios.joined(separator: ", ").cut(to: 300))</td>\
                <td class="text">\(failure.alwaysFired.isEmpty ? "–" : failure.alwaysFired.joined(separator: ", ").cut(to: 300))</td>\
                <td class="text">\(Markup(seeds, separator: ", "))\(more > 0 ? " and \(Figures.count(more)) more" : "")</td>\
                <td class="text">\((first.violations.first?.detail ?? first.verdict.explanation).cut(to: 300))\
                <br/><code>\(first.identity.replayCommand)</code></td></tr>

                """
        }
        let left = all.count - rows.count
        let note: Markup = left > 0 ? " \(Figures.count(left)) more kinds are left out." : ""
        return table(
            "Failures", identifier: "failure-list",
            head: """
                <th scope="col">broken promise</th><th scope="col">verdict</th><th scope="col" class="n">runs</th>\
                <th scope="col">scenarios</th><th scope="col">faults that fired in all of them</th>\
                <th scope="col">seeds, fewest steps first</th><th scope="col">the first of them</th>
                """, rows: rows)
            + "<p class=\"note\">Failures with the same verdict and first violation are one row.\(note)</p>"
    }

    private func link(_ run: RunSummary) -> Markup {
        guard let page = run.page, let address = PageAddress.relative(page) else {
            return "\(run.identity.seed)"
        }
        return "<a href=\"\(address)\">\(run.identity.seed)</a>"
    }

    private var failedRuns: Markup {
        let bySteps = regression.failed.sorted { ($0.stepCount, $0.name) < ($1.stepCount, $1.name) }
        let fastest = bySteps.prefix(Self.maximumListedRuns)
        let slowest = bySteps.dropFirst(fastest.count).suffix(Self.maximumListedRuns).reversed()
        let rest: Markup = slowest.isEmpty ? "" : "<h3>Most steps</h3>\(runTable("slowest", Array(slowest)))"
        return "<h3>Fewest steps</h3>\(runTable("fastest", Array(fastest)))\(rest)"
    }

    private func runTable(_ identifier: Markup, _ runs: [RunSummary]) -> Markup {
        let rows = runs.map { run -> Markup in
            """
            <tr class="failed"><td class="n">\(link(run))</td><th scope="row">\(run.identity.scenario)</th>\
            <td class="event">\(run.violations.first?.name ?? run.verdict.words)</td><td class="n">\(Figures.count(run.stepCount))</td>\
            <td class="n">\(Figures.duration(run.virtualNanoseconds))</td><td class="n">\(Figures.duration(run.wallNanoseconds))</td>\
            <td class="text"><code>\(run.identity.replayCommand)</code></td></tr>

            """
        }
        return table(
            "Failing seeds", identifier: identifier,
            head: """
                <th scope="col" class="n">seed</th><th scope="col">scenario</th><th scope="col">broken promise</th>\
                <th scope="col" class="n">steps</th><th scope="col" class="n">virtual time</th>\
                <th scope="col" class="n">machine time</th><th scope="col">run it again</th>
                """, rows: rows)
    }

    private var slowestFirst: [LaneLatency] {
        regression.latencies.sorted {
            ($1.histogram.percentile(0.99), $0.lane.rawValue) < (
                $0.histogram.percentile(0.99), $1.lane.rawValue
            )
        }
    }

    private var sizes: Markup {
        let times = DistributionPicture(
            values: regression.runs.map { ($0.virtualNanoseconds, $0.verdict != .passed) },
            words: { Figures.duration($0) })
        let steps = DistributionPicture(
            values: regression.runs.map { (Int64(clamping: $0.stepCount), $0.verdict != .passed) },
            words: { Figures.count($0) })
        return """
            <h3>Virtual time</h3>\(times.render("Runs by virtual time"))
            <h3>Steps</h3>\(steps.render("Runs by steps"))
            <p class="note">Each bar is twice as far right as the one before. <span class="key x"></span> runs that did not pass.</p>
            """
    }

    private var skipped: Markup {
        let rows = regression.skipped.prefix(Self.maximumSkipped).map { skip -> Markup in
            """
            <tr><th scope="row">\(skip.scenario)</th><td>\(skip.world)</td>\
            <td class="n">\(skip.seed.map { "\($0)" } ?? "all")</td><td class="text">\(skip.reason)</td></tr>

            """
        }
        return table(
            "Skipped", identifier: "skipped-list",
            head: """
                <th scope="col">scenario</th><th scope="col">world</th><th scope="col" class="n">seed</th>\
                <th scope="col">why</th>
                """, rows: rows)
    }

    private func table(_ name: String, identifier: Markup, head: Markup, rows: [Markup]) -> Markup {
        """
        <div class="scroll" role="region" tabindex="0" aria-label="\(name)"><table id="\(identifier)">
        <thead><tr>\(head)</tr></thead><tbody>\(Markup(rows))</tbody></table></div>
        """
    }
}

/// Links to other files of the same artefacts.
package enum PageAddress {
    /// A path as a relative URL; `nil` for what leads elsewhere.
    package static func relative(_ path: String) -> String? {
        guard !path.isEmpty, !path.hasPrefix("/") else { return nil }
        var address = "./"
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."),
                UInt8(ascii: "/"):
                address.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                address += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return address
    }
}
