import NBDProtocol
import WireFormat

/// The page cache of one block device: what was read stays for a while, what is written goes out
/// later, and sequential readers are served ahead of their next read.
final class PageCache {
    static let pageBytes: UInt64 = 4096

    let limitBytes: Int
    private let maximumRequestBytes: Int
    unowned let device: any PageCacheDevice
    var table = SegmentTable()
    let writing: WriteBack

    init(
        limitBytes: Int, maximumRequestBytes: Int, device: any PageCacheDevice, timers: KernelTimers
    ) {
        precondition(
            maximumRequestBytes > 0 && maximumRequestBytes % Int(Self.pageBytes) == 0,
            "requests of \(maximumRequestBytes) bytes do not hold whole pages")
        self.limitBytes = limitBytes
        self.maximumRequestBytes = maximumRequestBytes
        self.device = device
        writing = WriteBack(
            maximumRequestBytes: maximumRequestBytes, limitBytes: limitBytes / 2, device: device,
            timers: timers)
    }

    /// - Parameters:
    ///   - readAhead: the state of the reader's open file; `nil` reads only what is asked.
    ///   - completion: pieces that share memory with the cache and add up to the range.
    func read(
        _ range: Range<UInt64>, readAhead: ReadAhead?,
        completion: @escaping (Result<[Bytes], MediumFailure>) -> Void
    ) {
        guard range.upperBound <= device.cachedBytes else {
            return completion(.failure(MediumFailure(offset: max(range.lowerBound, device.cachedBytes))))
        }
        let operation = CacheRead(range: range, completion: completion)
        // Held before anything is evicted to make room for the rest.
        let cached = table.overlapping(range)
        let requested = makePending(missingIn: pages(around: range))
        operation.segments = (cached + requested.filter { $0.range.overlaps(range) })
            .sorted { $0.range.lowerBound < $1.range.lowerBound }
        for segment in operation.segments {
            if segment.wasRead { table.touch(segment) }
            segment.wasRead = true
            guard case .pending = segment.state else { continue }
            operation.outstanding += 1
            segment.waiters.append { [self] in
                operation.outstanding -= 1
                if operation.outstanding == 0 { finish(operation) }
            }
        }
        let isReady = operation.outstanding == 0
        submit(requested)
        if let readAhead { fetch(ahead: readAhead, of: range, isMiss: !requested.isEmpty) }
        if isReady { finish(operation) }
    }

    /// Forgets clean pages; reads in flight reach their waiters but are not kept.
    func dropClean() {
        table.removeAll { segment in
            switch segment.state {
            case .clean, .pending: true
            case .dirty, .writing: false
            }
        }
    }

    /// What it holds that is on the device too.
    var cleanPages: [CacheSegment] {
        table.all.filter { if case .clean = $0.state { true } else { false } }
    }

    /// Takes pages of another cache for its own, as far as they lie on the device.
    func adopt(_ pages: [CacheSegment]) {
        for page in pages where page.range.upperBound <= device.cachedBytes {
            table.insert(page.copy(of: page.range))
        }
    }

    /// Forgets everything, unwritten data included: the device is gone.
    func discard() {
        table.removeAll { _ in true }
        writing.discarded()
    }

    // MARK: Fetching

    /// Covers what is missing with pending segments, none longer than a request may be.
    private func makePending(missingIn range: Range<UInt64>) -> [CacheSegment] {
        var made: [CacheSegment] = []
        for gap in table.gaps(in: range) {
            var start = gap.lowerBound
            while start < gap.upperBound {
                let end = min(gap.upperBound, start + UInt64(maximumRequestBytes))
                made.append(CacheSegment(range: start..<end, state: .pending))
                start = end
            }
        }
        guard !made.isEmpty else { return [] }
        table.evict(to: limitBytes - made.reduce(0) { $0 + $1.byteCount })
        for segment in made { table.insert(segment) }
        return made
    }

    private func submit(_ segments: [CacheSegment]) {
        for segment in segments {
            device.submit(
                BlockRequest(.read, at: segment.range.lowerBound, byteCount: segment.byteCount) {
                    [self] result in received(segment, result)
                })
        }
    }

    private func received(_ segment: CacheSegment, _ result: Result<[UInt8], Errno>) {
        switch result {
        case .success(let bytes):
            segment.bytes = bytes[...]
            segment.state = .clean
        case .failure:
            segment.hasFailed = true
            table.remove(segment)
        }
        let waiters = segment.waiters
        segment.waiters = []
        for waiter in waiters { waiter() }
        if table.byteCount > limitBytes { table.evict(to: limitBytes) }
    }

    private func fetch(ahead state: ReadAhead, of range: Range<UInt64>, isMiss: Bool) {
        let wanted = state.next(
            after: range, isMiss: isMiss, limit: limitBytes / 2, end: device.cachedBytes)
        guard let wanted else { return }
        let missing = table.gaps(in: wanted).reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) }
        table.evict(to: limitBytes - missing)
        guard table.byteCount + missing <= limitBytes else { return }
        submit(makePending(missingIn: wanted))
    }

    /// Whole pages, but nothing past the end of the device.
    private func pages(around range: Range<UInt64>) -> Range<UInt64> {
        let start = range.lowerBound / Self.pageBytes * Self.pageBytes
        let pages = (range.upperBound + Self.pageBytes - 1) / Self.pageBytes
        return start..<min(pages * Self.pageBytes, device.cachedBytes)
    }

    // MARK: Finishing a read

    private func finish(_ operation: CacheRead) {
        guard let failed = operation.segments.firstIndex(where: \.hasFailed) else {
            return operation.completion(
                .success(operation.segments.map { $0.bytes(in: operation.range) }))
        }
        operation.pieces = operation.segments[..<failed].map { $0.bytes(in: operation.range) }
        let position = max(operation.range.lowerBound, operation.segments[failed].range.lowerBound)
        readPageByPage(operation, from: position)
    }

    /// After a failed read the kernel tries each page that is still missing once more, alone: a bad
    /// spot costs the pages on it, not everything that was read with them.
    private func readPageByPage(_ operation: CacheRead, from start: UInt64) {
        var position = start
        while position < operation.range.upperBound {
            if let segment = table.overlapping(position..<position + 1).first {
                if case .pending = segment.state {
                    segment.waiters.append { [self] in readPageByPage(operation, from: position) }
                    return
                }
                operation.pieces.append(segment.bytes(in: position..<operation.range.upperBound))
                position = segment.range.upperBound
                continue
            }
            return readPage(operation, at: position)
        }
        operation.completion(.success(operation.pieces))
    }

    private func readPage(_ operation: CacheRead, at position: UInt64) {
        // The device may have become smaller since the read began.
        guard position < device.cachedBytes else {
            return operation.completion(.failure(MediumFailure(offset: position)))
        }
        let page = pages(around: position..<position + 1)
        guard let gap = table.gaps(in: page).first(where: { $0.contains(position) }) else {
            preconditionFailure("byte \(position) is both cached and missing")
        }
        let requested = makePending(missingIn: gap)
        requested[0].waiters.append { [self] in
            if requested[0].hasFailed {
                operation.completion(.failure(MediumFailure(offset: position)))
            } else {
                readPageByPage(operation, from: position)
            }
        }
        submit(requested)
    }
}

/// A read that waits for some of its segments.
private final class CacheRead {
    let range: Range<UInt64>
    let completion: (Result<[Bytes], MediumFailure>) -> Void
    /// Held until the end, so that none is evicted under the read.
    var segments: [CacheSegment] = []
    var outstanding = 0
    var pieces: [Bytes] = []

    init(range: Range<UInt64>, completion: @escaping (Result<[Bytes], MediumFailure>) -> Void) {
        self.range = range
        self.completion = completion
    }
}

/// The block device below a cache.
protocol PageCacheDevice: AnyObject {
    /// Where the device ends, in bytes.
    var cachedBytes: UInt64 { get }
    var canFlush: Bool { get }
    var canForceUnitAccess: Bool { get }
    func submit(_ request: BlockRequest)
}

/// The readahead state of one open file (`struct file_ra_state`).
final class ReadAhead {
    /// The first window after a jump, as many times the read that followed it.
    private static let firstWindowFactor: UInt64 = 2

    private let maximumBytes: Int
    private var windowBytes: UInt64 = 0
    private var readEnd: UInt64 = 0
    private var fetchedEnd: UInt64 = 0

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// - Parameter isMiss: the read had to ask for pages of its own, so those after it are not
    ///   there either: they were never fetched, or have been dropped.
    /// - Returns: what to fetch besides the read itself, if anything. A read that follows the last
    ///   one, or starts the device, is sequential; each doubles the window until it is full.
    func next(after range: Range<UInt64>, isMiss: Bool, limit: Int, end: UInt64) -> Range<UInt64>? {
        let isSequential = range.lowerBound == readEnd || range.lowerBound == 0
        if range.lowerBound != readEnd { windowBytes = 0 }
        if isMiss || range.lowerBound != readEnd { fetchedEnd = range.upperBound }
        readEnd = range.upperBound
        guard isSequential, maximumBytes > 0 else { return nil }
        let maximum = UInt64(min(maximumBytes, limit))
        let fetched = min(max(fetchedEnd, range.upperBound), range.upperBound + maximum)
        guard fetched - range.upperBound <= windowBytes / 2 else { return nil }
        let first = UInt64(range.count) * Self.firstWindowFactor
        windowBytes = min(max(windowBytes * 2, first), maximum)
        let target = min(range.upperBound + windowBytes, end)
        guard target > fetched else { return nil }
        // Whole pages only, so that the next read finds no ragged edge.
        let aligned = target == end ? target : target / PageCache.pageBytes * PageCache.pageBytes
        guard aligned > fetched else { return nil }
        fetchedEnd = aligned
        return fetched..<aligned
    }
}
