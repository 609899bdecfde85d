import Foundation
import Testing

/// Rules that keep a run reproducible and the code readable.
struct DisciplineTests {
    /// What escapes an injected clock, an injected spawner or a seed.
    static let banned = [
        "Task {", "Task.detached", "Task.sleep", "Date()", "ContinuousClock", "SuspendingClock",
        "DispatchQueue", "Thread.", "SystemRandomNumberGenerator", "UUID()", ".shuffled()",
        ".randomElement()",
    ]

    @Test(arguments: banned)
    func `service, protocols and simulation leave time, chance and spawning to be injected`(construct: String)
    {
        for file in SourceTree.swiftFiles {
            let isBound = ["Sources/Protocols/", "Sources/Service/", "Sources/Simulation/"]
                .contains { file.path.hasPrefix($0) }
            guard isBound else { continue }
            for line in SourceTree.lines(of: file, using: construct) {
                Issue.record("\(file.path):\(line) uses \(construct)")
            }
        }
    }

    @Test func `no file is longer than four hundred lines`() {
        for file in SourceTree.swiftFiles {
            #expect(file.lines.count <= 401, "\(file.path) has \(file.lines.count) lines")
        }
    }

    @Test(arguments: ["TODO", "FIXME", "fatalError(\"not implemented", "being built"])
    func `nothing is left half done`(mark: String) {
        for file in SourceTree.swiftFiles where file.path.hasPrefix("Sources/") {
            #expect(strstr(file.text, mark) == nil, "\(file.path) says \(mark)")
        }
    }

    @Test(arguments: ["Manager", "Helper", "Util", "Impl"])
    func `no type has a name that says nothing`(word: String) {
        for file in SourceTree.swiftFiles where file.path.hasPrefix("Sources/") {
            for (index, line) in file.lines.enumerated() {
                let words = line.split(separator: " ").map(String.init)
                for (position, keyword) in words.enumerated()
                where ["class", "struct", "enum", "actor", "protocol"].contains(keyword)
                    && position + 1 < words.count
                {
                    let name = words[position + 1].prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                    // ObjectManager is D-Bus's own word.
                    let isVague = name.hasSuffix(word) && !name.hasSuffix("ObjectManager")
                    #expect(!isVague, "\(file.path):\(index + 1) \(name)")
                }
            }
        }
    }
}
