/// Reads IP addresses as generously as the C library's resolver does, so that no spelling slips through.
package enum IPAddresses {
    /// "127.0.0.1", and "127.1", "0x7f000001", "017700000001", "2130706433" as inet_aton takes them.
    package static func version4(_ text: String) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...4).contains(parts.count) else { return nil }
        var numbers: [UInt64] = []
        for part in parts {
            guard let number = number(part) else { return nil }
            numbers.append(number)
        }
        var address: UInt64 = 0
        for (index, number) in numbers.enumerated() {
            let isLast = index == numbers.count - 1
            let bits = isLast ? 32 - 8 * index : 8
            guard number < 1 << UInt64(bits) else { return nil }
            address |= isLast ? number : number << UInt64(24 - 8 * index)
        }
        return UInt32(address)
    }

    private static func number(_ text: Substring) -> UInt64? {
        guard let first = text.utf8.first, (0x30...0x39).contains(first) else { return nil }
        if text.lowercased().hasPrefix("0x") {
            return text.count == 2 ? 0 : UInt64(text.dropFirst(2), radix: 16)
        }
        return first == UInt8(ascii: "0") ? UInt64(text, radix: 8) : UInt64(text)
    }

    /// - Returns: eight words; a zone ("%eth0") is left out.
    package static func version6(_ text: String) -> [UInt16]? {
        let address = text.prefix { $0 != "%" }
        guard let gap = address.firstRange(of: "::") else {
            let words = words(address)
            return words?.count == 8 ? words : nil
        }
        guard let head = words(address[..<gap.lowerBound]), let tail = words(address[gap.upperBound...]),
            head.count + tail.count < 8
        else { return nil }
        return head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    private static func words(_ text: Substring) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var words: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, part.contains("."), let address = version4(String(part)) {
                words += [UInt16(address >> 16), UInt16(address & 0xFFFF)]
            } else if (1...4).contains(part.count), let word = UInt16(part, radix: 16), part.first != "+" {
                words.append(word)
            } else {
                return nil
            }
        }
        return words
    }

    /// 127/8, 169.254/16 and 0/8.
    package static func isLocal(version4 address: UInt32) -> Bool {
        address >> 24 == 127 || address >> 16 == 0xA9FE || address >> 24 == 0
    }

    /// ::1, ::, fe80::/10, and the addresses of version 4 that are written as such.
    package static func isLocal(version6 words: [UInt16]) -> Bool {
        if words.dropLast().allSatisfy({ $0 == 0 }), words[7] <= 1 { return true }
        if words[0] & 0xFFC0 == 0xFE80 { return true }
        let isEmbedded = words.prefix(5).allSatisfy { $0 == 0 } && (words[5] == 0xFFFF || words[5] == 0)
        // 64:ff9b::/96 is how a network without version 4 reaches it.
        let isTranslated = words[0] == 0x64 && words[1] == 0xFF9B && words[2..<6].allSatisfy { $0 == 0 }
        return (isEmbedded || isTranslated)
            && isLocal(version4: UInt32(words[6]) << 16 | UInt32(words[7]))
    }
}
