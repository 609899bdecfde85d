import Testing
@testable import GoldenRecords
struct Scratch {
    @Test func `all`() throws {
        for recipe in Corpus.recipes {
            let questions = Corpus.groups(for: recipe).flatMap(\.questions)
            for question in questions { #expect(Question(question.description) == question, "\(question)") }
            let lines = try SimulatedGadget.answers(questions, of: recipe)
            print(recipe.name, lines.count, lines.filter { $0.answer.contains("nothing") }.count)
        }
    }
}
