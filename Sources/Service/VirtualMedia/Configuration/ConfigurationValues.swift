/// Single values, each with its own message when it is not what it should be.
extension ConfigurationReader {
    mutating func string(_ member: JSONNode.Member, at keyPath: String, maximumBytes: Int) -> String? {
        guard case .string(let text) = member.node.value else {
            report(member.node.position, keyPath, "found \(member.node.kind)", "write a string in quotes")
            return nil
        }
        guard text.utf8.count <= maximumBytes else {
            report(
                member.node.position, keyPath, "the string has \(text.utf8.count) bytes",
                "write at most \(maximumBytes)")
            return nil
        }
        guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            report(
                member.node.position, keyPath, "the string has control characters", "write printable ones")
            return nil
        }
        return text
    }

    mutating func integer(
        _ member: JSONNode.Member, at keyPath: String, in range: ClosedRange<Int>, unit: String = ""
    ) -> Int? {
        let wanted = "write a whole number from \(range.lowerBound) to \(range.upperBound)\(unit)"
        guard case .number(let text) = member.node.value, let number = Int(text) else {
            report(member.node.position, keyPath, "found \(member.node.kind)", wanted)
            return nil
        }
        guard range.contains(number) else {
            report(member.node.position, keyPath, "found \(number)", wanted)
            return nil
        }
        return number
    }

    /// 0 switches the end by inactivity off.
    mutating func inactivitySeconds(_ member: JSONNode.Member, at keyPath: String) -> UInt16? {
        let seconds = integer(member, at: keyPath, in: 0...65_534, unit: " seconds; 0 never ends a mount")
        return seconds == 0 ? nil : seconds.map { UInt16($0) }
    }

    /// "0x1d6b" or 7531.
    mutating func identifier(_ member: JSONNode.Member, at keyPath: String) -> UInt16? {
        switch member.node.value {
        case .number(let text): if let number = UInt16(text) { return number }
        case .string(let text):
            if text.hasPrefix("0x"), let number = UInt16(text.dropFirst(2), radix: 16) { return number }
        default: break
        }
        report(
            member.node.position, keyPath, "found \(member.node.kind)",
            "write a 16-bit number, as \"0x1d6b\" or 7531")
        return nil
    }

    mutating func choice<Choice>(
        _ member: JSONNode.Member, at keyPath: String, _ choices: [(String, Choice)]
    ) -> Choice? {
        if case .string(let text) = member.node.value, let choice = choices.first(where: { $0.0 == text }) {
            return choice.1
        }
        let names = choices.map { "\"\($0.0)\"" }.joined(separator: " or ")
        report(member.node.position, keyPath, "found \(member.node.kind)", "write \(names)")
        return nil
    }

    /// "nbd0", as shipped files have it, or "/dev/nbd0", as the design document has it.
    mutating func device(_ member: JSONNode.Member, at keyPath: String) -> String? {
        guard let text = string(member, at: keyPath, maximumBytes: 32) else { return nil }
        let name = text.hasPrefix("/dev/") ? text.dropFirst(5) : text[...]
        let number = name.dropFirst(3)
        let isNumber = !number.isEmpty && number.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard name.hasPrefix("nbd"), isNumber, let value = UInt16(number), String(value) == number else {
            report(
                member.node.position, keyPath, "'\(text)' is not an nbd device",
                "write \"nbd0\" or \"/dev/nbd0\", with the number of the device")
            return nil
        }
        return String(name)
    }

    mutating func socket(_ member: JSONNode.Member, at keyPath: String) -> String? {
        guard let path = string(member, at: keyPath, maximumBytes: 107) else { return nil }
        guard path.isEmpty || path.hasPrefix("/") else {
            report(
                member.node.position, keyPath, "'\(path)' is not an absolute path",
                "write the whole path, as \"/run/virtual-media/nbd0.sock\"")
            return nil
        }
        return path
    }

    /// Letters, digits and underscores: what a D-Bus path element may hold; and short enough for a
    /// directory of configfs.
    mutating func checkName(_ member: JSONNode.Member, at keyPath: String) -> Bool {
        let isWord = member.key.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == 0x5F
        }
        guard !member.key.isEmpty, isWord, member.key.utf8.count <= Self.maximumNameBytes else {
            report(
                member.position, keyPath, "'\(member.key.prefix(64))' cannot be the name of a mount point",
                "use 1 to \(Self.maximumNameBytes) letters, digits and underscores, as \"Slot_0\"; "
                    + "the name is part of a D-Bus path and of a directory")
            return false
        }
        return true
    }

    /// With "mass-storage-" before it, far below the 255 bytes of a directory's name.
    static let maximumNameBytes = 32
}
