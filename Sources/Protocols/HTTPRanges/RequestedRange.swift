/// What a `Range` field asks of an image of known size (RFC 9110 §14.1, §14.2).
package enum RequestedRange: Equatable, Sendable {
    /// No range, or a form that may be ignored: another unit, several ranges, bad syntax.
    case whole
    case part(Range<UInt64>)
    case unsatisfiable

    package init(_ field: String?, imageBytes: UInt64) {
        guard let field, field.hasPrefix("bytes=") else {
            self = .whole
            return
        }
        let ends = field.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else {
            self = .whole
            return
        }
        switch (UInt64(ends[0]), UInt64(ends[1])) {
        case (nil, let suffix?) where ends[0].isEmpty:
            let count = min(suffix, imageBytes)
            self = count == 0 ? .unsatisfiable : .part(imageBytes - count..<imageBytes)
        case (let first?, nil) where ends[1].isEmpty:
            self = first < imageBytes ? .part(first..<imageBytes) : .unsatisfiable
        case (let first?, let last?):
            guard first <= last else {
                self = .whole
                return
            }
            self = first < imageBytes ? .part(first..<min(last, imageBytes - 1) + 1) : .unsatisfiable
        default:
            self = .whole
        }
    }
}
