import ArgumentParser
import FaultPlan
import Foundation

struct FaultsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "faults", abstract: "Lists what can go wrong: every fault of the catalogue.",
        discussion: "With names, says everything about those faults. docs/faults.md is this list and how to "
            + "use it.")

    @Argument(help: ArgumentHelp("A fault, \"http.status\", or a pattern, \"nbd.*\".", valueName: "name"))
    var names: [String] = []

    @Flag(help: "Print the tables of docs/faults.md.")
    var markdown = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if markdown && json { throw ValidationError("--markdown or --json, not both.") }
        for name in names where FaultCatalogue.standard.kinds(named: name).isEmpty {
            let similar = FaultCatalogue.standard.similar(to: name)
            throw ValidationError(
                "No fault '\(name)'"
                    + (similar.isEmpty ? "." : "; similar are \(similar.joined(separator: ", "))."))
        }
    }

    func run() throws {
        let all = FaultCatalogue.standard
        let chosen =
            names.isEmpty
            ? all.kinds
            : all.kinds.filter { kind in
                names.contains { all.kinds(named: $0).contains { $0.name == kind.name } }
            }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(chosen.map(FaultKindRecord.init)), as: UTF8.self))
        } else if markdown {
            print(CatalogueText.markdown(FaultCatalogue(chosen)), terminator: "")
        } else if names.isEmpty {
            print(CatalogueText.list(chosen))
        } else {
            print(chosen.map(CatalogueText.details).joined(separator: "\n\n"))
        }
    }
}
