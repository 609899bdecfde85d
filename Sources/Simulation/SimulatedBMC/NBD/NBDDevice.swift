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
    /// The last opener is closing, and the page cache may hold unwritten data.
    var willClose: (PageCache) -> Void = { _ in }
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

    init(number: Int, profile: KernelProfile, timers: KernelTimers, uevents: UeventStream) {
        self.number = number
        self.profile = profile
        self.timers = timers
        self.uevents = uevents
    }

    var name: String { "nbd\(number)" }
    /// Whole sectors only.
    var byteCount: UInt64 { attachment.map { $0.byteCount / 512 * 512 } ?? 0 }

    // MARK: Attaching

    /// - Throws: EBUSY while an attachment is still held by somebody; EINVAL for a block size that
    ///   is no power of two in 512...4096, no link, or several without CAN_MULTI_CONN.
    func attach(_ attachment: NBDAttachment, linkCount: Int) throws(Errno) {
        guard self.attachment == nil else { throw .busy }
        let block = attachment.blockBytes
        guard (512...4096).contains(block), block & (block - 1) == 0, linkCount > 0 else { throw .invalid }
        let flags = TransmissionFlags(rawValue: attachment.transmissionFlags)
        guard linkCount == 1 || flags.contains(.canMultiConnect) else { throw .invalid }
        self.attachment = attachment
        isDisconnected = false
        let queue = NBDQueue(
            limits: NBDQueue.Limits(
                requestTimeout: attachment.requestTimeout,
                deadConnectionTimeout: attachment.deadConnectionTimeout, queueDepth: profile.nbdQueueDepth),
            timers: timers)
        queue.linkDied = { [unowned self] _ in linkDied() }
        self.queue = queue
        cache = PageCache(
            limitBytes: profile.pageCacheBytes, maximumRequestBytes: profile.maximumRequestBytes,
            device: self, timers: timers)
        announce(isReadOnly: flags.contains(.isReadOnly))
    }

    /// Ends all I/O. The size stays until the last opener closes.
    func disconnect() {
        guard attachment != nil, !isDisconnected else { return }
        isDisconnected = true
        queue?.shutDown()
        releaseIfUnused()
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

    fileprivate func closed() {
        openCount -= 1
        guard openCount == 0, let cache else { return }
        if !isDisconnected {
            cache.writing.start(in: cache)
            willClose(cache)
        }
        releaseIfUnused()
    }

    private func releaseIfUnused() {
        guard isDisconnected, openCount == 0, attachment != nil else { return }
        earlierReadBytes += queue?.readBytes ?? 0
        earlierWrittenBytes += queue?.writtenBytes ?? 0
        cache?.discard()
        attachment = nil
        queue = nil
        cache = nil
        emitChange([])
    }

    // MARK: Uevents

    private func announce(isReadOnly: Bool) {
        if isReadOnly != self.isReadOnly {
            self.isReadOnly = isReadOnly
            emitChange(["DISK_RO=\(isReadOnly ? 1 : 0)"])
        }
        emitChange([])
    }

    private func emitChange(_ extra: [String]) {
        uevents.emit(
            "change", "/devices/virtual/block/\(name)", subsystem: "block",
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
        guard let queue else { return request.completion(.failure(.io)) }
        queue.submit(request)
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
