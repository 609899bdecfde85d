import Glibc

extension ImageServer {
    /// - Returns: `nil` when nothing of that name is served.
    func image(at path: Substring) -> ServedImage? {
        guard let name = Self.percentDecoded(path) else { return nil }
        if let image = configuration.images[name] { return image }
        // One component, so that no path leads out of the folder.
        guard let directory = configuration.directory, name.hasPrefix("/"), !name.dropFirst().contains("/"),
            !["", ".", ".."].contains(name.dropFirst()), !name.utf8.contains(0)
        else { return nil }
        return .file(path: directory + name)
    }

    /// Whether the request carries the right user and password, where some are asked for.
    func admits(_ request: HTTPRequestHead) -> Bool {
        guard let user = configuration.user else { return true }
        guard let value = request.value("authorization"), value.lowercased().hasPrefix("basic ") else {
            return false
        }
        let wanted = Array("\(user):\(configuration.password ?? "")".utf8)
        return Base64.decoded(value.dropFirst(6)) == wanted
    }

    private static func percentDecoded(_ path: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = path.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let digits = String(rest.prefix(2)), digits.count == 2, digits.allSatisfy(\.isHexDigit),
                let value = UInt8(digits, radix: 16)
            else { return nil }
            bytes.append(value)
            rest.removeFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// RFC 4648 §4; `nil` for anything outside it.
    static func decoded(_ text: some StringProtocol) -> [UInt8]? {
        let digits = text.utf8.filter { $0 != UInt8(ascii: "=") }
        guard text.utf8.count.isMultiple(of: 4), text.utf8.count - digits.count <= 2 else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount = 0
        for digit in digits {
            guard let value = alphabet.firstIndex(of: digit) else { return nil }
            bits = bits << 6 | UInt32(value)
            bitCount += 6
            guard bitCount >= 8 else { continue }
            bitCount -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
        }
        return bytes
    }
}
