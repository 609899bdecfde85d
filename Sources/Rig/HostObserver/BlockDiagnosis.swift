internal import Glibc
internal import WireFormat

/// Says what became of a block that is not what it should be.
struct BlockDiagnosis {
    /// How far around its place a block is looked for at any byte offset.
    static let windowByteCount: UInt64 = 64 << 10
    /// So few flipped bits are damage, not another content.
    static let damagedBitLimit = 32
    /// A search through the whole image costs a pass over it; a report does at most this many.
    static let maximumSearches = 4
    static let excerptByteCount = 32

    let image: any ExpectedImage
    let previous: (any ExpectedImage)?
    private var searches = 0

    init(image: any ExpectedImage, previous: (any ExpectedImage)?) {
        self.image = image
        self.previous = previous
    }

    mutating func mismatch(expected: Bytes, actual: Bytes, block: UInt64) throws(ObserverError)
        -> BlockMismatch
    {
        let offset = block * UInt64(actual.count)
        let difference =
            zip(expected, actual).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
        func excerpt(_ bytes: Bytes) -> String {
            Hexadecimal.text(bytes.dropFirst(difference).prefix(Self.excerptByteCount))
        }
        return BlockMismatch(
            kind: try kind(expected: expected, actual: actual, offset: offset), block: block,
            byteOffset: offset, expectedSHA256: SHA256.text(expected), actualSHA256: SHA256.text(actual),
            firstDifference: offset + UInt64(difference), expectedExcerpt: excerpt(expected),
            actualExcerpt: excerpt(actual))
    }

    private mutating func kind(expected: Bytes, actual: Bytes, offset: UInt64) throws(ObserverError)
        -> BlockMismatch.Kind
    {
        if actual.allSatisfy({ $0 == 0 }) { return .zeroed }
        if let previous, try Self.bytes(of: previous, at: offset, byteCount: actual.count) == Array(actual) {
            return .stale
        }
        let bitCount = zip(expected, actual).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
        // A block of one repeated byte may be found anywhere and proves nothing.
        let isUniform = actual.allSatisfy { $0 == actual.first }
        if bitCount <= Self.damagedBitLimit || isUniform { return .corrupted(bitCount: bitCount) }
        if let found = try nearby(actual, offset: offset) { return found }
        if searches < Self.maximumSearches {
            searches += 1
            if let block = try anywhere(actual) { return .swapped(block: block) }
        }
        return .corrupted(bitCount: bitCount)
    }

    private static func bytes(of image: any ExpectedImage, at offset: UInt64, byteCount: Int)
        throws(ObserverError) -> [UInt8]
    {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { buffer.deallocate() }
        let count = try image.read(into: buffer, at: offset)
        return Array(buffer[0..<count])
    }

    /// At any byte offset close by; a whole number of blocks away it is another block.
    private func nearby(_ actual: Bytes, offset: UInt64) throws(ObserverError) -> BlockMismatch.Kind? {
        let start = offset - min(offset, Self.windowByteCount)
        let window = try Self.bytes(
            of: image, at: start, byteCount: Int(offset - start) + actual.count + Int(Self.windowByteCount))
        var from = 0
        while from + actual.count <= window.count, let found = Self.find(actual, in: window, from: from) {
            let distance = found - Int(offset - start)
            if distance != 0 {
                let isAligned = distance.isMultiple(of: actual.count)
                return isAligned
                    ? .swapped(block: (start + UInt64(found)) / UInt64(actual.count))
                    : .shifted(byteCount: distance)
            }
            from = found + 1
        }
        return nil
    }

    private static func find(_ needle: Bytes, in hay: [UInt8], from: Int) -> Int? {
        hay.withUnsafeBytes { hay in
            needle.withUnsafeBytes { needle in
                // The first word rules out nearly every place.
                let word = needle.loadUnaligned(as: UInt64.self)
                var place = from
                while place + needle.count <= hay.count {
                    if hay.loadUnaligned(fromByteOffset: place, as: UInt64.self) == word,
                        memcmp(hay.baseAddress! + place, needle.baseAddress!, needle.count) == 0
                    {
                        return place
                    }
                    place += 1
                }
                return nil
            }
        }
    }

    /// As a block of the image, wherever.
    private func anywhere(_ actual: Bytes) throws(ObserverError) -> UInt64? {
        let size = actual.count
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 1 << 20), alignment: 16)
        defer { buffer.deallocate() }
        var offset: UInt64 = 0
        while offset < image.byteCount {
            let count = try image.read(into: buffer, at: offset)
            let found = actual.withUnsafeBytes { actual in
                stride(from: 0, to: count - size + 1, by: size).first {
                    memcmp(buffer.baseAddress! + $0, actual.baseAddress!, size) == 0
                }
            }
            if let found { return (offset + UInt64(found)) / UInt64(size) }
            guard count == buffer.count else { return nil }
            offset += UInt64(count)
        }
        return nil
    }
}
