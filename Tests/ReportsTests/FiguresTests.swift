import Testing

@testable import Reports

struct FiguresTests {
    @Test(
        arguments: [
            (0, "0 s"), (999, "999 ns"), (1000, "1 µs"), (999_499, "999 µs"), (999_500, "1 ms"),
            (1_234_000, "1.23 ms"), (45_600_000_000, "45.6 s"), (60_000_000_000, "1 min 0 s"),
            (86_400_000_000_000, "24 h 0 min"), (-1500, "-1.5 µs"), (.min, "-2,562,047 h 47 min"),
        ] as [(Int64, String)])
    func `durations have three places`(nanoseconds: Int64, text: String) {
        #expect(Figures.duration(nanoseconds) == text)
    }

    @Test(
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1_572_864, "1.5 MiB"), (.max, "16777216 TiB"),
        ] as [(UInt64, String)])
    func `sizes are binary`(byteCount: UInt64, text: String) {
        #expect(Figures.bytes(byteCount) == text)
    }

    @Test func `counts have commas, hashes sixteen digits, seconds six places`() {
        #expect(
            [0, 999, 1000, 1_234_567, -1000].map { Figures.count($0) } == [
                "0", "999", "1,000", "1,234,567", "-1,000",
            ])
        #expect(Figures.count(Int.min).hasPrefix("-9,223"))
        #expect(Figures.count(1, "event") == "1 event" && Figures.count(2, "event") == "2 events")
        #expect(Figures.hash(255) == "00000000000000ff")
        #expect(Figures.seconds(1_002_003_999) == "1.002003" && Figures.seconds(-1000) == "-0.000001")
        #expect([0, 0.5, 1, 0.12345].map(Figures.percent) == ["0", "50", "100", "12.35"])
        #expect(Figures.rate(1_048_576) == "1 MiB/s")
    }
}

struct TimeAxisTests {
    @Test(
        arguments: [1, 7, 999, 1_000_000, 140_000_000_000, 86_400_000_000_000, .max] as [Int64], [6, 24, 96])
    func `ticks are round, few enough and inside`(nanoseconds: Int64, most: Int) {
        let axis = TimeAxis(nanoseconds: nanoseconds)
        let ticks = axis.ticks(atMost: most)
        #expect(ticks.first == 0 && ticks.count <= most + 1)
        #expect(ticks.allSatisfy { (0...nanoseconds).contains($0) })
        #expect(nanoseconds < 20 || ticks.count >= most / 4, "\(ticks.map { Figures.duration($0) })")
    }

    @Test func `the end of a run falls into its last part`() {
        let axis = TimeAxis(nanoseconds: 100)
        #expect([-5, 0, 99, 100, 1000].map { axis.bin($0, of: 10) } == [0, 0, 9, 9, 9])
    }
}
