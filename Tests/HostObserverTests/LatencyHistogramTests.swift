import Foundation
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

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `buckets hold everything once, and halves add up to the whole also after a trip through JSON`(
        seed: UInt64
    ) throws {
        var random = SeededGenerator(seed: seed)
        var whole = LatencyHistogram()
        var halves = [LatencyHistogram(), LatencyHistogram()]
        for index in 0..<500 {
            let value = Int64.random(in: 0...(1 << Int64.random(in: 0...40, using: &random)), using: &random)
            whole.record(.nanoseconds(value))
            halves[index % 2].record(.nanoseconds(value))
            let holds = whole.buckets.count { $0.nanoseconds.contains(value) }
            #expect(holds == 1, "seed \(seed): \(value)")
        }
        #expect(whole.buckets.reduce(0) { $0 + $1.count } == 500)
        var sum = LatencyHistogram()
        for half in halves {
            sum.merge(try JSONDecoder().decode(LatencyHistogram.self, from: JSONEncoder().encode(half)))
        }
        #expect(sum == whole)
    }

    @Test(arguments: ["[1]", "[400, 1]", "[1, 18446744073709551615, 2, 1]", "[-1, 1]"])
    func `buckets that cannot be are refused`(buckets: String) {
        let text = #"{"maximum": 5, "buckets": \#(buckets)}"#
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(LatencyHistogram.self, from: Data(text.utf8))
        }
    }

    @Test func `nothing recorded is zero`() {
        #expect(LatencyHistogram().percentile(0.5) == .zero)
    }
}
