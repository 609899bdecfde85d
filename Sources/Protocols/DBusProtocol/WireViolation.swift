/// The peer broke the wire protocol: the connection cannot go on.
package struct WireViolation: Error, Equatable, Sendable, CustomStringConvertible {
    /// Lower case, no full stop, with the values at fault: "boolean is 2, not 0 or 1".
    package let description: String

    package init(_ description: String) { self.description = description }
}
