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

    /// Latencies between two edges, and how many there were.
    package struct Bucket: Equatable, Sendable {
        package let nanoseconds: ClosedRange<Int64>
        package let count: UInt64
    }

    /// The buckets that hold something, fastest first.
    package var buckets: [Bucket] {
        counts.enumerated().compactMap { bucket, held in
            guard held > 0 else { return nil }
            let first = bucket == 0 ? 0 : Self.upperEdge(bucket - 1) + 1
            return Bucket(nanoseconds: first...Self.upperEdge(bucket), count: held)
        }
    }

    /// Adds what another one holds; exact, since all have the same buckets.
    package mutating func merge(_ other: LatencyHistogram) {
        for (bucket, held) in other.counts.enumerated() where held > 0 { counts[bucket] &+= held }
        count &+= other.count
        maximum = max(maximum, other.maximum)
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

/// As `{"maximum": nanoseconds, "buckets": [bucket, count, bucket, count, …]}`, without the empty ones.
extension LatencyHistogram: Codable, Equatable {
    private enum CodingKeys: String, CodingKey { case maximum, buckets }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let pairs = try container.decode([UInt64].self, forKey: .buckets)
        maximum = .nanoseconds(try container.decode(Int64.self, forKey: .maximum))
        for index in stride(from: 0, to: pairs.count, by: 2) {
            let (sum, isTooMuch) = count.addingReportingOverflow(pairs[min(index + 1, pairs.count - 1)])
            guard index + 1 < pairs.count, pairs[index] < UInt64(counts.count), !isTooMuch else {
                throw DecodingError.dataCorruptedError(
                    forKey: .buckets, in: container, debugDescription: "no pairs of bucket and count")
            }
            counts[Int(pairs[index])] += pairs[index + 1]
            count = sum
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Int64(Self.nanoseconds(maximum)), forKey: .maximum)
        let pairs = counts.enumerated().flatMap { $1 > 0 ? [UInt64($0), $1] : [] }
        try container.encode(pairs, forKey: .buckets)
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
