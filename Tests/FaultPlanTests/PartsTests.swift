import FaultPoints
import SimulatedTime
import Testing

@testable import FaultPlan

struct PartsTests {
    static let durations: [(String, Int64)] = [
        ("0s", 0), ("1ns", 1), ("999ns", 999), ("1us", 1000), ("1.5us", 1500), ("250ms", 250_000_000),
        ("1.5s", 1_500_000_000), ("0.000000001s", 1), ("61s", 61_000_000_000),
        ("1.000000001s", 1_000_000_001),
    ]

    @Test(arguments: durations)
    func `durations are read to the nanosecond and written so`(text: String, nanoseconds: Int64) {
        #expect(DurationText.parse(text) == .nanoseconds(nanoseconds))
        #expect(
            DurationText.parse(DurationText.write(.nanoseconds(nanoseconds))) == .nanoseconds(nanoseconds))
    }

    @Test func `minutes and hours are read`() {
        #expect(DurationText.parse("2min") == .seconds(120))
        #expect(DurationText.parse("1.5h") == .seconds(5400))
        #expect(DurationText.write(.seconds(5400)) == "5400s")
        #expect(DurationText.write(.milliseconds(1500)) == "1.5s")
    }

    @Test(
        arguments: [
            "", "s", "5", "1.s", ".5s", "1.2.3s", "-1s", "1e3s", "1 s", "0.5ns", "1.0000000001s", "5m",
            "99999999h",
            "99999999999999999999s", "٣s",
        ])
    func `what is no duration is refused`(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func `any duration comes back`(seed: UInt64) {
        var stream = RandomStream(seed: seed)
        let duration = Duration.nanoseconds(Int64(stream.next() >> (4 + seed % 60)))
        #expect(DurationText.parse(DurationText.write(duration)) == duration, "seed \(seed)")
    }

    static let globs: [(String, String, Bool)] = [
        ("", "", true), ("", "a", false), ("*", "", true), ("*", "abc", true), ("**", "abc", true),
        ("a*", "abc", true), ("*c", "abc", true), ("a*c", "ac", true), ("a*c", "abcd", false),
        ("*b*", "abc", true), ("?", "", false), ("?", "ä", true), ("a?c", "abc", true), ("a?c", "ac", false),
        ("*.iso", "x.iso.iso", true), ("*.iso", "x.isox", false), ("*ab*ab", "ababab", true),
        ("READ(*)", "READ(10)", true), ("read", "READ", false), ("a*b*c*d", "axxbxxcxx", false),
    ]

    @Test(arguments: globs)
    func `a star is anything, a question mark one character`(pattern: String, text: String, matches: Bool) {
        #expect(Glob(pattern).matches(text) == matches)
    }

    static let spans: [(String, Range<UInt64>)] = [
        ("0..<4096", 0..<4096), ("4096...", 4096..<UInt64.max), ("sectors 0..<8", 0..<4096),
        ("blocks of 2048 16..<17", 32768..<34816), ("sectors 2...", 1024..<UInt64.max),
    ]

    @Test(arguments: spans)
    func `bytes are said in bytes or blocks`(text: String, bytes: Range<UInt64>) throws {
        let span = try #require(ByteSpan(text))
        #expect(span.bytes == bytes)
        #expect(ByteSpan(span.description) == span)
    }

    @Test(
        arguments: [
            "", "5", "5..<5", "6..<5", "..<5", "a..<b", "0...5", "sectors",
            "sectors 0..<18446744073709551615x",
            "blocks 0..<1", "blocks of 0 0..<1", "sectors 36028797018963968..<36028797018963969", "0..<1 2",
        ])
    func `what is no range is refused`(text: String) {
        #expect(ByteSpan(text) == nil)
    }

    static let latencies: [(String, mean: Double, tolerance: Double)] = [
        ("5ms", 5e6, 1), ("uniform 10ms 50ms", 30e6, 0.5e6), ("normal 20ms 5ms", 20e6, 0.2e6),
        ("exp 20ms", 20e6, 0.7e6), ("pareto 10ms 3.0", 15e6, 0.4e6), ("uniform 3ns 3ns", 3, 0.1),
    ]

    @Test(arguments: latencies)
    func `a latency is read, written and drawn as it says`(text: String, mean: Double, tolerance: Double)
        throws
    {
        let latency = try #require(Latency(text))
        #expect(Latency(latency.description) == latency)
        var stream = RandomStreams(seed: 1).stream(text)
        let draws = (0..<20_000).map { _ in latency.draw(from: &stream).nanosecondCount }
        #expect(draws.allSatisfy { $0 >= 0 })
        let average = Double(draws.reduce(0, +)) / 20_000
        #expect(abs(average - mean) <= tolerance, "\(text): \(average)")
    }

    @Test(
        arguments: [
            "", "fast", "uniform 5ms", "uniform 9ms 1ms", "normal 5ms", "exp", "exp 5", "pareto 5ms 0",
            "pareto 5ms -1", "pareto 5ms inf", "5ms 6ms", "const", "uniform 1ms 2ms 3ms",
        ])
    func `what is no latency is refused`(text: String) {
        #expect(Latency(text) == nil)
    }

    @Test func `the tail of a heavy latency is cut off at an hour`() {
        var stream = RandomStream(seed: 1)
        let heavy = Latency.pareto(minimum: .seconds(1), shape: 0.1)
        let draws = (0..<1000).map { _ in heavy.draw(from: &stream) }
        #expect(draws.max() == Latency.maximumDraw)
        #expect(draws.allSatisfy { $0 >= .seconds(1) })
    }

    /// Known values to 15 digits, from tables.
    static let logarithms: [(Double, Double)] = [
        (1, 0), (2, 0.693147180559945), (10, 2.302585092994046), (0.5, -0.693147180559945),
        (1e-9, -20.72326583694641), (1.5, 0.405465108108164),
    ]

    @Test(arguments: logarithms)
    func `logarithm and exponential are right without libm`(value: Double, logarithm: Double) {
        #expect(abs(PortableMath.logarithm(value) - logarithm) < 1e-13)
        #expect(abs(PortableMath.exponential(logarithm) / value - 1) < 1e-13)
    }
}
