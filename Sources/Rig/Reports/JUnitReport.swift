import RunLog

/// Results as JUnit XML, in the shape that Jenkins, GitLab and others read: a suite per scenario, a case per
/// seed, and in each case one failure at most.
package struct JUnitReport {
    /// Cases of passed runs in one suite; those beyond are told in one case, since readers build a page of each.
    package static let maximumPassedCases = 5000
    /// Characters of a failure's message, which readers show on one line.
    static let maximumMessageLength = 300
    /// Characters of a property: plans can be long.
    static let maximumPropertyLength = 8192

    private struct Suite {
        var runs: [RunSummary] = []
        var skipped: [SkippedRun] = []
    }
    private struct Counts {
        var tests = 0
        var failures = 0
        var errors = 0
        var skipped = 0
        var nanoseconds: Int64 = 0
    }

    /// - Parameters:
    ///   - runs: in any order; each should be there once, since readers tell cases apart by name only.
    ///   - startedAt: date and time as ISO 8601 has it, with the zone; left out where not known.
    package static func render(
        _ runs: [RunSummary], skipped: [SkippedRun] = [], startedAt: String? = nil
    ) -> String {
        var suites: [String: Suite] = [:]
        for run in runs { suites[run.identity.scenario, default: Suite()].runs.append(run) }
        for skip in skipped { suites[skip.scenario, default: Suite()].skipped.append(skip) }
        var body: Markup = ""
        var total = Counts()
        for (name, suite) in suites.sorted(by: { $0.key < $1.key }) {
            var counts = Counts()
            let cases = Self.cases(of: suite, counts: &counts)
            body += Self.suite(name, suite, counts, cases, startedAt)
            total.tests += counts.tests
            total.failures += counts.failures
            total.errors += counts.errors
            total.skipped += counts.skipped
            total.nanoseconds += counts.nanoseconds
        }
        let document: Markup = """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="mediarig"\(attributes(total))>
            \(body)</testsuites>

            """
        return document.source
    }

    private static func attributes(_ counts: Counts) -> Markup {
        """
         tests="\(counts.tests)" failures="\(counts.failures)" errors="\(counts.errors)" \
        skipped="\(counts.skipped)" time="\(Figures.seconds(counts.nanoseconds))"
        """
    }

    private static func suite(
        _ name: String, _ suite: Suite, _ counts: Counts, _ cases: Markup, _ startedAt: String?
    ) -> Markup {
        // What all runs of the suite share; where they differ, each case has its own.
        let worlds = Set(suite.runs.map(\.identity.world) + suite.skipped.map(\.world)).sorted()
        let commits = Set(suite.runs.map(\.identity.commit)).sorted()
        let kernels = Set(suite.runs.map(\.identity.kernel)).sorted()
        let timestamp: Markup = startedAt.map { " timestamp=\"\($0)\"" } ?? ""
        return """
            <testsuite name="\(name)"\(attributes(counts))\(timestamp)>
            <properties>
            \(property("commit", commits.joined(separator: ", ")))\
            \(property("world", worlds.joined(separator: ", ")))\
            \(property("kernel", kernels.joined(separator: ", ")))\
            </properties>
            \(cases)</testsuite>

            """
    }

    private static func cases(of suite: Suite, counts: inout Counts) -> Markup {
        var cases: Markup = ""
        var passed = 0
        var folded: [RunSummary] = []
        for run in suite.runs.sorted(by: { $0.name < $1.name }) {
            counts.nanoseconds += run.wallNanoseconds
            if run.verdict == .passed {
                passed += 1
                if passed > maximumPassedCases {
                    folded.append(run)
                    continue
                }
            }
            counts.tests += 1
            if run.verdict == .broken {
                counts.errors += 1
            } else if run.verdict != .passed {
                counts.failures += 1
            }
            cases += testCase(run)
        }
        if !folded.isEmpty {
            counts.tests += 1
            cases += foldedCase(folded)
        }
        for skip in suite.skipped {
            counts.tests += 1
            counts.skipped += 1
            cases += """
                <testcase classname="\(className(skip.scenario, skip.world))" \
                name="\(skip.seed.map { "seed \($0)" } ?? "all seeds")" time="0.000000">
                <skipped message="\(skip.reason)"/>
                </testcase>

                """
        }
        return cases
    }

    private static func testCase(_ run: RunSummary) -> Markup {
        """
        <testcase classname="\(className(run.identity.scenario, run.identity.world))" \
        name="seed \(run.identity.seed)" time="\(Figures.seconds(run.wallNanoseconds))">
        <properties>
        \(properties(of: run))</properties>
        \(outcome(of: run))</testcase>

        """
    }

    private static func foldedCase(_ runs: [RunSummary]) -> Markup {
        let nanoseconds = runs.reduce(Int64(0)) { $0 + $1.wallNanoseconds }
        let seeds = runs.map(\.identity.seed)
        return """
            <testcase classname="\(className(runs[0].identity.scenario, runs[0].identity.world))" \
            name="\(Figures.count(runs.count)) more seeds that passed" time="\(Figures.seconds(nanoseconds))">
            <system-out>Seeds \(seeds.min() ?? 0) to \(seeds.max() ?? 0), without those listed.</system-out>
            </testcase>

            """
    }

    /// Readers take what is before the last dot for a package.
    private static func className(_ scenario: String, _ world: String) -> String {
        "mediarig.\(world).\(scenario.replacing(".", with: "_"))".onOneLine
    }

    private static func property(_ name: String, _ value: String) -> Markup {
        "<property name=\"\(name)\" value=\"\(value.cut(to: maximumPropertyLength))\"/>\n"
    }

    private static func properties(of run: RunSummary) -> Markup {
        let identity = run.identity
        var list = property("commit", identity.commit)
        list += property("seed", "\(identity.seed)")
        list += property("world", identity.world)
        list += property("kernel", identity.kernel)
        for (image, digest) in identity.imageSHA256.sorted(by: { $0.key < $1.key }) {
            list += property("sha256 of \(image)", digest)
        }
        list += property("plan", identity.plan.joined(separator: "\n"))
        list += property("schedule", identity.schedule)
        list += property("verdict", run.verdict.rawValue)
        list += property("trace hash", Figures.hash(run.traceHash))
        list += property("virtual time", Figures.seconds(run.virtualNanoseconds))
        list += property("steps", "\(run.stepCount)")
        list += property("proven bytes", "\(run.provenByteCount)")
        list += property("replay", identity.replayCommand)
        return list
    }

    private static func outcome(of run: RunSummary) -> Markup {
        guard run.verdict != .passed else { return "" }
        let first = run.violations.first
        let kind = first?.name ?? run.verdict.rawValue
        let message = "\(kind): \(first?.detail ?? run.verdict.explanation)".onOneLine
            .cut(to: maximumMessageLength)
        let element: Markup = run.verdict == .broken ? "error" : "failure"
        let text = FailureText.lines(of: run).joined(separator: "\n")
        // Not every reader shows properties or the text of a failure: all show the output.
        return """
            <\(element) type="\(kind)" message="\(message)">\(text)</\(element)>
            <system-out>\(text)</system-out>

            """
    }
}

/// Why a run failed and how to see it again, for places that show plain text.
enum FailureText {
    static func lines(of run: RunSummary) -> [String] {
        var lines = ["\(run.name): \(run.verdict.words)"]
        for violation in run.violations {
            let slot = violation.slot.map { " \($0)" } ?? ""
            lines.append(
                "\(Figures.duration(violation.nanoseconds))\(slot) \(violation.name): \(violation.detail)")
        }
        if run.violationCount > run.violations.count {
            lines.append("… and \(run.violationCount - run.violations.count) more violations")
        }
        let fired = run.faults.filter { $0.fired > 0 }.map { "\($0.identifier) \($0.kind) ×\($0.fired)" }
        if !fired.isEmpty { lines.append("faults that fired: \(fired.joined(separator: ", "))") }
        lines.append("trace hash: \(Figures.hash(run.traceHash))")
        if !run.identity.replayCommand.isEmpty { lines.append("replay: \(run.identity.replayCommand)") }
        if let page = run.page { lines.append("page: \(page)") }
        return lines
    }
}
