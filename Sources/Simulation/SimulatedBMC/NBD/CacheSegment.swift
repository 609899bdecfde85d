import WireFormat

/// A run of cached bytes, as long as the request that brought it or the write that made it.
final class CacheSegment {
    enum State {
        /// A read is in flight.
        case pending
        case clean
        case dirty
        /// A write of it is in flight; its bytes are valid.
        case writing
    }

    let range: Range<UInt64>
    var state: State
    /// Valid unless pending; exactly as long as the range.
    var bytes: Bytes = []
    /// Where the read of a pending segment failed.
    var hasFailed = false
    /// Called once when the read ends, in the order they came.
    var waiters: [() -> Void] = []
    /// A second read makes it recently used; one alone may be a stream passing by.
    var wasRead = false
    /// The write asked to reach the medium at once.
    var isForced = false
    /// Orders writes, for a flush that must wait for those before it.
    var writeNumber: UInt64 = 0
    fileprivate(set) var isCached = false
    fileprivate weak var newer: CacheSegment?
    fileprivate var older: CacheSegment?

    init(range: Range<UInt64>, state: State) {
        self.range = range
        self.state = state
    }

    var byteCount: Int { Int(range.upperBound - range.lowerBound) }

    var isUnwritten: Bool {
        switch state {
        case .dirty, .writing: true
        case .pending, .clean: false
        }
    }

    /// A part of a valid segment, with memory of its own.
    func copy(of part: Range<UInt64>) -> CacheSegment {
        let copy = CacheSegment(range: part, state: state)
        copy.bytes = Array(bytes(in: part))[...]
        copy.isForced = isForced
        copy.writeNumber = writeNumber
        return copy
    }

    /// The part of a valid segment that lies in `wanted`.
    func bytes(in wanted: Range<UInt64>) -> Bytes {
        let part = range.clamped(to: wanted)
        let start = bytes.startIndex + Int(part.lowerBound - range.lowerBound)
        return bytes[start..<start + Int(part.upperBound - part.lowerBound)]
    }
}

/// The segments of one device: sorted, disjoint, and with an order of use.
struct SegmentTable {
    private var segments: [CacheSegment] = []
    /// Most and least recently used, of all that are cached.
    private var newest: CacheSegment?
    private weak var oldest: CacheSegment?
    private(set) var byteCount = 0

    var all: [CacheSegment] { segments }

    /// Those that overlap the range, in order.
    func overlapping(_ range: Range<UInt64>) -> ArraySlice<CacheSegment> {
        let start = firstIndex { $0.range.upperBound > range.lowerBound }
        var end = start
        while end < segments.count, segments[end].range.lowerBound < range.upperBound { end += 1 }
        return segments[start..<end]
    }

    /// The parts of the range that no segment covers, in order.
    func gaps(in range: Range<UInt64>) -> [Range<UInt64>] {
        var gaps: [Range<UInt64>] = []
        var position = range.lowerBound
        for segment in overlapping(range) {
            if segment.range.lowerBound > position { gaps.append(position..<segment.range.lowerBound) }
            position = segment.range.upperBound
        }
        if position < range.upperBound { gaps.append(position..<range.upperBound) }
        return gaps
    }

    mutating func insert(_ segment: CacheSegment) {
        let position = firstIndex { $0.range.lowerBound >= segment.range.upperBound }
        segments.insert(segment, at: position)
        segment.isCached = true
        byteCount += segment.byteCount
        linkNewest(segment)
    }

    mutating func remove(_ segment: CacheSegment) {
        guard segment.isCached else { return }
        segments.remove(at: firstIndex { $0.range.lowerBound >= segment.range.lowerBound })
        segment.isCached = false
        byteCount -= segment.byteCount
        unlink(segment)
    }

    mutating func removeAll(where isUnwanted: (CacheSegment) -> Bool) {
        for segment in segments.filter(isUnwanted) { remove(segment) }
    }

    mutating func touch(_ segment: CacheSegment) {
        guard segment.isCached, newest !== segment else { return }
        unlink(segment)
        linkNewest(segment)
    }

    /// Removes clean segments, the least recently used first, until no more than `limit` bytes are
    /// left or none of them is clean.
    mutating func evict(to limit: Int) {
        var candidate = oldest
        while byteCount > limit, let segment = candidate {
            candidate = segment.newer
            if case .clean = segment.state { remove(segment) }
        }
    }

    private mutating func linkNewest(_ segment: CacheSegment) {
        segment.older = newest
        newest?.newer = segment
        segment.newer = nil
        newest = segment
        if oldest == nil { oldest = segment }
    }

    private mutating func unlink(_ segment: CacheSegment) {
        if newest === segment { newest = segment.older }
        if oldest === segment { oldest = segment.newer }
        segment.newer?.older = segment.older
        segment.older?.newer = segment.newer
        segment.older = nil
        segment.newer = nil
    }

    private func firstIndex(where isPast: (CacheSegment) -> Bool) -> Int {
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if isPast(segments[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
