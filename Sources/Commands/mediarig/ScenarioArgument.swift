import ArgumentParser
import Foundation
import Scenarios

/// A scenario as it is named on the command line: a file, or one that is shipped.
struct ScenarioArgument: Sendable {
    let scenario: Scenario
    /// As it was given, byte for byte.
    let text: [UInt8]

    /// - Throws: an exit with 2, everything wrong having been said.
    static func load(_ name: String) throws -> ScenarioArgument {
        do throws(ScenarioDocumentError) {
            let path = try path(of: name)
            let scenario = try ScenarioLibrary.scenario(atPath: path)
            let text = (try? Data(contentsOf: URL(fileURLWithPath: path))).map(Array.init) ?? []
            return ScenarioArgument(scenario: scenario, text: text)
        } catch {
            Console.complain("\(error)")
            throw ExitCode(ExitStatus.usage.rawValue)
        }
    }

    private static func path(of name: String) throws(ScenarioDocumentError) -> String {
        if FileManager.default.fileExists(atPath: name) { return name }
        guard let library = try? ScenarioCommand.library(), let file = library.file(named: name) else {
            throw ScenarioDocumentError(
                file: name,
                [ScenarioProblem(nil, path: "", "no such scenario; `mediarig scenario list` has them")])
        }
        return library.url(of: file).path
    }
}
