internal import USBMassStorage
internal import WireFormat

extension Question {
    /// Reads what ``description`` prints.
    ///
    /// - Returns: `nil` for anything else.
    package init?(_ text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard let verb = words.first else { return nil }
        let rest = Array(words.dropFirst())
        let question: Question? =
            switch verb {
            case "control": Self.control(rest)
            case "command": Self.command(rest)
            case "out": Self.out(rest)
            case "in": rest.count == 1 ? Int(rest[0]).map { .in(byteCount: $0) } : nil
            case "write":
                !rest.isEmpty
                    ? .write(path: rest[0], value: rest.dropFirst().joined(separator: " ")) : nil
            case "read": rest.count == 1 ? .read(path: rest[0]) : nil
            default: nil
            }
        guard let question else { return nil }
        self = question
    }

    private static func control(_ words: [String]) -> Question? {
        guard (5...6).contains(words.count), let type = UInt8(words[0], radix: 16),
            let request = UInt8(words[1], radix: 16), let value = UInt16(words[2], radix: 16),
            let index = UInt16(words[3], radix: 16), let length = UInt16(words[4], radix: 16)
        else { return nil }
        let setup = SetupPacket(
            requestType: type, request: request, value: value, index: index, length: length)
        guard words.count == 6 else { return .control(setup, data: []) }
        return Hexadecimal.bytes(words[5]).map { .control(setup, data: $0) }
    }

    private static func command(_ words: [String]) -> Question? {
        guard words.count >= 4, let lun = UInt8(words[0]), let byteCount = Int(words[2]), byteCount >= 0,
            let block = Hexadecimal.bytes(words[3]), (0...16).contains(block.count)
        else { return nil }
        let direction: CommandBlockWrapper.Direction
        switch words[1] {
        case "none": direction = .none
        case "in": direction = .toHost
        case "out": direction = .fromHost
        default: return nil
        }
        var command = Command(block, direction, byteCount, lun: lun)
        var options = words.dropFirst(4)
        while let name = options.popFirst() {
            guard let value = options.popFirst().flatMap({ UInt8($0) }) else { return nil }
            switch name {
            case "length": command.length = value
            case "fill": command.fill = value
            default: return nil
            }
        }
        return .command(command)
    }

    private static func out(_ words: [String]) -> Question? {
        if words.count == 3, words[1] == "x", let count = Int(words[0]), (0...65536).contains(count),
            let byte = UInt8(words[2], radix: 16)
        {
            return .out([UInt8](repeating: byte, count: count))
        }
        return words.count == 1 ? Hexadecimal.bytes(words[0]).map { .out($0) } : nil
    }
}
