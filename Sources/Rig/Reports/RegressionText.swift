import RunLog

/// Many runs in a few lines, for a terminal or a log.
package enum RegressionText {
    static let maximumFailures = 10
    static let maximumProblems = 20
    static let maximumSkipped = 10

    package static func render(_ regression: Regression, hasColour: Bool = false) -> String {
        var lines: [String] = []
        let counts = regression.counts
        let scenarios = regression.scenarios
        if !scenarios.isEmpty {
            let verdicts = RunVerdict.bySeverity.reversed().filter { counts[$0] != nil || $0 == .passed }
            let table = TextTable(
                head: ["scenario", "world", "runs"] + verdicts.map(\.words) + ["first failing seed"],
                rows: scenarios.map { scenario in
                    [scenario.name.cut(to: 60), scenario.world, Figures.count(scenario.runCount)]
                        + verdicts.map { Figures.count(scenario.counts[$0] ?? 0) }
                        + [scenario.firstFailedSeed.map { "\($0)" } ?? "-"]
                })
            lines.append(table.plain())
        }
        lines += failures(regression)
        for skip in regression.skipped.prefix(maximumSkipped) {
            lines.append(
                "skipped: \(skip.scenario) in \(skip.world)\(skip.seed.map { ", seed \($0)" } ?? ""): \(skip.reason)"
            )
        }
        if regression.skipped.count > maximumSkipped {
            lines.append("… and \(Figures.count(regression.skipped.count - maximumSkipped)) more skipped")
        }
        for problem in regression.problems.prefix(maximumProblems) { lines.append("incomplete: \(problem)") }
        if regression.problems.count > maximumProblems {
            lines.append("… and \(Figures.count(regression.problems.count - maximumProblems)) more")
        }
        lines += regression.notes.prefix(maximumProblems)
        let safe = lines.map(PlainText.visible).joined(separator: "\n")
        return (safe.isEmpty ? "" : safe + "\n") + verdict(regression, hasColour) + "\n"
    }

    private static func failures(_ regression: Regression) -> [String] {
        let failures = regression.failures
        var lines: [String] = []
        for failure in failures.prefix(maximumFailures) {
            let first = failure.runs[0]
            lines.append(
                "\(failure.name)\(failure.name == failure.verdict.words ? "" : " (\(failure.verdict.words))") in \(Figures.count(failure.runs.count, "run")) of "
                    + failure.scenarios.joined(separator: ", ").cut(to: 200))
            lines.append(
                "  \((first.violations.first?.detail ?? first.verdict.explanation).onOneLine.cut(to: 200))")
            if !failure.alwaysFired.isEmpty {
                lines.append("  fired in all: \(failure.alwaysFired.joined(separator: ", ").cut(to: 200))")
            }
            if !first.identity.replayCommand.isEmpty {
                lines.append("  replay: \(first.identity.replayCommand.onOneLine)")
            }
        }
        if failures.count > maximumFailures {
            lines.append("… and \(Figures.count(failures.count - maximumFailures)) more kinds of failure")
        }
        return lines
    }

    private static func verdict(_ regression: Regression, _ hasColour: Bool) -> String {
        let passed = Figures.count(regression.counts[.passed] ?? 0)
        let virtual = regression.runs.reduce(Int64(0)) { $0 &+ $1.virtualNanoseconds }
        let wall = regression.runs.reduce(Int64(0)) { $0 &+ $1.wallNanoseconds }
        let word = regression.verdict.words.uppercased()
        let colour =
            switch regression.verdict {
            case .passed: 32
            case .vacuous, .broken: 33
            default: 31
            }
        return (hasColour ? "\u{1B}[1;\(colour)m\(word)\u{1B}[0m" : word)
            + ": \(passed) of \(Figures.count(regression.runs.count, "run")) passed, "
            + "\(Figures.duration(virtual)) of virtual time in \(Figures.duration(wall)) of machine time"
    }
}
