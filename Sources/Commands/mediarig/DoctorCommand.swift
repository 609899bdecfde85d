import ArgumentParser
import Capabilities
import Foundation

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Shows what this machine has, what each thing is for, and how to get it.",
        discussion: "Nothing here is needed for `verify` on an image of your own. Ends with 6 when something "
            + "named by --require is missing.")

    @Option(help: ArgumentHelp("Fail unless this is present; repeatable.", valueName: "name"))
    var require: [String] = []

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func run() async throws {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let found = Probe(ThisMachine(path: path)).capabilities()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(found), as: UTF8.self))
        } else {
            printTable(found)
        }
        let unmet = Probe.unmet(require, in: found)
        if !unmet.isEmpty {
            Console.complain("required but missing: \(unmet.joined(separator: ", "))")
            throw ExitCode(ExitStatus.environmentMissing.rawValue)
        }
    }

    private func printTable(_ found: [Capability]) {
        let width = found.map(\.name.count).max() ?? 0
        for capability in found {
            let name = capability.name.padding(toLength: width, withPad: " ", startingAt: 0)
            print(
                "\(capability.isPresent ? "yes" : "no ")  \(name)  \(capability.purpose): \(capability.finding)"
            )
            if !capability.isPresent {
                print(String(repeating: " ", count: width + 7) + "to get it: \(capability.remedy)")
            }
        }
    }
}
