import TestSupport
import Testing

@testable import HostObserver

struct LatencyHistogramTests {
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `percentiles are within an eighth of the sorted truth`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var histogram = LatencyHistogram()
        var all: [Int64] = []
        for _ in 0..<2000 {
            let value = Int64.random(in: 0...(1 << Int64.random(in: 0...40, using: &random)), using: &random)
            all.append(value)
            histogram.record(.nanoseconds(value))
        }
        all.sort()
        for share in [0.01, 0.5, 0.9, 0.99, 1] {
            let truth = all[max(0, Int((2000 * share).rounded(.up)) - 1)]
            let answer = histogram.percentile(share)
            #expect(answer >= .nanoseconds(truth))
            #expect(answer <= .nanoseconds(truth + truth / 8 + 1))
        }
    }

    @Test func `nothing recorded is zero`() {
        #expect(LatencyHistogram().percentile(0.5) == .zero)
    }
}
