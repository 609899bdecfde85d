import Testing

@testable import Scenarios

struct QuantityTests {
    @Test(
        arguments: [
            ("1.5s", 1_500_000_000), ("250ms", 250_000_000), ("2h", 7_200_000_000_000), ("0s", 0),
            ("1h30min", 5_400_000_000_000), ("1h 30min", 5_400_000_000_000), ("10us", 10_000),
            ("10µs", 10_000), ("7 ns", 7), ("1.000000001s", 1_000_000_001), ("1d", 86_400_000_000_000),
        ] as [(String, Int64)])
    func `a duration is read as it is meant`(text: String, nanoseconds: Int64) {
        #expect(Quantity.duration(text) == .nanoseconds(nanoseconds))
    }

    @Test(
        arguments: [
            "", "5", "s", "1.s", ".5s", "1,5s", "-1s", "5 m", "1e3s", "1.0000000001s", "99999999999h", "5s x",
            "١s",
        ])
    func `what is no duration is none`(text: String) { #expect(Quantity.duration(text) == nil) }

    @Test(
        arguments: [0, 1, 999, 1_000, 1_500_000_000, 90_000_000_000, 86_400_000_000_000, 1_234_567] as [Int64]
    )
    func `a written duration reads back the same`(nanoseconds: Int64) {
        let text = Quantity.text(Duration.nanoseconds(nanoseconds))
        #expect(Quantity.duration(text) == .nanoseconds(nanoseconds), "\(text)")
    }

    @Test(
        arguments: [
            ("512", 512), ("64 KiB", 65_536), ("4MiB", 4 << 20), ("1.5 GiB", 3 << 29), ("3 TiB", 3 << 40),
            ("10 kB", 10_000), ("513 B", 513), ("0", 0), ("16383 PiB", 16_383 << 50),
        ] as [(String, UInt64)])
    func `a size is read as it is meant`(text: String, bytes: UInt64) {
        #expect(Quantity.byteCount(text) == bytes)
        #expect(Quantity.byteCount(Quantity.text(bytes)) == bytes)
    }

    @Test(arguments: [
        "", "KiB", "4 kib", "4 Mi", "-1", "16384 PiB", "1e3", "4 MiB/s", "18446744073709551616",
    ])
    func `what is no size is none`(text: String) { #expect(Quantity.byteCount(text) == nil) }
}

struct SuggestionTests {
    @Test(
        arguments: [
            ("slto", "slot"), ("tineout", "timeout"), ("Legacy", "legacy"), ("insrt", "insert"),
        ])
    func `a near miss is told what was meant`(word: String, meant: String) {
        let text = Suggestion.text(for: word, among: ["slot", "timeout", "legacy", "insert"])
        #expect(text == "did you mean \"\(meant)\"?")
    }

    @Test func `a far miss is told what there is`() {
        #expect(Suggestion.text(for: "banana", among: ["slot", "host"]) == "there are slot, host")
        #expect(Suggestion.text(for: "banana", among: []) == "there is none")
    }
}
