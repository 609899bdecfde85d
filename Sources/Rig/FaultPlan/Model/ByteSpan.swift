/// A part of an image or a stream. Text in plans: "0..<4096" or, without an end, "4096..."; in
/// blocks with a word before it: "sectors 0..<8" (512 bytes each), "blocks of 2048 16..<17".
package struct ByteSpan: Equatable, Sendable {
    package var bytes: Range<UInt64>

    package init(_ bytes: Range<UInt64>) { self.bytes = bytes }

    package init?(_ text: String) {
        var words = text.split(separator: " ")
        var unit: UInt64 = 1
        if words.first == "sectors" {
            unit = 512
            words.removeFirst()
        } else if words.starts(with: ["blocks", "of"]) {
            guard words.count > 2, let size = UInt64(words[2]), size > 0 else { return nil }
            unit = size
            words.removeFirst(3)
        }
        guard words.count == 1 else { return nil }
        let ends: (start: UInt64, end: UInt64)
        if words[0].hasSuffix("...") {
            guard let start = UInt64(words[0].dropLast(3)) else { return nil }
            ends = (start, .max)
        } else {
            let parts = words[0].split(separator: "..<", omittingEmptySubsequences: false)
            guard parts.count == 2, let start = UInt64(parts[0]), let end = UInt64(parts[1]) else {
                return nil
            }
            ends = (start, end)
        }
        let (start, overflow) = ends.start.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        let end: UInt64
        if ends.end == .max {
            end = .max
        } else {
            let (product, overflow) = ends.end.multipliedReportingOverflow(by: unit)
            guard !overflow else { return nil }
            end = product
        }
        guard start < end else { return nil }
        self.init(start..<end)
    }
}

extension ByteSpan: CustomStringConvertible {
    package var description: String {
        bytes.upperBound == .max ? "\(bytes.lowerBound)..." : "\(bytes.lowerBound)..<\(bytes.upperBound)"
    }
}

extension ByteSpan: TextCodable {
    static let form = "a range like \"0..<4096\", \"4096...\" or \"sectors 0..<8\""
}
