import Testing

@testable import HTTPRanges

struct RequestedRangeTests {
    static let table: [(String?, UInt64, RequestedRange)] = [
        (nil, 10, .whole), ("bytes=0-0", 10, .part(0..<1)), ("bytes=0-9", 10, .part(0..<10)),
        ("bytes=0-10", 10, .part(0..<10)), ("bytes=3-", 10, .part(3..<10)), ("bytes=-3", 10, .part(7..<10)),
        ("bytes=-30", 10, .part(0..<10)), ("bytes=-0", 10, .unsatisfiable), ("bytes=10-", 10, .unsatisfiable),
        ("bytes=10-12", 10, .unsatisfiable), ("bytes=0-0", 0, .unsatisfiable),
        ("bytes=-1", 0, .unsatisfiable),
        ("bytes=5-4", 10, .whole), ("bytes=0-1,3-4", 10, .whole), ("items=0-1", 10, .whole),
        ("bytes=", 10, .whole), ("bytes=-", 10, .whole), ("bytes=+1-2", 10, .whole),
        ("bytes=a-b", 10, .whole),
        ("bytes=0-18446744073709551615", 10, .part(0..<10)), ("bytes=0-18446744073709551616", 10, .whole),
        ("bytes=18446744073709551615-", .max, .unsatisfiable),
        ("bytes=18446744073709551614-18446744073709551615", .max, .part(.max - 1 ..< .max)),
    ]

    @Test(arguments: table.indices)
    func `a Range field is read as RFC 9110 §14 says`(row: Int) {
        let (field, imageBytes, expected) = Self.table[row]
        #expect(RequestedRange(field, imageBytes: imageBytes) == expected)
    }
}
