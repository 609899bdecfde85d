/// The grammars of D-Bus names (D-Bus specification, "Valid Names", "Valid Object Paths"). All work
/// on bytes: only ASCII is ever valid.
package enum Names {
    package static func isObjectPath(_ text: some StringProtocol) -> Bool {
        isObjectPath(utf8: text.utf8)
    }

    static func isObjectPath(utf8: some Collection<UInt8>) -> Bool {
        guard utf8.first == UInt8(ascii: "/") else { return false }
        if utf8.count == 1 { return true }
        var previous = UInt8(ascii: "/")
        for byte in utf8.dropFirst() {
            guard isWord(byte) || (byte == UInt8(ascii: "/") && previous != byte) else { return false }
            previous = byte
        }
        return previous != UInt8(ascii: "/")
    }

    /// "org.freedesktop.DBus": two or more elements, none starting with a digit.
    package static func isInterface(_ text: some StringProtocol) -> Bool {
        isDotted(text.utf8, atLeast: 2, hyphens: false, leadingDigits: false)
    }

    /// Error names follow the grammar of interfaces.
    package static func isErrorName(_ text: some StringProtocol) -> Bool { isInterface(text) }

    package static func isMember(_ text: some StringProtocol) -> Bool {
        isDotted(text.utf8, atLeast: 1, hyphens: false, leadingDigits: false)
            && !text.utf8.contains(UInt8(ascii: "."))
    }

    /// ":1.42": unique to a connection, given by the bus.
    package static func isUnique(_ text: some StringProtocol) -> Bool {
        text.utf8.first == UInt8(ascii: ":") && text.utf8.count <= WireLimits.nameBytes
            && isDotted(text.utf8.dropFirst(), atLeast: 1, hyphens: true, leadingDigits: true)
    }

    package static func isWellKnown(_ text: some StringProtocol) -> Bool {
        isDotted(text.utf8, atLeast: 2, hyphens: true, leadingDigits: false)
    }

    package static func isBusName(_ text: some StringProtocol) -> Bool {
        isUnique(text) || isWellKnown(text)
    }

    /// A namespace may be a single element: "com" ("Match Rules", arg0namespace).
    package static func isNamespace(_ text: some StringProtocol) -> Bool {
        isDotted(text.utf8, atLeast: 1, hyphens: true, leadingDigits: false)
    }

    private static func isDotted(
        _ utf8: some Collection<UInt8>, atLeast elements: Int, hyphens: Bool, leadingDigits: Bool
    ) -> Bool {
        guard utf8.count <= WireLimits.nameBytes else { return false }
        var count = 0
        var isAtStart = true
        for byte in utf8 {
            if byte == UInt8(ascii: ".") {
                guard !isAtStart else { return false }
                isAtStart = true
                continue
            }
            guard isWord(byte) || (hyphens && byte == UInt8(ascii: "-")) else { return false }
            if isAtStart {
                guard leadingDigits || !isDigit(byte) else { return false }
                count += 1
                isAtStart = false
            }
        }
        return !isAtStart && count >= elements
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte == UInt8(ascii: "_")
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) && byte < 0x80
    }
}
