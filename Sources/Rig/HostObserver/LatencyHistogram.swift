/// How long commands took, in buckets an eighth of their power of two wide: 12 % exact, 4 KB large.
package struct LatencyHistogram: Sendable {
    private static let stepsPerOctave = 8
    private static let octaves = 48
    private var counts = [UInt64](repeating: 0, count: octaves * stepsPerOctave)
    package private(set) var count: UInt64 = 0
    package private(set) var maximum = Duration.zero

    package init() {}

    package mutating func record(_ latency: Duration) {
        count += 1
        maximum = max(maximum, latency)
        counts[Self.bucket(Self.nanoseconds(latency))] += 1
    }

    /// The upper edge of the bucket that holds this share, 0...1, of the commands; never above the
    /// longest one seen.
    package func percentile(_ share: Double) -> Duration {
        guard count > 0 else { return .zero }
        let rank = max(1, UInt64((Double(count) * share).rounded(.up)))
        var seen: UInt64 = 0
        for (bucket, held) in counts.enumerated() {
            seen += held
            if seen >= rank { return min(maximum, .nanoseconds(Self.upperEdge(bucket))) }
        }
        return maximum
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(seconds) &* 1_000_000_000 &+ UInt64(attoseconds / 1_000_000_000)
    }

    private static func bucket(_ nanoseconds: UInt64) -> Int {
        guard nanoseconds >= UInt64(stepsPerOctave) else { return Int(nanoseconds) }
        let octave = 63 - nanoseconds.leadingZeroBitCount
        let step = Int(nanoseconds >> UInt64(octave - 3)) & (stepsPerOctave - 1)
        return min((octave - 2) * stepsPerOctave + step, octaves * stepsPerOctave - 1)
    }

    private static func upperEdge(_ bucket: Int) -> Int64 {
        guard bucket >= stepsPerOctave else { return Int64(bucket) }
        let octave = bucket / stepsPerOctave + 2
        let step = bucket % stepsPerOctave
        return Int64(stepsPerOctave + step + 1) << Int64(octave - 3) - 1
    }
}

/// What a histogram comes to, in seconds, for a report.
package struct LatencySummary: Equatable, Codable, Sendable {
    package var commandCount: UInt64
    package var median: Double
    package var percentile99: Double
    package var maximum: Double

    package init(_ histogram: LatencyHistogram) {
        commandCount = histogram.count
        median = histogram.percentile(0.5).inSeconds
        percentile99 = histogram.percentile(0.99).inSeconds
        maximum = histogram.maximum.inSeconds
    }
}

extension Duration {
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
