package import SimulatedTime

/// How long something takes, as a distribution. Drawn in whole nanoseconds from additions,
/// multiplications and divisions only, which IEEE 754 defines to the last bit: the same on every
/// machine, whatever its libm.
package enum Latency: Equatable, Sendable {
    case constant(Duration)
    /// Anything from the first to the second, ends included.
    case uniform(Duration, Duration)
    /// A mean and a standard deviation, cut off at zero: the sum of twelve uniform draws, so within
    /// six deviations.
    case normal(mean: Duration, deviation: Duration)
    case exponential(mean: Duration)
    /// Never below `minimum`; the smaller `shape`, the heavier the tail. Above 0.
    case pareto(minimum: Duration, shape: Double)

    /// What a draw is cut off at: one hour.
    package static let maximumDraw = Duration.seconds(3600)

    package func draw(from stream: inout RandomStream) -> Duration {
        let nanoseconds: Double
        switch self {
        case .constant(let duration): return duration
        case .uniform(let low, let high):
            let low = low.nanosecondCount
            return .nanoseconds(low + Int64(stream.uniform(upTo: UInt64(high.nanosecondCount - low))))
        case .normal(let mean, let deviation):
            var sum = 0.0
            for _ in 0..<12 { sum += stream.unitInterval() }
            nanoseconds = Double(mean.nanosecondCount) + (sum - 6) * Double(deviation.nanosecondCount)
        case .exponential(let mean):
            nanoseconds = Double(mean.nanosecondCount) * -PortableMath.logarithm(1 - stream.unitInterval())
        case .pareto(let minimum, let shape):
            let exponent = -PortableMath.logarithm(1 - stream.unitInterval()) / shape
            nanoseconds = Double(minimum.nanosecondCount) * PortableMath.exponential(exponent)
        }
        let limit = Double(Self.maximumDraw.nanosecondCount)
        return .nanoseconds(Int64(max(0, min(limit, nanoseconds))))
    }

    /// Reads "250ms", "uniform 10ms 50ms", "normal 20ms 5ms", "exp 20ms", "pareto 10ms 1.5".
    package init?(_ text: some StringProtocol) {
        let words = text.split(separator: " ")
        guard let first = words.first else { return nil }
        let durations = words.dropFirst().map { DurationText.parse($0) }
        switch (String(first), durations.count) {
        case (_, 0):
            guard let duration = DurationText.parse(first) else { return nil }
            self = .constant(duration)
        case ("const", 1):
            guard let duration = durations[0] else { return nil }
            self = .constant(duration)
        case ("uniform", 2):
            guard let low = durations[0], let high = durations[1], low <= high else { return nil }
            self = .uniform(low, high)
        case ("normal", 2):
            guard let mean = durations[0], let deviation = durations[1] else { return nil }
            self = .normal(mean: mean, deviation: deviation)
        case ("exp", 1):
            guard let mean = durations[0] else { return nil }
            self = .exponential(mean: mean)
        case ("pareto", 2):
            guard let minimum = durations[0], let shape = Double(words[2]), shape > 0, shape.isFinite
            else { return nil }
            self = .pareto(minimum: minimum, shape: shape)
        default: return nil
        }
    }
}

extension Latency: CustomStringConvertible {
    package var description: String {
        switch self {
        case .constant(let duration): DurationText.write(duration)
        case .uniform(let low, let high): "uniform \(DurationText.write(low)) \(DurationText.write(high))"
        case .normal(let mean, let deviation):
            "normal \(DurationText.write(mean)) \(DurationText.write(deviation))"
        case .exponential(let mean): "exp \(DurationText.write(mean))"
        case .pareto(let minimum, let shape): "pareto \(DurationText.write(minimum)) \(shape)"
        }
    }
}

extension RandomStream {
    /// From 0 up to but not 1, in steps of 2⁻⁵³.
    mutating func unitInterval() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// From 0 to `limit`, both included, by one multiplication: one draw each, the bias is below
    /// `limit` in 2⁶⁴.
    mutating func uniform(upTo limit: UInt64) -> UInt64 {
        guard limit < .max else { return next() }
        return next().multipliedFullWidth(by: limit + 1).high
    }
}

/// Two functions of libm that may differ in the last bit from one machine to another, made of
/// operations that may not. Exact to about 15 digits.
enum PortableMath {
    private static let logarithmOf2 = 0.693_147_180_559_945_3

    /// - Parameter value: above 0 and finite.
    static func logarithm(_ value: Double) -> Double {
        // value = 2^exponent · m with m in [1, 2); ln m = 2 artanh((m - 1) / (m + 1)).
        let ratio = (value.significand - 1) / (value.significand + 1)
        let square = ratio * ratio
        var power = ratio
        var sum = 0.0
        for divisor in stride(from: 1.0, through: 33.0, by: 2.0) {
            sum += power / divisor
            power *= square
        }
        return 2 * sum + Double(value.exponent) * logarithmOf2
    }

    /// Infinite above 700, 0 below -700.
    static func exponential(_ value: Double) -> Double {
        guard value <= 700 else { return .infinity }
        guard value >= -700 else { return 0 }
        let exponent = (value / logarithmOf2).rounded()
        let rest = value - exponent * logarithmOf2
        var term = 1.0
        var sum = 1.0
        for divisor in stride(from: 1.0, through: 20.0, by: 1.0) {
            term *= rest / divisor
            sum += term
        }
        return Double(sign: .plus, exponent: Int(exponent), significand: sum)
    }
}
