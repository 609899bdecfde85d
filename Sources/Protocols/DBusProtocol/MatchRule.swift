/// Which messages a connection wants (D-Bus specification, "Match Rules").
package struct MatchRule: Equatable, Sendable {
    package enum ArgumentTest: Equatable, Sendable {
        case equal(String)
        /// Equal, or one ends in "/" and begins the other.
        case path(String)
        /// Equal, or below it in the dotted sense; only for argument 0.
        case namespace(String)
    }

    package enum PathTest: Equatable, Sendable {
        case equal(String)
        case namespace(String)
    }

    package var kind: Message.Kind?
    package var sender: String?
    package var path: PathTest?
    package var interface: String?
    package var member: String?
    package var destination: String?
    /// By argument number, 0 to 63.
    package var arguments: [Int: ArgumentTest] = [:]
    /// Whether messages to others are wanted too.
    package var eavesdrops = false

    /// Matches everything.
    package init() {}

    /// Arguments that have to be decoded before ``matches(_:arguments:senderOwns:destinationOwns:)``.
    package var argumentCount: Int { (arguments.keys.max() ?? -1) + 1 }

    /// Everything but the arguments.
    ///
    /// - Parameters:
    ///   - senderOwns: whether the message's sender owns a name, the bus's own included.
    ///   - destinationOwns: whether the connection it is addressed to owns a name.
    package func matchesHeader(
        of message: Message, senderOwns: (String) -> Bool, destinationOwns: (String) -> Bool
    ) -> Bool {
        if let kind, message.kind != kind { return false }
        if let interface, message.interface != interface { return false }
        if let member, message.member != member { return false }
        if let path, !matches(path, message.path) { return false }
        if let sender, !senderOwns(sender) { return false }
        if let destination, !destinationOwns(destination) { return false }
        return true
    }

    package func matches(arguments values: [Value]) -> Bool {
        arguments.allSatisfy { index, test in
            guard index < values.count else { return false }
            return matches(test, values[index])
        }
    }

    /// Whether a message matches where names stand only for themselves.
    package func matches(_ message: Message) -> Bool {
        matchesHeader(
            of: message, senderOwns: { $0 == message.sender },
            destinationOwns: { $0 == message.destination }) && matches(arguments: message.body)
    }

    private func matches(_ test: PathTest, _ path: String?) -> Bool {
        guard let path else { return false }
        switch test {
        case .equal(let wanted): return path == wanted
        case .namespace("/"): return true
        case .namespace(let root): return path == root || path.hasPrefix(root + "/")
        }
    }

    /// Compares bytes: Swift's strings would count a composed and a decomposed letter as equal.
    private func matches(_ test: ArgumentTest, _ value: Value) -> Bool {
        switch (test, value) {
        case (.equal(let wanted), .string(let text)): return text.utf8.elementsEqual(wanted.utf8)
        case (.path(let wanted), .string(let text)), (.path(let wanted), .objectPath(let text)):
            return text.utf8.elementsEqual(wanted.utf8)
                || (text.utf8.last == UInt8(ascii: "/") && wanted.utf8.starts(with: text.utf8))
                || (wanted.utf8.last == UInt8(ascii: "/") && text.utf8.starts(with: wanted.utf8))
        case (.namespace(let root), .string(let text)):
            return text.utf8.elementsEqual(root.utf8) || text.utf8.starts(with: (root + ".").utf8)
        default: return false
        }
    }
}
