package import RunLog
package import Scenarios
internal import Worlds

extension RunIdentity {
    /// Of a run of a scenario in which nothing is left to be drawn.
    package init(_ resolved: Scenario.Resolved, world: Scenario.World, schedule: String, commit: String) {
        let scenario = resolved.scenario
        self.init(scenario: scenario.name, seed: resolved.seed, world: world.rawValue)
        self.commit = commit
        kernel = scenario.topology.kernel.rawValue
        self.schedule = schedule
        plan = scenario.faults.map(\.description)
        for image in scenario.topology.images { imageSHA256[image.name] = ImageContent.sha256(of: image) }
    }
}
