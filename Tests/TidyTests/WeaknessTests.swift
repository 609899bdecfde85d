import Testing

/// A mistake can be put into the service by the rig alone.
struct WeaknessTests {
    /// Who may hand the service other decisions than its own, or give it a weakness.
    static let mayWeaken = [
        "Sources/Rig/Weaknesses/", "Sources/Rig/Worlds/Simulated", "Sources/Rig/Runs/",
        "Sources/Commands/mediarig/RunCommand.swift", "Sources/Commands/mediarig/ReplayCommand.swift",
        "Sources/Commands/mediarig/WeaknessCommand.swift",
    ]

    @Test(arguments: ["Weakness", "WeakService", "Weaknesses"])
    func `nothing but the rig and its commands knows of weaknesses`(name: String) {
        for file in SourceTree.swiftFiles where file.path.hasPrefix("Sources/") {
            guard !Self.mayWeaken.contains(where: { file.path.hasPrefix($0) }) else { continue }
            for line in SourceTree.lines(of: file, using: name) {
                let isListed = file.path.hasSuffix("MediaRigCommand.swift")
                #expect(isListed, "\(file.path):\(line) names \(name)")
            }
        }
    }

    @Test(arguments: ["deciding:", "SlotDecisions("])
    func `no program hands a service other decisions than its own`(construct: String) {
        for file in SourceTree.swiftFiles where file.path.hasPrefix("Sources/") {
            let isService = file.path.hasPrefix("Sources/Service/VirtualMedia/")
            guard !isService, !Self.mayWeaken.contains(where: { file.path.hasPrefix($0) }) else { continue }
            for line in SourceTree.lines(of: file, using: construct) {
                Issue.record("\(file.path):\(line) uses \(construct)")
            }
        }
    }
}
