import Foundation
import TestSupport
import Testing

@testable import Scenarios

/// Files in the repository that the program makes.
struct GeneratedFileTests {
    @Test func `the schema in the repository is the program's`() throws {
        #expect(
            try Fixture.text("scenarios/schema.json") == ScenarioSchema.text,
            "run: mediarig scenario schema > scenarios/schema.json")
    }

    @Test func `the reference on the page is the program's`() throws {
        let page = try Fixture.text("docs/scenarios.md")
        let begin = try #require(page.firstRange(of: ScenarioReference.begin + "\n"))
        let end = try #require(page.firstRange(of: ScenarioReference.end))
        #expect(
            page[begin.upperBound..<end.lowerBound].trimmingCharacters(in: .newlines)
                == ScenarioReference.markdown.trimmingCharacters(in: .newlines),
            "put the output of `mediarig scenario reference` between the marks of docs/scenarios.md")
    }

    @Test func `every record that a field names is there, once`() {
        let names = ScenarioFields.records.map(\.name)
        #expect(Set(names).count == names.count)
        for record in ScenarioFields.records {
            for field in record.fields {
                for name in Self.references(field.shape) {
                    #expect(names.contains(name), "\(record.name).\(field.key): \(name)")
                }
                #expect(
                    field.meaning.hasSuffix(".") || field.meaning.hasSuffix("`"),
                    "\(record.name).\(field.key)")
            }
        }
    }

    private static func references(_ shape: Shape) -> [String] {
        switch shape {
        case .record(let name): [name]
        case .list(let element, _): references(element)
        case .map(_, let values): references(values)
        case .either(let shapes): shapes.flatMap(references)
        default: []
        }
    }

    @Test func `examples on the page are good`() throws {
        let parts = try Fixture.text("docs/scenarios.md").components(separatedBy: "```yaml\n").dropFirst()
        let examples = parts.map { $0.components(separatedBy: "```")[0] }.filter {
            $0.contains("name:") && $0.contains("topology:")
        }
        #expect(examples.count >= 3)
        for example in examples { #expect(Fixture.problems(example).isEmpty, "\(example)") }
    }

    /// Python's jsonschema is a judge that knows nothing of our reader.
    @Test(
        .enabled(
            if: Capability.pythonModule("jsonschema").isUsable && Capability.pythonModule("yaml").isUsable,
            "python3-jsonschema or python3-yaml is not installed"))
    func `every shipped scenario is valid by its schema, and bad ones are not`() async throws {
        let script = """
            import json, sys, yaml, jsonschema
            schema = json.load(open(sys.argv[1] + "/schema.json"))
            jsonschema.Draft202012Validator.check_schema(schema)
            validator = jsonschema.Draft202012Validator(schema)
            for file in sys.argv[2:]:
                for error in validator.iter_errors(yaml.safe_load(open(sys.argv[1] + "/" + file))):
                    print(file, list(error.absolute_path), error.message[:200])
            good = yaml.safe_load(open(sys.argv[1] + "/smoke.yaml"))
            for key, value in [("stpes", []), ("steps", [{"insret": "all"}]), ("schedule", "pct:9")]:
                if validator.is_valid({**good, key: value}): print("not caught:", key, value)
            """
        let result = try await ForeignProgram(
            "/usr/bin/python3", ["-c", script, Fixture.library.folder.path] + Fixture.library.files
        ).run()
        #expect(result.status == 0 && result.output.isEmpty, "\(result.output)\(result.error)")
    }
}
