/// A file that cannot be used, or cannot be written.
package struct ArtefactError: Error, Equatable, CustomStringConvertible {
    package let path: String
    /// Counted from 1, where a line is at fault.
    package let line: Int?
    package let cause: String
    package let remedy: String

    package init(_ path: String, line: Int? = nil, _ cause: String, _ remedy: String) {
        self.path = path
        self.line = line
        self.cause = cause
        self.remedy = remedy
    }

    package var description: String {
        "\(path)\(line.map { ":\($0)" } ?? ""): \(cause); \(remedy)"
    }
}
