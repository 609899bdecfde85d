import FaultPlan
import SimulatedTime

extension Scenario {
    /// Makes every choice that is left to the seed, each from a stream of its own, so that one choice
    /// more or less in one place does not change the others.
    ///
    /// - Throws: where what was drawn does not go together.
    package func resolve(seed: UInt64) throws(ScenarioDocumentError) -> Resolved {
        let streams = RandomStreams(seed: seed)
        var draws: [String] = []
        var scenario = self
        scenario.swarm = nil
        scenario.faults = Self.named(faults)
        if let swarm {
            // Steps are counted in paths, so they are varied before any of them goes; all else after
            // most faults are gone, which makes it quick.
            try scenario.vary(swarm, streams, &draws) { $0.hasPrefix("steps.") }
            scenario.keepFaults(swarm, seed: seed, streams, &draws)
            try scenario.vary(swarm, streams, &draws) { !$0.hasPrefix("steps.") }
            scenario.keepSlots(swarm, streams, &draws)
        }
        var random = streams.stream("scenario steps")
        scenario.steps = Self.drawn(scenario.steps, &random)
        guard Self.count(scenario.steps) <= ScenarioFields.Limits.resolvedSteps else {
            let limit = ScenarioFields.Limits.resolvedSteps
            throw ScenarioDocumentError(
                file: name, [ScenarioProblem(nil, path: "steps", "more than \(limit) steps were drawn")])
        }
        if scenario.steps.isEmpty { scenario.steps = Step.wholeLife }
        return Resolved(scenario: scenario, seed: seed, draws: draws)
    }

    private mutating func vary(
        _ swarm: Swarm, _ streams: RandomStreams, _ draws: inout [String], where isMeant: (String) -> Bool
    ) throws(ScenarioDocumentError) {
        let gone = Set(swarm.variations.keys.compactMap(Self.fault(of:))).subtracting(
            faults.map(\.identifier))
        let meant = swarm.variations.filter { path, _ in
            isMeant(path) && !(Self.fault(of: path).map(gone.contains) ?? false)
        }
        guard !meant.isEmpty else { return }
        var node = ScenarioDocument.node(of: self)
        for (path, variation) in meant.sorted(by: { $0.key < $1.key }) {
            var random = streams.stream("scenario vary \(path)")
            let value = variation.draw(using: &random)
            do { try DocumentPath.set(value, at: path, in: &node) } catch {
                throw ScenarioDocumentError(
                    file: name, [ScenarioProblem(nil, path: "swarm.vary.\(path)", error.message)])
            }
            draws.append("\(path) = \(JSONWriter.line(of: value))")
        }
        self = try ScenarioDocument.scenario(of: node, file: name)
    }

    /// The fault that a path leads into: "f1" of "faults.f1.trigger".
    private static func fault(of path: String) -> String? {
        let parts = path.split(separator: ".", maxSplits: 2)
        return parts.count > 1 && parts[0] == "faults" ? String(parts[1]) : nil
    }

    private mutating func keepFaults(
        _ swarm: Swarm, seed: UInt64, _ streams: RandomStreams, _ draws: inout [String]
    ) {
        let all = Set(faults.map(\.identifier))
        if swarm.isOneByOne, !faults.isEmpty {
            let turn = Int((seed &- 1) % UInt64(faults.count))
            return keepFaults([faults[turn]], of: all, &draws)
        }
        var kept = faults.filter { fault in
            var random = streams.stream("scenario fault \(fault.identifier)")
            let chance = swarm.chances[fault.identifier] ?? swarm.faultChance
            return Double.random(in: 0..<1, using: &random) < chance
        }
        if let limit = swarm.maximumFaults, kept.count > limit {
            var random = streams.stream("scenario faults")
            while kept.count > limit { kept.remove(at: .random(in: kept.indices, using: &random)) }
        }
        keepFaults(kept, of: all, &draws)
    }

    private mutating func keepFaults(_ kept: [Fault], of all: Set<String>, _ draws: inout [String]) {
        let gone = all.subtracting(kept.map(\.identifier))
        faults = kept
        steps = steps.compactMap { $0.without(faults: gone) }
        draws.append("faults = \(kept.map(\.identifier).joined(separator: ", "))")
    }

    private mutating func keepSlots(_ swarm: Swarm, _ streams: RandomStreams, _ draws: inout [String]) {
        guard let range = swarm.slots else { return }
        var random = streams.stream("scenario slots")
        let count = min(Int.random(in: range, using: &random), topology.slots.count)
        while topology.slots.count > count {
            let gone = topology.slots.remove(at: .random(in: topology.slots.indices, using: &random)).name
            workload.removeAll { $0.slot == .named(gone) }
            steps = steps.compactMap { $0.without(slot: gone) }
            faults.removeAll { $0.select.slot == gone }
        }
        draws.append("slots = \(topology.slots.map(\.name).joined(separator: ", "))")
    }

    /// The steps with every ``Step/choose(_:)`` replaced by what was drawn.
    private static func drawn(_ steps: [Step], _ random: inout RandomStream) -> [Step] {
        var drawn: [Step] = []
        for step in steps {
            switch step {
            case .choose(let choice):
                for _ in 0..<Int.random(in: choice.times, using: &random) {
                    drawn += Self.drawn(option(of: choice, &random).steps, &random)
                }
            case .repeat(let group) where step.isDrawn:
                // Each time is drawn anew, so the repetition is written out.
                for _ in 0..<group.times {
                    drawn += Self.drawn(group.steps, &random)
                    if drawn.count > ScenarioFields.Limits.resolvedSteps { break }
                }
            case .parallel(let group) where step.isDrawn:
                let branches = group.branches.map { Self.drawn($0, &random) }.filter { !$0.isEmpty }
                if !branches.isEmpty { drawn.append(.parallel(Step.Parallel(branches))) }
            default: drawn.append(step)
            }
        }
        return drawn
    }

    private static func option(of choice: Step.Choose, _ random: inout RandomStream) -> Step.Choose.Option {
        var number = Int.random(in: 0..<choice.options.map(\.weight).reduce(0, +), using: &random)
        for option in choice.options {
            if number < option.weight { return option }
            number -= option.weight
        }
        preconditionFailure("weights of options")
    }

    private static func count(_ steps: [Step]) -> Int {
        steps.reduce(0) { sum, step in
            switch step {
            case .repeat(let group): sum + 1 + count(group.steps)
            case .parallel(let group): sum + 1 + group.branches.map(count).reduce(0, +)
            default: sum + 1
            }
        }
    }
}

extension Scenario.Variation {
    func draw(using random: inout RandomStream) -> DocumentNode {
        switch self {
        case .oneOf(let nodes): return nodes[.random(in: nodes.indices, using: &random)]
        case .between(let first, let last):
            guard let range = DrawnRange(first, last) else {
                preconditionFailure("no range: \(first)..\(last)")
            }
            return range.draw(using: &random)
        }
    }
}
