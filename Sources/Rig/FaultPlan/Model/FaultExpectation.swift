/// What the system must do when a fault fires. Text in plans: the word, and for "fail-mount" the
/// Completion code if it is a certain one: "fail-mount 113".
package enum FaultExpectation: Equatable, Sendable {
    /// Go on as if nothing had happened; at most later.
    case tolerate
    /// Try again, and succeed once the fault is over.
    case retry
    /// End the mount with a Completion that is not 0: this one, if given.
    case failMount(code: Int?)
    /// Give the host a medium error for what could not be read or written, never wrong data.
    case mediumError
    /// Take the medium away from the host in order, within the deadline.
    case eject
    /// Lose what must be lost, and be back in order within the deadline.
    case recover
    /// Reject what was asked, with an error that names it, and change nothing.
    case refuse
    /// Nothing of the system: the fault tests the rig itself.
    case none

    package static let words = [
        "tolerate", "retry", "fail-mount", "medium-error", "eject", "recover", "refuse", "none",
    ]

    package init?(_ text: String) {
        let words = text.split(separator: " ")
        guard let first = words.first, words.count == 1 || first == "fail-mount" && words.count == 2 else {
            return nil
        }
        switch first {
        case "tolerate": self = .tolerate
        case "retry": self = .retry
        case "fail-mount" where words.count == 1: self = .failMount(code: nil)
        case "fail-mount":
            guard let code = Int(words[1]), code > 0 else { return nil }
            self = .failMount(code: code)
        case "medium-error": self = .mediumError
        case "eject": self = .eject
        case "recover": self = .recover
        case "refuse": self = .refuse
        case "none": self = .none
        default: return nil
        }
    }
}

extension FaultExpectation: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tolerate: "tolerate"
        case .retry: "retry"
        case .failMount(let code): code.map { "fail-mount \($0)" } ?? "fail-mount"
        case .mediumError: "medium-error"
        case .eject: "eject"
        case .recover: "recover"
        case .refuse: "refuse"
        case .none: "none"
        }
    }
}

extension FaultExpectation: TextCodable {
    static let form = "one of " + words.joined(separator: ", ")
}

/// A value that stands in JSON as one line of text.
protocol TextCodable: Codable, CustomStringConvertible {
    /// What the text must look like, for the error.
    static var form: String { get }
    init?(_ text: String)
}

extension TextCodable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "\"\(text)\" is not \(Self.form)")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
