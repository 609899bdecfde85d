import Testing

@testable import Benchmarks

struct BenchmarkRowTests {
    @Test(
        arguments: [([], 0), ([3], 3), ([5, 1], 3), ([9, 1, 2], 2), ([4, 1, 3, 2], 2.5)]
            as [([Double], Double)])
    func `the median is the middle of the sorted values`(values: [Double], expected: Double) {
        #expect(median(values) == expected)
    }

    @Test func `ratios are taken within pairs, so that a slow minute hurts both alike`() {
        var row = BenchmarkRow(
            benchmark: "b", work: "w", peer: "p", unit: "op/s", processorUnit: "µs/op")
        for (ours, peers) in [(200.0, 100.0), (20, 10), (30, 30)] {
            row.ours.add(rate: ours, processorCost: 1)
            row.peers.add(rate: peers, processorCost: 4)
        }
        #expect(row.rateRatio == 2)
        #expect(row.processorRatio == 0.25)
    }

    @Test func `the table lines up and rounds to hundredths`() {
        var row = BenchmarkRow(
            benchmark: "b", work: "read", peer: "p", unit: "MB/s", processorUnit: "s/GiB")
        row.ours.add(rate: 1234.5, processorCost: 0.056)
        row.peers.add(rate: 1000, processorCost: 0.1)
        let lines = BenchmarkTable.text([row, row]).split(separator: "\n")
        #expect(Set(lines.map(\.count)).count == 1)
        #expect(lines[1].contains("1.23"))
        #expect(lines[1].contains("0.06 s/GiB"))
    }

    @Test func `without a peer there is nothing in its columns, and times keep their hundredths`() {
        var row = BenchmarkRow(
            benchmark: "b", work: "start", peer: "", unit: "s", processorUnit: "s/run")
        row.ours.add(rate: 1.256, processorCost: 2)
        let cells = BenchmarkTable.text([row]).split(separator: "\n")[1].split(separator: " ")
        #expect(cells == ["start", "1.26", "s", "-", "-", "2.00", "s/run", "-", "-"])
    }

    @Test func `a program that fails says why`() {
        #expect(throws: BenchmarkFailure.self) {
            try ForeignRun.run(["/bin/sh", "-c", "echo no >&2; exit 3"], output: "/tmp/mediarig-test.out")
        }
        #expect(throws: BenchmarkFailure.self) {
            try ForeignRun.run(["/no/such/program"], output: "/tmp/mediarig-test.out")
        }
    }
}
