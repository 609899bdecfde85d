import Testing
import USBMassStorage

@testable import GoldenRecords

struct RecordTests {
    @Test func `every question of the corpus reads as it was written`() {
        for recipe in Corpus.recipes {
            for question in Corpus.groups(for: recipe).flatMap(\.questions) {
                #expect(Question(question.description) == question, "\(question)")
            }
        }
    }

    @Test(arguments: [
        "", "contrl 80 06 0100 0000 0012", "control 80 06 0100 0000", "control 80 06 0100 0000 0012 zz",
        "control 180 06 0100 0000 0012", "command 0 in 36", "command 0 up 36 120000002400",
        "command 256 in 36 120000002400", "command 0 in -1 120000002400",
        "command 0 in 36 12000000240000000000000000000000ff", "command 0 in 36 120000002400 length",
        "command 0 in 36 120000002400 speed 3", "out zz", "out 3 x", "out -1 x 55", "in", "in x", "read",
        "read a b", "write",
    ])
    func `what is no question is refused`(text: String) {
        #expect(Question(text) == nil)
    }

    @Test func `a record reads as it was written`() throws {
        let record = Record(
            name: "some", remarks: ["one", "two"],
            groups: [
                ("first", [.init(.in(byteCount: 13), "stall"), .init(.out([]), "ok")]),
                ("second", [.init(.write(path: "lun.0/file", value: ""), "errno 16")]),
            ])
        #expect(try Record(name: "some", text: record.text) == record)
        #expect(record.exchangeCount == 3)
    }

    @Test(arguments: ["in 13 => stall", "## a\nin 13 stall", "## a\nnonsense => ok"])
    func `a broken record names its line`(text: String) {
        #expect(throws: Record.Malformed.self) { try Record(name: "broken", text: text) }
    }

    @Test func `a difference names question and both answers`() {
        let record = Record(name: "some", remarks: [], groups: [("a", [.init(.in(byteCount: 13), "stall")])])
        let differences = record.differences(from: [.init(.in(byteCount: 13), "in 0")])
        #expect(differences.map(\.description) == ["some: in 13\n    recorded  stall\n    answered  in 0"])
        #expect(record.differences(from: record.lines).isEmpty)
    }

    @Test func `images are the same from any tool, and no two blocks are alike`() {
        #expect(String(decoding: RecordImage.tiny.numbers.prefix(9), as: UTF8.self) == "7\n8\n9\n10\n")
        let bytes = RecordImage.even.numbers
        #expect(bytes.count == 2 << 20)
        let blocks = stride(from: 0, to: bytes.count, by: 512).map { bytes[$0..<$0 + 512] }
        #expect(Set(blocks).count == blocks.count)
        // The bytes of `seq 1 1000000 | head -c 1048876`.
        #expect(Interrogator.hash(RecordImage.odd.numbers) == "7163e5afb4d378de")
    }
}
