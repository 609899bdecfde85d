import Glibc

/// A rig could not be set up or used; nothing was found out about what is tested.
package struct RigFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong with what was asked for, or with the machine.
    package enum Kind: Equatable, Sendable {
        /// The definition or the arguments are wrong.
        case usage
        /// The machine lacks something.
        case environment
        /// Something did not end in time.
        case late
    }

    package let kind: Kind
    /// What went wrong, and what to do about it.
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    init(_ operation: String, errno code: CInt) {
        self.init(.environment, "\(operation): \(String(cString: strerror(code)))")
    }
}
