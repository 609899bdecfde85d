/// Durations as people write them: "250ms", "1.5s", "2min". Whole nanoseconds, no floating point.
package enum DurationText {
    /// Longest first where one ends like another.
    private static let units: [(suffix: String, nanoseconds: Int64)] = [
        ("min", 60_000_000_000), ("ms", 1_000_000), ("us", 1000), ("ns", 1), ("h", 3_600_000_000_000),
        ("s", 1_000_000_000),
    ]
    /// About 31 years; a longer one is a mistake.
    static let maximumNanoseconds: Int64 = 1_000_000_000_000_000_000

    /// - Returns: `nil` for what is no duration, is negative, or is longer than 31 years.
    package static func parse(_ text: some StringProtocol) -> Duration? {
        let text = String(text)
        guard let unit = units.first(where: { text.hasSuffix($0.suffix) }) else { return nil }
        let parts = text.dropLast(unit.suffix.count).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isDigit) }),
            let whole = Int64(parts[0])
        else { return nil }
        let (product, overflow) = whole.multipliedReportingOverflow(by: unit.nanoseconds)
        guard !overflow, product <= maximumNanoseconds else { return nil }
        var nanoseconds = product
        if parts.count == 2 {
            var place = unit.nanoseconds
            for digit in parts[1] {
                guard place % 10 == 0 || digit == "0" else {
                    // A minute's or an hour's decimals end at a nanosecond as well.
                    return nil
                }
                place /= 10
                nanoseconds += place * Int64(digit.wholeNumberValue ?? 0)
            }
        }
        return .nanoseconds(nanoseconds)
    }

    /// The shortest of its kind: "1.5s", "250ms", "0s". ``parse(_:)`` gives the duration back.
    package static func write(_ duration: Duration) -> String {
        let nanoseconds = duration.nanosecondCount
        let unit: (suffix: String, nanoseconds: Int64) =
            switch nanoseconds.magnitude {
            case 0, 1_000_000_000...: ("s", 1_000_000_000)
            case 1_000_000...: ("ms", 1_000_000)
            case 1000...: ("us", 1000)
            default: ("ns", 1)
            }
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: unit.nanoseconds)
        guard rest != 0 else { return "\(whole)\(unit.suffix)" }
        let width = String(unit.nanoseconds).count - 1
        var decimals = String(rest.magnitude)
        decimals = String(repeating: "0", count: width - decimals.count) + decimals
        while decimals.hasSuffix("0") { decimals.removeLast() }
        let sign = nanoseconds < 0 && whole == 0 ? "-" : ""
        return "\(sign)\(whole).\(decimals)\(unit.suffix)"
    }

    private static func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }
}

extension Duration {
    /// Rounded down; a run is far shorter than what 64 bits hold (292 years).
    package var nanosecondCount: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
