/// When a medium is ejected without anybody asking for it.
enum EjectPolicy: String, Sendable, CaseIterable {
    /// With the end of the session that inserted it.
    case session = "Session"
    /// So long after it was inserted.
    case timed = "Timed"
    case persistent = "Persistent"
}

/// The policy of one slot, and what it says of the medium that is in it.
struct EjectRules: Equatable, Sendable {
    var policy = EjectPolicy.persistent
    /// For ``EjectPolicy/timed``.
    var timeout = Duration.seconds(3600)
    /// Of the medium that we inserted last; `nil` once it is gone.
    private(set) var insertion: Insertion?
    private var count = 0

    struct Insertion: Equatable, Sendable {
        let number: Int
        /// `nil` when a password came with the request, so that there is no session to end.
        let sessionID: String?
    }

    static let timeouts = Duration.seconds(1)...Duration.seconds(30 * 86_400)

    mutating func noteInserted(by sessionID: String?) -> Insertion {
        count += 1
        let insertion = Insertion(number: count, sessionID: sessionID)
        self.insertion = insertion
        return insertion
    }

    mutating func noteEjected() { insertion = nil }
}

/// Durations as OData writes them (ISO 8601 without years and months): "PT1H30M", "P1DT0.5S".
enum DurationText {
    static func parse(_ text: String) -> Duration? {
        guard text.hasPrefix("P"), text.utf8.count <= 32 else { return nil }
        let parts = text.dropFirst().split(separator: "T", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count) else { return nil }
        guard let days = sum(parts[0], [("D", 86_400)]) else { return nil }
        guard parts.count == 2 else { return parts[0].isEmpty ? nil : days }
        guard !parts[1].isEmpty, let time = sum(parts[1], [("H", 3600), ("M", 60), ("S", 1)]) else {
            return nil
        }
        return days + time
    }

    /// Numbers with their units, each at most once and in order.
    private static func sum(_ text: Substring, _ units: [(Character, Int)]) -> Duration? {
        var rest = text
        var units = units[...]
        var total = Duration.zero
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard let letter = rest.dropFirst(digits.count).first,
                let index = units.firstIndex(where: { $0.0 == letter }), digits.utf8.count <= 9
            else { return nil }
            if let whole = Int(digits) {
                total += .seconds(whole * units[index].1)
            } else {
                let halves = digits.split(separator: ".", omittingEmptySubsequences: false)
                guard letter == "S", halves.count == 2, let whole = Int(halves[0]), Int(halves[1]) != nil,
                    let thousandths = Int((halves[1] + "000").prefix(3))
                else { return nil }
                total += .milliseconds(whole * 1000 + thousandths)
            }
            units = units[(index + 1)...]
            rest = rest.dropFirst(digits.count + 1)
        }
        return total
    }

    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var text = "P"
        if seconds >= 86_400 { text += "\(seconds / 86_400)D" }
        let parts = [(seconds / 3600 % 24, "H"), (seconds / 60 % 60, "M")].filter { $0.0 > 0 }
        var time = parts.map { "\($0.0)\($0.1)" }.joined()
        let milliseconds = attoseconds / 1_000_000_000_000_000
        if milliseconds > 0 {
            let digits = String(milliseconds)
            time += "\(seconds % 60).\(String(repeating: "0", count: 3 - digits.count))\(digits)S"
        } else if seconds % 60 > 0 || (time.isEmpty && text == "P") {
            time += "\(seconds % 60)S"
        }
        return time.isEmpty ? text : text + "T" + time
    }
}
