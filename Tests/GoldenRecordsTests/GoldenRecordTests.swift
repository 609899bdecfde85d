import Foundation
import Synchronization
import Testing

@testable import GoldenRecords

/// The simulation, held to what the kernel's f_mass_storage answered.
struct GoldenRecordTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("rigs/dummy-hcd-vm/records")

    static func record(_ recipe: GadgetRecipe) throws -> Record {
        let file = folder.appendingPathComponent("\(recipe.name).txt")
        return try Record(name: recipe.name, text: String(decoding: Data(contentsOf: file), as: UTF8.self))
    }

    @Test(arguments: Corpus.recipes.map(\.name))
    func `the simulated gadget answers as the kernel's`(name: String) throws {
        let recipe = try #require(Corpus.recipe(named: name))
        let record = try Self.record(recipe)
        let lines = try SimulatedGadget.answers(record.lines.map(\.question), of: recipe)
        #expect(lines.count == record.lines.count)
        for difference in KnownDifferences.unlisted(record.differences(from: lines)) {
            Issue.record("\(difference)")
        }
    }

    /// A list that excuses more than there is would hide the next mistake.
    @Test func `every listed difference is one`() throws {
        var met: Set<String> = []
        for recipe in Corpus.recipes
        where ["disk-ro", "cd-stall", "cd", "disk-ro-stall"].contains(recipe.name) {
            let record = try Self.record(recipe)
            let lines = try SimulatedGadget.answers(record.lines.map(\.question), of: recipe)
            for difference in record.differences(from: lines) {
                if let entry = KnownDifferences.entry(for: difference) {
                    met.insert(difference.question.description)
                    #expect(entry.reason.count > 40)
                }
            }
        }
        let listed = Set(KnownDifferences.all.flatMap(\.questions))
        #expect(met == listed, "listed and equal: \(listed.subtracting(met).sorted())")
    }

    @Test(arguments: Corpus.recipes.map(\.name))
    func `a record holds today's questions`(name: String) throws {
        let recipe = try #require(Corpus.recipe(named: name))
        let record = try Self.record(recipe)
        let groups = Corpus.groups(for: recipe)
        #expect(record.groups.map(\.title) == groups.map(\.title))
        #expect(record.lines.map(\.question) == groups.flatMap(\.questions))
        #expect(record.remarks.contains { $0.hasPrefix("Linux ") }, "it says of which kernel")
    }

    @Test func `there are thousands of exchanges`() throws {
        let count = try Corpus.recipes.reduce(0) { $0 + (try Self.record($1)).exchangeCount }
        #expect(count > 10_000)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).count
                == Corpus.recipes.count)
    }
}
