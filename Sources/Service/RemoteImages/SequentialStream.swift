/// A reader that walks through the image, and how far ahead of it to fetch.
struct SequentialStream: Equatable, Sendable {
    /// Where the next read is expected, in bytes.
    var nextOffset: UInt64
    /// Blocks ahead of `nextOffset` to have ready; 0 until the reader has proved itself.
    var windowBlocks = 0
    var lastUse: UInt64

    /// Concurrent requests of one reader arrive slightly out of order, so near is enough.
    func continues(with range: Range<UInt64>, slackBytes: UInt64) -> Bool {
        let distance =
            range.lowerBound > nextOffset ? range.lowerBound - nextOffset : nextOffset - range.lowerBound
        return distance <= slackBytes
    }

    mutating func advance(to end: UInt64, firstWindow: Int, maximumWindow: Int, tick: UInt64) {
        lastUse = tick
        guard end > nextOffset else { return }
        nextOffset = end
        windowBlocks = min(windowBlocks == 0 ? firstWindow : windowBlocks * 2, maximumWindow)
    }
}
