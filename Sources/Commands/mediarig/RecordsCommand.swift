import ArgumentParser
import Foundation
import GoldenRecords
import VirtualMedia

struct RecordsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "records",
        abstract:
            "Asks a kernel's mass-storage gadget a long list of questions, and holds others to its answers.",
        discussion: """
            The golden records in rigs/dummy-hcd-vm/records are what Linux's f_mass_storage answered to every \
            question about every gadget. The simulation is held to them by the tests; a kernel by `compare \
            --kernel`, which wants root, configfs, and the modules libcomposite, usb_f_mass_storage and usbip-vudc.
            """,
        subcommands: [RecordCommand.self, CompareCommand.self])
}

struct RecordOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The folder of the records.", valueName: "dir"), completion: .directory)
    var records = "rigs/dummy-hcd-vm/records"

    @Argument(
        help: ArgumentHelp(
            "Only these gadgets: \(Corpus.recipes.map(\.name).joined(separator: ", ")).", valueName: "gadget")
    )
    var names: [String] = []

    func validate() throws {
        for name in names where Corpus.recipe(named: name) == nil {
            throw ValidationError("There is no gadget '\(name)'.")
        }
    }

    var recipes: [GadgetRecipe] {
        names.isEmpty ? Corpus.recipes : names.compactMap { Corpus.recipe(named: $0) }
    }
}

struct RecordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record", abstract: "Writes down what this kernel answers.")

    @OptionGroup var options: RecordOptions

    func run() async throws {
        for recipe in options.recipes {
            let groups = Corpus.groups(for: recipe)
            let lines = try await RecordsReport.ask(recipe, groups.flatMap(\.questions), isKernel: true)
            var rest = lines[...]
            let record = Record(
                name: recipe.name,
                remarks: [
                    "\(recipe.name): \(recipe.summary)",
                    "Linux \(KernelGadget.kernelRelease), f_mass_storage on usbip-vudc, high speed",
                ],
                groups: groups.map { group in
                    defer { rest = rest.dropFirst(group.questions.count) }
                    return (group.title, Array(rest.prefix(group.questions.count)))
                })
            let file = "\(options.records)/\(recipe.name).txt"
            do {
                try Data(record.text.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
            } catch {
                Console.complain("\(file): cannot be written: \(error.localizedDescription)")
                throw ExitCode(ExitStatus.environmentMissing.rawValue)
            }
            print("\(file): \(record.lines.count) questions, \(record.exchangeCount) exchanges")
        }
    }
}

struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Asks again and shows every answer that is not the recorded one.",
        discussion: "Ends with 0 when all agree or differ only as KnownDifferences lists, with 1 otherwise.")

    @OptionGroup var options: RecordOptions

    @Flag(help: "Ask this machine's kernel instead of the simulation.")
    var kernel = false

    func run() async throws {
        var unknown = 0
        for recipe in options.recipes {
            let record = try RecordsReport.read("\(options.records)/\(recipe.name).txt", recipe)
            let lines = try await RecordsReport.ask(recipe, record.lines.map(\.question), isKernel: kernel)
            let differences = record.differences(from: lines)
            let unlisted = kernel ? differences : KnownDifferences.unlisted(differences)
            unknown += unlisted.count
            for difference in unlisted { print(difference) }
            print(
                "\(recipe.name): \(lines.count) answers, \(unlisted.count) differ"
                    + (differences.count > unlisted.count
                        ? ", \(differences.count - unlisted.count) more as listed" : ""))
        }
        if unknown > 0 { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}

enum RecordsReport {
    static func read(_ path: String, _ recipe: GadgetRecipe) throws -> Record {
        guard let data = FileManager.default.contents(atPath: path) else {
            Console.complain("\(path): cannot be read; run it from the project's folder, or give --records")
            throw ExitCode(ExitStatus.usage.rawValue)
        }
        do throws(Record.Malformed) {
            return try Record(name: recipe.name, text: String(decoding: data, as: UTF8.self))
        } catch {
            Console.complain(error.description)
            throw ExitCode(ExitStatus.usage.rawValue)
        }
    }

    static func ask(_ recipe: GadgetRecipe, _ questions: [Question], isKernel: Bool) async throws
        -> [Record.Line]
    {
        guard isKernel else { return try SimulatedGadget.answers(questions, of: recipe) }
        do {
            return try await KernelGadget().answers(questions, of: recipe)
        } catch let error as SystemError {
            Console.complain(
                "\(error); this wants root, and: modprobe -a libcomposite usb_f_mass_storage usbip-vudc; "
                    + "mount -t configfs none /sys/kernel/config")
            throw ExitCode(ExitStatus.environmentMissing.rawValue)
        }
    }
}
