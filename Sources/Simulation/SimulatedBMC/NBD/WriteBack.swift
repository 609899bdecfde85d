import NBDProtocol
import WireFormat

/// The dirty pages of one device: collects writes, sends them out in runs, and remembers a failure
/// until somebody asks.
final class WriteBack {
    /// How long a dirty page may stay in memory (`dirty_expire_centisecs`).
    static let dirtyExpiry = Duration.seconds(30)

    private struct Waiter {
        let range: Range<UInt64>
        /// Writes up to this number must be out.
        let lastWrite: UInt64
        /// Whether a failure that it is told of is thereby reported.
        let takesErrors: Bool
        var hasFailed = false
        let completion: (Bool) -> Void
    }

    private let maximumRequestBytes: Int
    /// Above this many unwritten bytes writers wait; at half of it write-back starts by itself.
    private let limitBytes: Int
    private unowned let device: any PageCacheDevice
    private let timers: KernelTimers
    private(set) var unwrittenBytes = 0
    private var lastWrite: UInt64 = 0
    private var inFlight: [Range<UInt64>] = []
    private var waiters: [Waiter] = []
    private var throttled: [() -> Void] = []
    /// A write-back failed that nobody waited for; the next flush reports it, once.
    private var hasUnreportedFailure = false
    private var expiry: KernelTimers.TimerID?

    init(
        maximumRequestBytes: Int, limitBytes: Int, device: any PageCacheDevice, timers: KernelTimers
    ) {
        self.maximumRequestBytes = maximumRequestBytes
        self.limitBytes = limitBytes
        self.device = device
        self.timers = timers
    }

    var isOverLimit: Bool { unwrittenBytes > limitBytes }
    var isTimeToStart: Bool { unwrittenBytes > limitBytes / 2 }

    /// Gives a write its number and counts its bytes.
    ///
    /// - Parameter replaced: the number of the oldest unwritten data that it overwrites. It takes
    ///   that number, so that a flush which waits for them waits for what is there now.
    func registered(_ segment: CacheSegment, replacing replaced: UInt64?) {
        lastWrite += 1
        segment.writeNumber = replaced ?? lastWrite
        unwrittenBytes += segment.byteCount
    }

    /// A dirty or writing segment changed its size: part of it was overwritten.
    func changed(byBytes difference: Int) { unwrittenBytes += difference }

    func discarded() {
        unwrittenBytes = 0
        release()
    }

    func whenBelowLimit(_ body: @escaping () -> Void) { throttled.append(body) }

    func expire(in cache: PageCache) {
        guard expiry == nil else { return }
        expiry = timers.schedule(at: timers.now + Self.dirtyExpiry, named: "dirty pages") {
            [weak self, weak cache] in
            guard let self, let cache else { return }
            self.expiry = nil
            self.start(in: cache)
        }
    }

    /// Calls back once everything written so far in the range is on the device.
    ///
    /// - Parameters:
    ///   - takesErrors: false leaves a failure for the next flush to report.
    ///   - completion: whether it all arrived.
    func wait(
        for range: Range<UInt64>, in cache: PageCache, takesErrors: Bool = true,
        completion: @escaping (Bool) -> Void
    ) {
        waiters.append(
            Waiter(range: range, lastWrite: lastWrite, takesErrors: takesErrors, completion: completion))
        start(in: cache)
        settle(in: cache)
    }

    /// - Returns: whether a write failed that nobody has heard of; asking clears it.
    func takeFailure() -> Bool {
        defer { hasUnreportedFailure = false }
        return hasUnreportedFailure
    }

    /// Sends every dirty run that is not held back by an older write to the same place.
    func start(in cache: PageCache) {
        var run: [CacheSegment] = []
        var runs: [[CacheSegment]] = []
        for segment in cache.table.all {
            guard case .dirty = segment.state, !inFlight.contains(where: { $0.overlaps(segment.range) })
            else {
                continue
            }
            if let last = run.last,
                last.range.upperBound != segment.range.lowerBound || last.isForced != segment.isForced
            {
                runs.append(run)
                run = []
            }
            run.append(segment)
        }
        if !run.isEmpty { runs.append(run) }
        for run in runs { for segment in run { segment.state = .writing } }
        for run in runs { send(run, in: cache) }
    }

    private func send(_ run: [CacheSegment], in cache: PageCache) {
        let range = run[0].range.lowerBound..<run[run.count - 1].range.upperBound
        inFlight.append(range)
        let flags: CommandFlags = run[0].isForced && device.canForceUnitAccess ? .forceUnitAccess : []
        var requests: [(offset: UInt64, pieces: [Bytes], byteCount: Int)] = []
        for segment in run {
            var rest = segment.bytes
            while !rest.isEmpty {
                if requests.isEmpty || requests[requests.count - 1].byteCount == maximumRequestBytes {
                    let offset = segment.range.upperBound - UInt64(rest.count)
                    requests.append((offset, [], 0))
                }
                let last = requests.count - 1
                let piece = rest.prefix(maximumRequestBytes - requests[last].byteCount)
                requests[last].pieces.append(piece)
                requests[last].byteCount += piece.count
                rest.removeFirst(piece.count)
            }
        }
        var outstanding = requests.count
        var hasFailed = false
        for request in requests {
            device.submit(
                BlockRequest(
                    .write, flags: flags, at: request.offset, byteCount: request.byteCount,
                    payload: request.pieces
                ) { [self] result in
                    if case .failure = result { hasFailed = true }
                    outstanding -= 1
                    if outstanding == 0 { finished(range, hasFailed: hasFailed, in: cache) }
                })
        }
    }

    private func finished(_ range: Range<UInt64>, hasFailed: Bool, in cache: PageCache) {
        inFlight.removeAll { $0 == range }
        for segment in cache.table.overlapping(range) {
            guard case .writing = segment.state else { continue }
            // As in the kernel, a page whose write failed is clean: the failure is reported, the
            // data are not tried again.
            segment.state = .clean
            unwrittenBytes -= segment.byteCount
        }
        if hasFailed {
            var isReported = false
            for index in waiters.indices where waiters[index].range.overlaps(range) {
                waiters[index].hasFailed = true
                if waiters[index].takesErrors { isReported = true }
            }
            if !isReported { hasUnreportedFailure = true }
        }
        start(in: cache)
        settle(in: cache)
        release()
    }

    /// Completes the waiters whose writes are all out.
    private func settle(in cache: PageCache) {
        let done = waiters.filter { !isWaiting($0, in: cache) }
        guard !done.isEmpty else { return }
        waiters.removeAll { !isWaiting($0, in: cache) }
        for waiter in done { waiter.completion(!waiter.hasFailed) }
    }

    private func isWaiting(_ waiter: Waiter, in cache: PageCache) -> Bool {
        cache.table.overlapping(waiter.range).contains { segment in
            switch segment.state {
            case .dirty, .writing: segment.writeNumber <= waiter.lastWrite
            case .clean, .pending: false
            }
        }
    }

    private func release() {
        guard !isOverLimit else { return }
        let released = throttled
        throttled = []
        for body in released { body() }
    }
}

// MARK: - Writing through the cache

extension PageCache {
    /// - Parameter isForced: completes only once the bytes are on the medium (O_SYNC).
    func write(
        _ bytes: [UInt8], at offset: UInt64, isForced: Bool,
        completion: @escaping (Result<Void, MediumFailure>) -> Void
    ) {
        let range = offset..<offset + UInt64(bytes.count)
        guard range.upperBound <= device.cachedBytes else {
            return completion(.failure(MediumFailure(offset: max(offset, device.cachedBytes))))
        }
        guard !range.isEmpty else { return completion(.success(())) }
        // A page that is being read is locked: its old contents must not arrive over the new.
        for segment in table.overlapping(range) {
            guard case .pending = segment.state else { continue }
            segment.waiters.append { [self] in
                write(bytes, at: offset, isForced: isForced, completion: completion)
            }
            return
        }
        insertDirty(bytes, range, isForced: isForced)
        if isForced {
            sync(range) { isDone in
                completion(isDone ? .success(()) : .failure(MediumFailure(offset: offset)))
            }
        } else {
            writing.expire(in: self)
            if writing.isTimeToStart { writing.start(in: self) }
            guard writing.isOverLimit else { return completion(.success(())) }
            writing.whenBelowLimit { completion(.success(())) }
        }
    }

    /// Completes once every earlier write is on the medium; a write-back that failed since the last
    /// flush fails this one.
    func flush(completion: @escaping (Result<Void, MediumFailure>) -> Void) {
        writing.wait(for: 0..<UInt64.max, in: self) { [self] isWritten in
            let hadFailure = writing.takeFailure()
            guard isWritten && !hadFailure else { return completion(.failure(MediumFailure(offset: 0))) }
            flushDevice { completion($0 ? .success(()) : .failure(MediumFailure(offset: 0))) }
        }
    }

    private func sync(_ range: Range<UInt64>, completion: @escaping (Bool) -> Void) {
        writing.wait(for: range, in: self) { [self] isWritten in
            guard isWritten else { return completion(false) }
            if device.canForceUnitAccess { return completion(true) }
            flushDevice(completion: completion)
        }
    }

    private func flushDevice(completion: @escaping (Bool) -> Void) {
        guard device.canFlush else { return completion(true) }
        device.submit(BlockRequest(.flush) { completion((try? $0.get()) != nil) })
    }

    private func insertDirty(_ bytes: [UInt8], _ range: Range<UInt64>, isForced: Bool) {
        var replaced: UInt64?
        for old in table.overlapping(range) {
            table.remove(old)
            if old.isUnwritten { replaced = min(old.writeNumber, replaced ?? .max) }
            var keptBytes = 0
            for rest in [
                old.range.lowerBound..<max(old.range.lowerBound, range.lowerBound),
                min(old.range.upperBound, range.upperBound)..<old.range.upperBound,
            ] where !rest.isEmpty {
                table.insert(old.copy(of: rest))
                keptBytes += rest.count
            }
            if old.isUnwritten { writing.changed(byBytes: keptBytes - old.byteCount) }
        }
        table.evict(to: limitBytes - bytes.count)
        let segment = CacheSegment(range: range, state: .dirty)
        segment.bytes = bytes[...]
        segment.isForced = isForced
        table.insert(segment)
        writing.registered(segment, replacing: replaced)
    }
}
