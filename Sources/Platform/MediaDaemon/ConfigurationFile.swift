import DaemonShell
import VirtualMedia

/// The configuration as a file.
enum ConfigurationFile {
    struct Problem: Error, CustomStringConvertible {
        /// One line each.
        let lines: [String]
        var description: String { lines.joined(separator: "\n") }
    }

    /// - Parameter warn: takes what is probably not meant.
    static func read(_ path: String, warn: (String) -> Void) throws(Problem) -> MediaConfiguration {
        let text: [UInt8]
        do throws(ConfigurationText.Problem) { text = try ConfigurationText.bytes(of: path) } catch {
            throw Problem(lines: [error.description])
        }
        let result = ConfigurationReader.read(text, file: path)
        for issue in result.issues where issue.severity == .warning { warn("\(issue)") }
        guard let configuration = result.configuration else {
            throw Problem(lines: result.issues.filter { $0.severity == .error }.map(\.description))
        }
        return configuration
    }
}
