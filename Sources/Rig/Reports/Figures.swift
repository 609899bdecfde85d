import RunLog

/// Numbers as people read them. All of it is the same in every locale.
package enum Figures {
    /// "20,000".
    package static func count(_ number: some BinaryInteger) -> String {
        let digits = String(number.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + text
    }

    /// "1 event", "20,000 events".
    package static func count(_ number: some BinaryInteger, _ noun: String) -> String {
        "\(count(number)) \(noun)\(number == 1 ? "" : "s")"
    }

    /// Three significant places: "0 s", "840 ns", "1.23 ms", "45.6 s", "3 min 12 s", "24 h 0 min".
    static func duration(_ nanoseconds: Int64) -> String {
        let sign = nanoseconds < 0 ? "-" : ""
        let magnitude = nanoseconds.magnitude
        let value = Double(magnitude)
        let text =
            switch magnitude {
            case 0: "0 s"
            case ..<1000: "\(magnitude) ns"
            case ..<999_500: "\(significant(value / 1e3)) µs"
            case ..<999_500_000: "\(significant(value / 1e6)) ms"
            case ..<60_000_000_000: "\(significant(value / 1e9)) s"
            case ..<3_600_000_000_000: "\(magnitude / 60_000_000_000) min \(magnitude / 1_000_000_000 % 60) s"
            default: "\(count(magnitude / 3_600_000_000_000)) h \(magnitude / 60_000_000_000 % 60) min"
            }
        return sign + text
    }

    static func duration(_ duration: Duration) -> String { self.duration(duration.wholeNanoseconds) }

    /// "512 B", "1.5 MiB".
    static func bytes(_ byteCount: UInt64) -> String {
        var value = Double(byteCount)
        for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
            if value < 1023.5 || unit == "TiB" {
                return unit == "B" ? "\(byteCount) B" : "\(significant(value)) \(unit)"
            }
            value /= 1024
        }
        return "\(byteCount) B"
    }

    /// "1.5 MiB/s".
    static func rate(_ bytesPerSecond: Double) -> String {
        bytesPerSecond < 1
            ? "\(fixed(bytesPerSecond, 2)) B/s" : "\(bytes(UInt64(min(bytesPerSecond, 1e18).rounded())))/s"
    }

    /// Seconds with six places, for machines: "0.012345".
    package static func seconds(_ nanoseconds: Int64) -> String {
        let whole = nanoseconds.magnitude / 1_000_000_000
        let micro = String(nanoseconds.magnitude % 1_000_000_000 / 1000)
        return (nanoseconds < 0 ? "-" : "") + "\(whole)." + String(repeating: "0", count: 6 - micro.count)
            + micro
    }

    /// As few places as three digits need: "1.23", "45.6", "789".
    static func significant(_ value: Double) -> String {
        switch value {
        case ..<9.995: trimmed(fixed(value, 2))
        case ..<99.95: trimmed(fixed(value, 1))
        default: fixed(value, 0)
        }
    }

    /// So many places after the point, 0...9.
    static func fixed(_ value: Double, _ places: Int) -> String {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = Int64((value.magnitude * scale).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard places > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % Int64(scale))
        return "\(sign)\(scaled / Int64(scale))." + String(repeating: "0", count: places - fraction.count)
            + fraction
    }

    /// A place in a picture, in hundredths of its width, as short as can be: "12.3".
    static func percent(_ share: Double) -> String { trimmed(fixed(share * 100, 2)) }

    /// Sixteen hexadecimal digits.
    package static func hash(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func trimmed(_ text: String) -> String {
        guard text.contains(".") else { return text }
        var text = Substring(text)
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return String(text)
    }
}

extension String {
    /// At most so many characters, the last of which says that there was more.
    func cut(to maximum: Int) -> String {
        count <= maximum ? self : "\(prefix(max(0, maximum - 1)))…"
    }

    /// On one line.
    var onOneLine: String {
        String(
            String.UnicodeScalarView(unicodeScalars.map { $0 == "\n" || $0 == "\r" || $0 == "\t" ? " " : $0 })
        )
    }
}
