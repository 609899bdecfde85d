package import SimulatedTime

/// A range of whole numbers, probabilities, durations or sizes, as documents spell it, to draw from.
package struct DrawnRange: Sendable {
    private enum Kind {
        case integers(ClosedRange<Int64>)
        case numbers(ClosedRange<Double>)
        /// In units of so many nanoseconds.
        case durations(ClosedRange<UInt64>, unit: UInt64)
        /// In units of so many bytes.
        case sizes(ClosedRange<UInt64>, unit: UInt64)
    }

    /// The ends as they were spelled.
    package let first: String
    package let last: String
    private let kind: Kind

    /// "1..5", "0.1..0.9", "1ms..30s", "4 KiB..3 MiB"; `nil` for anything else, and where the ends are
    /// of two kinds or the wrong way round.
    package init?(_ text: String) {
        guard let dots = text.firstRange(of: "..") else { return nil }
        self.init(String(text[..<dots.lowerBound]), String(text[dots.upperBound...]))
    }

    package init?(_ first: String, _ last: String) {
        (self.first, self.last) = (first, last)
        if let low = Int64(first), let high = Int64(last), low <= high {
            kind = .integers(low...high)
        } else if let low = Double(first), let high = Double(last), low <= high, high.isFinite {
            kind = .numbers(low...high)
        } else if let low = Quantity.duration(first), let high = Quantity.duration(last), low <= high {
            let (low, high) = (Self.nanoseconds(low), Self.nanoseconds(high))
            let unit = min(Self.timeUnit(of: low), Self.timeUnit(of: high))
            kind = .durations((low / unit)...(high / unit), unit: unit)
        } else if let low = Quantity.byteCount(first), let high = Quantity.byteCount(last), low <= high {
            let unit = min(Self.sizeUnit(of: low), Self.sizeUnit(of: high))
            kind = .sizes((low / unit)...(high / unit), unit: unit)
        } else {
            return nil
        }
    }

    /// Both ends, to see whether they are allowed where they would stand.
    package var ends: [DocumentNode] {
        switch kind {
        case .integers(let range): [.integer(range.lowerBound), .integer(range.upperBound)]
        case .numbers(let range): [.number(range.lowerBound), .number(range.upperBound)]
        case .durations, .sizes:
            [DocumentNode(ScalarText.plain(first)), DocumentNode(ScalarText.plain(last))]
        }
    }

    /// Numbers evenly; durations and sizes evenly by powers of two, so that the small ones, which are
    /// few, come as often as the large ones.
    package func draw(using random: inout RandomStream) -> DocumentNode {
        switch kind {
        case .integers(let range): return .integer(.random(in: range, using: &random))
        case .numbers(let range):
            // Three digits are enough, and can be read.
            let value = Double.random(in: range, using: &random)
            return .number(min(max((value * 1000).rounded() / 1000, range.lowerBound), range.upperBound))
        case .durations(let range, let unit):
            let units = Self.byMagnitude(range, using: &random)
            return .text(Quantity.text(Duration.nanoseconds(Int64(units * unit))))
        case .sizes(let range, let unit):
            return DocumentNode(
                ScalarText.plain(Quantity.text(Self.byMagnitude(range, using: &random) * unit)))
        }
    }

    private static func byMagnitude(_ range: ClosedRange<UInt64>, using random: inout RandomStream) -> UInt64
    {
        func bits(_ value: UInt64) -> Int { UInt64.bitWidth - value.leadingZeroBitCount }
        let width = Int.random(in: bits(range.lowerBound)...bits(range.upperBound), using: &random)
        let low = width == 0 ? 0 : UInt64(1) << (width - 1)
        let high = width == 64 ? UInt64.max : (UInt64(1) << width) - 1
        return .random(in: max(low, range.lowerBound)...min(high, range.upperBound), using: &random)
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }

    /// The finer of the ends' units decides how fine draws are: "1ms..30s" is drawn in milliseconds.
    private static func timeUnit(of nanoseconds: UInt64) -> UInt64 {
        let units: [UInt64] = [1_000_000_000, 1_000_000, 1_000]
        return units.first { nanoseconds.isMultiple(of: $0) } ?? 1
    }

    private static func sizeUnit(of bytes: UInt64) -> UInt64 {
        let units: [UInt64] = [1 << 20, 1 << 10, 512]
        return units.first { bytes.isMultiple(of: $0) } ?? 1
    }
}
