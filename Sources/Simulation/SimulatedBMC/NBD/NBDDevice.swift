import NBDProtocol
import VirtualMedia
import WireFormat

/// One /dev/nbdN: its attachment, its size, its openers.
///
/// An attachment ends in two steps, as in the kernel: ``disconnect()`` fails all I/O at once, but
/// the size and the right to attach anew come back only when the last opener has closed.
final class NBDDevice: PageCacheDevice {
    let number: Int
    /// A link of the device died by itself.
    var linkDied: () -> Void = {}
    /// The last opener has begun to close: see ``whenClosed(_:)``.
    var willClose: (NBDDevice) -> Void = { _ in }
    private(set) var attachment: NBDAttachment?
    private(set) var queue: NBDQueue?
    private(set) var cache: PageCache?
    private(set) var isDisconnected = false
    /// Stays as it is from one attachment to the next, until that one changes it.
    private(set) var isReadOnly = false
    private(set) var openCount = 0
    private var lastLink = 0
    private var earlierReadBytes: UInt64 = 0
    private var earlierWrittenBytes: UInt64 = 0
    private let profile: KernelProfile
    private let timers: KernelTimers
    private let uevents: UeventStream
    let faults: KernelFaults
    /// What faults say of this attachment.
    private var claims = Claims()
    /// Runs of pages that are kept for the next attachment.
    private static let maximumKeptPages = 64
    /// Clean pages of the attachment before, for the bug that serves them once more.
    private var earlierPages: [CacheSegment] = []
    /// Last closes that wait for write-back.
    private var pendingCloses = 0
    private var closeWaiters: [() -> Void] = []
    /// Requests that a fault keeps, oldest first.
    private var kept: [BlockRequest] = []

    /// An attachment that is not what it should be.
    private struct Claims {
        /// The size is 0 until then.
        var sizeVisibleFrom = Duration.zero
        var byteCount: UInt64?
    }

    init(
        number: Int, profile: KernelProfile, timers: KernelTimers, uevents: UeventStream,
        faults: KernelFaults
    ) {
        self.faults = faults
        self.number = number
        self.profile = profile
        self.timers = timers
        self.uevents = uevents
    }

    var name: String { "nbd\(number)" }
    /// Of the slot whose attachment it is.
    var slot: String? { attachment.flatMap { SlotNames.slot(ofBackend: $0.backendIdentifier) } }
    /// Whole sectors only.
    var byteCount: UInt64 {
        guard let attachment, timers.now >= claims.sizeVisibleFrom else { return 0 }
        return (claims.byteCount ?? attachment.byteCount) / 512 * 512
    }

    // MARK: Attaching

    /// - Throws: EBUSY while an attachment is still held by somebody; EINVAL for a block size that
    ///   is no power of two in 512...4096, no link, or several without CAN_MULTI_CONN.
    func attach(_ attachment: NBDAttachment, linkCount: Int, _ met: MetFaults = .none) throws(Errno) {
        guard self.attachment == nil else { throw .busy }
        let block = attachment.blockBytes
        guard (512...4096).contains(block), block & (block - 1) == 0, linkCount > 0 else { throw .invalid }
        let flags = TransmissionFlags(rawValue: attachment.transmissionFlags)
        guard linkCount == 1 || flags.contains(.canMultiConnect) else { throw .invalid }
        self.attachment = attachment
        isDisconnected = false
        claims = Claims(
            sizeVisibleFrom: met.time("size-late").map { timers.now + $0 } ?? .zero,
            byteCount: met.lie("size").map { UInt64(max(0, $0)) })
        let queue = NBDQueue(
            limits: NBDQueue.Limits(
                requestTimeout: met.time("timeout") ?? attachment.requestTimeout,
                deadConnectionTimeout: attachment.deadConnectionTimeout, queueDepth: profile.nbdQueueDepth),
            timers: timers)
        queue.linkDied = { [unowned self] _ in linkDied() }
        self.queue = queue
        cache = PageCache(
            limitBytes: profile.pageCacheBytes, maximumRequestBytes: profile.maximumRequestBytes,
            device: self, timers: timers)
        if met.special("keep-cache") != nil { cache?.adopt(earlierPages) }
        earlierPages = []
        holdOpen(met)
        announce(isReadOnly: flags.contains(.isReadOnly))
    }

    /// Ends all I/O. The size stays until the last opener closes.
    func disconnect() {
        guard attachment != nil, !isDisconnected else { return }
        isDisconnected = true
        queue?.shutDown()
        failKept()
        releaseIfUnused()
    }

    /// Everything ends at once, and nobody is told.
    func losePower() {
        isDisconnected = true
        queue?.shutDown(inOrder: false)
        failKept()
        cache?.discard()
        for waiter in closeWaiters { waiter() }
        closeWaiters = []
    }

    /// Somebody, udev's probing perhaps, has the device open for a while.
    func holdOpen(_ met: MetFaults) {
        guard let time = met.time("held-open"), attachment != nil else { return }
        openCount += 1
        timers.schedule(at: timers.now + time) { [weak self] in self?.closed() }
    }

    /// The size is another from now on, with the uevent that the kernel sends for it.
    func resize(to byteCount: UInt64) {
        guard attachment != nil, claims.byteCount != byteCount else { return }
        claims.byteCount = byteCount
        emitChange(["RESIZE=1"])
    }

    /// A number that no link of the device has had, so that late news of an earlier attachment
    /// concerns none of the present one.
    func makeLinkNumber() -> Int {
        lastLink += 1
        return lastLink
    }

    func received(_ event: LinkEvent) {
        switch event {
        case .reply(let link, let cookie, let error, let payload):
            queue?.replied(link: link, cookie: cookie, error: error, payload)
        case .dead(let link, _): queue?.died(link: link)
        }
    }

    var status: NBDDeviceStatus {
        NBDDeviceStatus(
            isAttached: attachment != nil, liveConnections: queue?.liveLinkCount ?? 0, byteCount: byteCount,
            isReadOnly: isReadOnly, backendIdentifier: attachment?.backendIdentifier,
            readBytes: earlierReadBytes + (queue?.readBytes ?? 0),
            writtenBytes: earlierWrittenBytes + (queue?.writtenBytes ?? 0))
    }

    // MARK: Opening

    func open(path: String, forWriting: Bool) throws(Errno) -> OpenNBDDevice {
        guard !(forWriting && isReadOnly) else { throw .accessDenied }
        openCount += 1
        return OpenNBDDevice(
            device: self, path: path, isWritable: forWriting,
            readAhead: ReadAhead(maximumBytes: attachment?.readAheadBytes ?? 0))
    }

    /// The last opener's close waits until everything is written, and takes the cache along
    /// (`bdev_release`, `blkdev_flush_mapping`); an error is left for the next opener's flush.
    fileprivate func closed() {
        guard openCount == 1, let cache, !isDisconnected else { return finishClose() }
        willClose(self)
        pendingCloses += 1
        cache.writing.wait(for: 0..<UInt64.max, in: cache, takesErrors: false) { [self] _ in
            pendingCloses -= 1
            finishClose()
        }
    }

    /// Calls back once no close is under way.
    func whenClosed(_ body: @escaping () -> Void) {
        guard pendingCloses > 0 else { return body() }
        closeWaiters.append(body)
    }

    private func finishClose() {
        openCount -= 1
        if openCount == 0, !isDisconnected {
            keepPages()
            cache?.dropClean()
        }
        let waiters = closeWaiters
        closeWaiters = []
        for waiter in waiters { waiter() }
        releaseIfUnused()
    }

    /// For the bug that serves them to the next attachment.
    private func keepPages() {
        guard !faults.isQuiet, let pages = cache?.cleanPages else { return }
        earlierPages.removeAll { old in pages.contains { $0.range.overlaps(old.range) } }
        earlierPages += pages
        earlierPages.removeFirst(max(0, earlierPages.count - Self.maximumKeptPages))
    }

    private func releaseIfUnused() {
        guard isDisconnected, openCount == 0, attachment != nil else { return }
        earlierReadBytes += queue?.readBytes ?? 0
        earlierWrittenBytes += queue?.writtenBytes ?? 0
        let slot = slot
        keepPages()
        cache?.discard()
        attachment = nil
        queue = nil
        cache = nil
        claims = Claims()
        emitChange([], slot: slot)
    }

    // MARK: Uevents

    private func announce(isReadOnly: Bool) {
        if isReadOnly != self.isReadOnly {
            self.isReadOnly = isReadOnly
            emitChange(["DISK_RO=\(isReadOnly ? 1 : 0)"])
        }
        emitChange([])
    }

    private func emitChange(_ extra: [String], slot: String? = nil) {
        uevents.emit(
            "change", "/devices/virtual/block/\(name)", subsystem: "block", slot: slot ?? self.slot,
            extra + [
                "MAJOR=43", "MINOR=\(number * profile.nbdMinorStep)", "DEVNAME=\(name)", "DEVTYPE=disk",
                "DISKSEQ=\(number + 1)",
            ])
    }

    // MARK: PageCacheDevice

    var cachedBytes: UInt64 { byteCount }
    var canFlush: Bool { flags.contains(.sendFlush) }
    var canForceUnitAccess: Bool { flags.contains(.sendForceUnitAccess) }

    func submit(_ request: BlockRequest) {
        guard !faults.isQuiet, let operation = request.command.faultWord else { return pass(request) }
        let end = request.offset + UInt64(request.byteCount)
        let met = faults.meet(
            .nbdDevice, operation, on: name, slot: slot, bytes: request.offset..<end)
        guard !met.isEmpty else { return pass(request) }
        if let size = met.lie("size") { resize(to: UInt64(max(0, size))) }
        let carried = request.changed(by: met, deviceBytes: byteCount)
        guard met.waits else { return carryOut(carried, met) }
        kept.append(carried)
        faults.afterWaiting(met) { [self] in
            guard let place = kept.firstIndex(where: { $0 === carried }) else { return }
            kept.remove(at: place)
            carryOut(carried, met)
        }
    }

    private func pass(_ request: BlockRequest) {
        guard let queue else { return request.completion(.failure(.io)) }
        queue.submit(request)
    }

    private func carryOut(_ request: BlockRequest, _ met: MetFaults) {
        // Whatever the number was, the block layer knows only EIO.
        if met.failure != nil { return request.completion(.failure(.io)) }
        if met.pretends { return request.completion(.success([])) }
        let parts = request.torn(by: met.tornSectors)
        guard !parts.isEmpty else { return request.completion(.success([])) }
        for part in parts { pass(part) }
    }

    private func failKept() {
        let failed = kept
        kept = []
        for request in failed { request.completion(.failure(.io)) }
    }

    private var flags: TransmissionFlags {
        TransmissionFlags(rawValue: attachment?.transmissionFlags ?? 0)
    }

    /// Discards a range (BLKDISCARD).
    ///
    /// - Returns: through `completion`, EOPNOTSUPP's meaning as EINVAL when the server cannot.
    func discard(_ range: Range<UInt64>, completion: @escaping (Result<Void, Errno>) -> Void) {
        guard flags.contains(.sendTrim), range.upperBound <= byteCount else {
            return completion(.failure(.invalid))
        }
        cache?.dropClean()
        submit(
            BlockRequest(.trim, at: range.lowerBound, byteCount: range.count) {
                completion($0.map { _ in () })
            })
    }
}

/// One opening of the device file.
final class OpenNBDDevice: OpenMedium {
    let path: String
    let isWritable: Bool
    private let device: NBDDevice
    private let readAhead: ReadAhead
    private var isClosed = false

    fileprivate init(device: NBDDevice, path: String, isWritable: Bool, readAhead: ReadAhead) {
        self.device = device
        self.path = path
        self.isWritable = isWritable
        self.readAhead = readAhead
    }

    var byteCount: UInt64 { device.byteCount }
    var logicalBlockBytes: UInt32 { device.attachment?.blockBytes ?? 512 }

    func read(
        at offset: UInt64, byteCount: Int, completion: @escaping (Result<[Bytes], MediumFailure>) -> Void
    ) {
        guard let cache = device.cache else { return completion(.failure(MediumFailure(offset: offset))) }
        cache.read(offset..<offset + UInt64(byteCount), readAhead: readAhead, completion: completion)
    }

    func write(
        _ bytes: [UInt8], at offset: UInt64, isForced: Bool,
        completion: @escaping (Result<Void, MediumFailure>) -> Void
    ) {
        guard let cache = device.cache else { return completion(.failure(MediumFailure(offset: offset))) }
        cache.write(bytes, at: offset, isForced: isForced, completion: completion)
    }

    func flush(completion: @escaping (Result<Void, MediumFailure>) -> Void) {
        guard let cache = device.cache else { return completion(.failure(MediumFailure(offset: 0))) }
        cache.flush(completion: completion)
    }

    func syncSoon() {
        if let cache = device.cache { cache.writing.start(in: cache) }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        device.closed()
    }
}
