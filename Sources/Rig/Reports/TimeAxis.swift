import RunLog

/// Turns times of a run into places in a picture, and picks round times to write under it.
struct TimeAxis {
    let nanoseconds: Int64

    /// - Parameter record: whose events, violations and length all have to fit.
    init(_ record: RunRecord) {
        let last = record.events.lazy.map(\.nanoseconds).max() ?? 0
        let violated = record.violations.lazy.map(\.nanoseconds).max() ?? 0
        nanoseconds = max(1, record.virtualNanoseconds, last, violated)
    }

    init(nanoseconds: Int64) { self.nanoseconds = max(1, nanoseconds) }

    /// 0...1.
    func share(_ time: Int64) -> Double { Double(min(max(0, time), nanoseconds)) / Double(nanoseconds) }

    /// Which of so many equal parts a time falls into, from 0.
    func bin(_ time: Int64, of count: Int) -> Int { min(count - 1, Int(share(time) * Double(count))) }

    /// The middle of a part.
    func middle(ofBin bin: Int, of count: Int) -> Int64 {
        Int64((Double(bin) + 0.5) / Double(count) * Double(nanoseconds))
    }

    /// Round times, at most so many of them, from 0 on.
    func ticks(atMost count: Int = 8) -> [Int64] {
        let steps: [Int64] = Self.roundSteps
        let step = steps.first { nanoseconds / $0 < Int64(count) } ?? steps[steps.count - 1]
        return Array(stride(from: 0, through: nanoseconds, by: Int(step)).prefix(count + 1)).map { Int64($0) }
    }

    /// 1, 2, 5, 10, … nanoseconds up to 10 s, then what clocks show.
    private static let roundSteps: [Int64] = {
        var steps: [Int64] = []
        var decade: Int64 = 1
        while decade <= 1_000_000_000 {
            steps += [decade, 2 * decade, 5 * decade]
            decade *= 10
        }
        steps += [10_000_000_000, 15_000_000_000, 30_000_000_000]
        let minute: Int64 = 60_000_000_000
        steps += [1, 2, 5, 10, 20, 30, 60, 120, 240, 480, 720, 1440].map { $0 * minute }
        // Days, months, years, up to what 64 bits hold.
        steps += [5, 10, 30, 100, 365, 1000, 3650, 10_000].map { $0 * 1440 * minute }
        return steps
    }()
}
