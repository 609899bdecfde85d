extension MatchRule {
    /// Longest rule, dbus-daemon's limit.
    package static let textBytes = 1_024
    package static let argumentLimit = 64

    /// - Throws: MatchRuleInvalid with the cause, or LimitsExceeded.
    package init(parsing text: String) throws(BusError) {
        guard text.utf8.count <= Self.textBytes else {
            throw BusError(
                ErrorName.limitsExceeded,
                "Match rule text is \(text.utf8.count) bytes, maximum is \(Self.textBytes)")
        }
        self.init()
        var seen: Set<String> = []
        for (key, value) in try Self.pairs(text) {
            guard seen.insert(key).inserted else { throw Self.invalid("Key '\(key)' is there twice") }
            try set(key, value)
        }
    }

    private mutating func set(_ key: String, _ value: String) throws(BusError) {
        switch key {
        case "type": kind = try Self.kind(value)
        case "sender": sender = try Self.checked(value, key, Names.isBusName)
        case "destination": destination = try Self.checked(value, key, Names.isBusName)
        case "interface": interface = try Self.checked(value, key, Names.isInterface)
        case "member": member = try Self.checked(value, key, Names.isMember)
        case "path", "path_namespace":
            guard path == nil else { throw Self.invalid("path and path_namespace exclude each other") }
            let checked = try Self.checked(value, key, Names.isObjectPath)
            path = key == "path" ? .equal(checked) : .namespace(checked)
        case "eavesdrop":
            guard value == "true" || value == "false" else {
                throw Self.invalid("eavesdrop='\(value)' is neither true nor false")
            }
            eavesdrops = value == "true"
        default: try setArgument(key, value)
        }
    }

    private mutating func setArgument(_ key: String, _ value: String) throws(BusError) {
        guard key.hasPrefix("arg") else { throw Self.invalid("Unknown key '\(key)'") }
        let digits = key.dropFirst(3).prefix { ("0"..."9").contains($0) }
        guard !digits.isEmpty, let index = Int(digits) else { throw Self.invalid("Unknown key '\(key)'") }
        guard index < Self.argumentLimit else {
            throw Self.invalid("Key '\(key)' has an argument number over \(Self.argumentLimit - 1)")
        }
        guard arguments[index] == nil else { throw Self.invalid("Argument \(index) is there twice") }
        switch key.dropFirst(3 + digits.count) {
        case "": arguments[index] = .equal(value)
        case "path": arguments[index] = .path(value)
        case "namespace" where index == 0:
            arguments[0] = .namespace(try Self.checked(value, key, Names.isNamespace))
        default: throw Self.invalid("Unknown key '\(key)'")
        }
    }

    private static func kind(_ value: String) throws(BusError) -> Message.Kind {
        switch value {
        case "method_call": return .methodCall
        case "method_return": return .methodReturn
        case "error": return .error
        case "signal": return .signal
        default: throw invalid("type='\(value)' is no message type")
        }
    }

    private static func checked(_ value: String, _ key: String, _ isValid: (String) -> Bool)
        throws(BusError) -> String
    {
        guard isValid(value) else { throw invalid("\(key)='\(value)' is malformed") }
        return value
    }

    private static func invalid(_ cause: String) -> BusError {
        BusError(ErrorName.matchRuleInvalid, cause)
    }

    /// Keys and values. Inside apostrophes everything counts as it is; outside, `\'` is an apostrophe.
    private static func pairs(_ text: String) throws(BusError) -> [(key: String, value: String)] {
        var pairs: [(key: String, value: String)] = []
        var rest = Array(text.utf8)[...]
        while true {
            rest = rest.drop {
                $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\n")
            }
            guard !rest.isEmpty else { return pairs }
            guard let equals = rest.firstIndex(of: UInt8(ascii: "=")) else {
                throw invalid("No '=' after a key")
            }
            let key = String(decoding: rest[..<equals], as: UTF8.self)
            guard !key.isEmpty else { throw invalid("An empty key") }
            rest = rest[(equals + 1)...]
            pairs.append((key, try value(from: &rest)))
        }
    }

    private static func value(from rest: inout ArraySlice<UInt8>) throws(BusError) -> String {
        var value: [UInt8] = []
        var isQuoted = false
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "'"): isQuoted.toggle()
            case UInt8(ascii: ",") where !isQuoted: return String(decoding: value, as: UTF8.self)
            case UInt8(ascii: "\\") where !isQuoted && rest.first == UInt8(ascii: "'"):
                value.append(rest.removeFirst())
            default: value.append(byte)
            }
        }
        guard !isQuoted else { throw invalid("Unbalanced quotation marks") }
        return String(decoding: value, as: UTF8.self)
    }
}
