/// How durations and sizes are spelled in documents.
package enum Quantity {
    private static let timeUnits: [(name: String, nanoseconds: Int64)] = [
        ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("min", 60_000_000_000),
        ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1),
    ]
    private static let sizeUnits: [(name: String, bytes: UInt64)] = [
        ("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
    ]
    /// Ten years, beyond which no run goes.
    package static let maximumDuration = Duration.seconds(10 * 366 * 86_400)

    package static let durationWords = "a duration such as 1.5s, 250ms or 2h"
    package static let sizeWords = "a size such as 512, 64 KiB or 3 GiB"
    package static let durationPattern = "^([0-9]+(\\.[0-9]+)? ?(d|h|min|s|ms|us|µs|ns) ?)+$"
    package static let sizePattern = "^[0-9]+(\\.[0-9]+)? ?(B|KiB|MiB|GiB|TiB|PiB|kB|MB|GB|TB)$"

    /// "1.5s", "250ms", "1h30min"; parts of a nanosecond are cut off.
    package static func duration(_ text: String) -> Duration? {
        var rest = text[...]
        var nanoseconds: Int64 = 0
        var hasParts = false
        while !rest.isEmpty {
            guard let number = takeNumber(&rest) else { return nil }
            rest = rest.drop { $0 == " " }
            let name = rest.prefix { $0.isLetter }
            rest = rest[name.endIndex...].drop { $0 == " " }
            let unit = name == "µs" ? "us" : String(name)
            guard let unit = timeUnits.first(where: { $0.name == unit }),
                let part = number.times(UInt64(unit.nanoseconds)), part <= Int64.max,
                case let (sum, hasOverflown) = nanoseconds.addingReportingOverflow(Int64(part)), !hasOverflown
            else { return nil }
            nanoseconds = sum
            hasParts = true
        }
        let duration = Duration.nanoseconds(nanoseconds)
        return hasParts && duration <= maximumDuration ? duration : nil
    }

    /// In the largest unit that gives a whole number: "90s", "1500ms", "0s".
    package static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        guard nanoseconds != 0 else { return "0s" }
        let unit = timeUnits.first { nanoseconds % $0.nanoseconds == 0 } ?? timeUnits[timeUnits.count - 1]
        return "\(nanoseconds / unit.nanoseconds)\(unit.name)"
    }

    /// "64 KiB", "4MiB", "512 B", "512"; units of 1000 (kB, MB, GB, TB) are understood too.
    package static func byteCount(_ text: String) -> UInt64? {
        var rest = text[...]
        guard let number = takeNumber(&rest) else { return nil }
        rest = rest.drop { $0 == " " }
        let unit: UInt64? =
            switch rest {
            case "", "B": 1
            case "kB": 1_000
            case "MB": 1_000_000
            case "GB": 1_000_000_000
            case "TB": 1_000_000_000_000
            default: sizeUnits.first { $0.name == rest }?.bytes
            }
        return unit.flatMap(number.times)
    }

    /// In the largest unit that gives a whole number: "64 KiB", "513".
    package static func text(_ byteCount: UInt64) -> String {
        guard byteCount > 0, let unit = sizeUnits.first(where: { byteCount.isMultiple(of: $0.bytes) }) else {
            return "\(byteCount)"
        }
        return "\(byteCount / unit.bytes) \(unit.name)"
    }

    /// Digits with at most nine of them after the point, kept as a whole number and a power of ten.
    struct Decimal {
        var digits: UInt64
        var scale: UInt64

        /// Rounded down; `nil` when it does not fit.
        func times(_ unit: UInt64) -> UInt64? {
            let product = digits.multipliedFullWidth(by: unit)
            guard product.high < scale else { return nil }
            return scale.dividingFullWidth(product).quotient
        }
    }

    private static func takeNumber(_ text: inout Substring) -> Decimal? {
        let whole = text.prefix { $0.isASCII && $0.isNumber }
        guard !whole.isEmpty else { return nil }
        var rest = text[whole.endIndex...]
        var digits = String(whole)
        var scale: UInt64 = 1
        if rest.first == "." {
            let part = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
            guard (1...9).contains(part.count) else { return nil }
            digits += part
            for _ in part { scale *= 10 }
            rest = rest[part.endIndex...]
        }
        guard let value = UInt64(digits) else { return nil }
        text = rest
        return Decimal(digits: value, scale: scale)
    }
}
