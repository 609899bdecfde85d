import Testing

@testable import Benchmarks

struct VerifyBenchmarkTests {
    @Test func `the time until the host knows the device is read from the report`() throws {
        let text = #"{"image": "x", "millisecondsToEnumerated": 6.75, "reading": {"seconds": 1}}"#
        #expect(try VerifyLaunch.millisecondsToEnumerated(text) == 6.75)
    }

    @Test(
        arguments: [
            "", "{", "{}", #"{"millisecondsToEnumerated": 0}"#, #"{"millisecondsToEnumerated": null}"#,
            #"{"millisecondsToEnumerated": "6"}"#,
        ])
    func `a report without that time is a failure and no figure`(text: String) {
        #expect(throws: BenchmarkFailure.self) { try VerifyLaunch.millisecondsToEnumerated(text) }
    }

    @Test func `processor time counts programs that have ended`() throws {
        let before = endedChildrenProcessorSeconds()
        try ForeignRun.run(
            ["/bin/sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"],
            output: "/tmp/mediarig-test-loop.out")
        #expect(endedChildrenProcessorSeconds() > before)
    }

    @Test func `each benchmark has a name of its own and says what it does`() {
        let all: [any Benchmark] = [NBDSequential(), NBDRandom(), VerifyWhole(), VerifyLaunch()]
        #expect(Set(all.map(\.name)) == ["nbd-sequential", "nbd-random", "verify", "launch"])
        #expect(all.allSatisfy { !$0.summary.isEmpty && !$0.neededPrograms.isEmpty })
    }
}
