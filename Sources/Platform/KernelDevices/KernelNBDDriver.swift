import Glibc
import LinuxPlatform
import Synchronization
import Threads
package import VirtualMedia

/// The nbd driver of this kernel.
///
/// The kernel tells nobody how many connections of a device are alive, and no uevent comes when a server
/// dies while nothing is read. So the driver keeps our own end of each connection and watches it: when
/// the server hangs up, and when the kernel gives the connection up, the socket is shut.
package final class KernelNBDDriver: NBDDriver {
    /// How attachments are made.
    package enum Mode: String, Sendable, CaseIterable {
        /// Generic netlink: a device survives the loss of its server, and the end of the process.
        case netlink
        /// The device file, for kernels that refuse netlink: a lost server ends the attachment.
        case ioctl
    }

    private struct Link: Sendable {
        let channel: SocketChannel
        var isDead = false
    }

    private struct State {
        var links: [String: [Link]] = [:]
        var hasTimeout: [String: Bool] = [:]
        var listeners: [UInt64: AsyncStream<NBDDriverEvent>.Continuation] = [:]
        var lastListener: UInt64 = 0
    }

    /// Events that one listener may have unread; the newest are dropped then, each being a hint.
    private static let maximumUnread = 256
    /// The driver's own look at a dead connection comes a moment after ours.
    private static let handOverTries = 40
    private static let handOverPause = Duration.milliseconds(50)

    private let files: NBDDeviceFiles
    private let path: any AttachmentPath
    private let clock: any MediaClock
    private let spawner: any Spawner
    private let state = Mutex(State())

    /// - Parameters:
    ///   - sysfs: where block devices have their attributes.
    ///   - devices: where their files are.
    package init(
        mode: Mode = .netlink, sysfs: String = "/sys/block", devices: String = "/dev",
        clock: any MediaClock = SystemClock(), spawner: any Spawner = SystemSpawner()
    ) {
        files = NBDDeviceFiles(sysfs: sysfs, devices: devices)
        path =
            switch mode {
            case .netlink: NetlinkAttachmentPath(files: files)
            case .ioctl: IoctlAttachmentPath(files: files)
            }
        self.clock = clock
        self.spawner = spawner
    }

    // MARK: Attachments

    package func attach(_ attachment: NBDAttachment, connections: [any ByteChannel])
        async throws(SystemError)
    {
        let device = attachment.device
        let channels = try sockets(connections, "attach \(device)")
        // The kernel would take 1024 in its place.
        guard attachment.blockBytes > 0 else { throw SystemError(EINVAL, "attach \(device)") }
        let (files, path) = (files, path)
        try await BlockingCall.run("nbd attach") { () throws(SystemError) in
            let number = try files.number(of: device, "attach \(device)")
            try Self.withDescriptors(channels) { descriptors throws(SystemError) in
                try path.connect(attachment, number: number, descriptors: descriptors)
            }
            try files.tune(device, readAheadBytes: attachment.readAheadBytes)
        }
        state.withLock {
            $0.links[device] = []
            $0.hasTimeout[device] = attachment.requestTimeout.map { $0 > .zero } ?? false
        }
        for channel in channels { keep(channel, of: device) }
        path.watch { [weak self] number in self?.announce("nbd\(number)") }
    }

    package func reconfigure(_ device: String, connections: [any ByteChannel]) async throws(SystemError) {
        let operation = "reconfigure \(device)"
        let number = try files.number(of: device, operation)
        for channel in try sockets(connections, operation) {
            try await handOver(channel, to: device, number, operation)
            state.withLock { state in
                // It took the place of one.
                guard let dead = state.links[device]?.firstIndex(where: \.isDead) else { return }
                state.links[device]?.remove(at: dead)
            }
            keep(channel, of: device)
        }
    }

    /// The driver drops what finds no dead connection without a word; what it takes it gives its timeout.
    ///
    /// - Throws: EBUSY when it has lost no connection.
    private func handOver(
        _ channel: SocketChannel, to device: String, _ number: UInt32, _ operation: String
    ) async throws(SystemError) {
        let path = path
        let tellsByTimeout = state.withLock { $0.hasTimeout[device] ?? false }
        for _ in 1...Self.handOverTries {
            try await BlockingCall.run("nbd reconfigure") { () throws(SystemError) in
                try Self.withDescriptors([channel]) { descriptors throws(SystemError) in
                    try path.reconfigure(device, number: number, descriptors: descriptors)
                }
            }
            if !tellsByTimeout || channel.withDescriptor(Self.hasSendTimeout) { return }
            do { try await clock.sleep(until: clock.now + Self.handOverPause) } catch {
                throw SystemError(ECANCELED, operation)
            }
        }
        throw SystemError(EBUSY, "\(operation): no connection of it is dead")
    }

    private static func hasSendTimeout(_ descriptor: CInt) -> Bool {
        var time = timeval()
        var byteCount = socklen_t(MemoryLayout<timeval>.size)
        let status = getsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, &byteCount)
        return status == 0 && (time.tv_sec != 0 || time.tv_usec != 0)
    }

    package func detach(_ device: String) async throws(SystemError) {
        let (files, path) = (files, path)
        try await BlockingCall.run("nbd detach") { () throws(SystemError) in
            let number = try files.number(of: device, "detach \(device)")
            try path.disconnect(device, number: number)
        }
        state.withLock {
            $0.links[device] = nil
            $0.hasTimeout[device] = nil
        }
    }

    package func status(of device: String) async throws(SystemError) -> NBDDeviceStatus {
        let (files, path) = (files, path)
        var status = try await BlockingCall.run("nbd status") { () throws(SystemError) in
            try files.status(of: device)
        }
        guard status.isAttached else { return status }
        status.backendIdentifier = status.backendIdentifier ?? path.backendIdentifier(of: device)
        // Of what another process attached nobody knows them.
        status.liveConnections = state.withLock { $0.links[device] ?? [] }.count { !$0.isDead }
        return status
    }

    // MARK: Data

    package func read(_ byteCount: Int, at offset: UInt64, from device: String)
        async throws(SystemError) -> [UInt8]
    {
        let files = files
        return try await BlockingCall.run("nbd read") { () throws(SystemError) in
            try files.read(byteCount, at: offset, from: device)
        }
    }

    package func flush(_ device: String) async throws(SystemError) {
        let files = files
        try await BlockingCall.run("nbd flush") { () throws(SystemError) in try files.flush(device) }
    }

    package func dropCache(of device: String) async throws(SystemError) {
        let files = files
        try await BlockingCall.run("nbd drop cache") { () throws(SystemError) in
            try files.dropCache(of: device)
        }
    }

    // MARK: Events

    package func events() async -> AsyncStream<NBDDriverEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: NBDDriverEvent.self, bufferingPolicy: .bufferingOldest(Self.maximumUnread))
        let number = state.withLock { state in
            state.lastListener += 1
            state.listeners[state.lastListener] = continuation
            return state.lastListener
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.listeners.removeValue(forKey: number) }
        }
        return stream
    }

    private func announce(_ device: String) {
        let listeners = state.withLock { Array($0.listeners.values) }
        for listener in listeners { listener.yield(.linkDead(device: device)) }
    }

    // MARK: Links

    private func keep(_ channel: SocketChannel, of device: String) {
        state.withLock { $0.links[device, default: []].append(Link(channel: channel)) }
        spawner.spawn("\(device) link", .shared) { [weak self] in
            // Only a descriptor that cannot be waited for throws; then the kernel's word is all there is.
            guard (try? await channel.hungUp()) != nil else { return }
            self?.died(channel, of: device)
        }
    }

    private func died(_ channel: SocketChannel, of device: String) {
        let wasOurs = state.withLock { state in
            guard let index = state.links[device]?.firstIndex(where: { $0.channel === channel }) else {
                return false
            }
            state.links[device]?[index].isDead = true
            return true
        }
        guard wasOurs else { return }
        channel.close()
        announce(device)
    }

    /// - Throws: EINVAL without a connection, or with one that is no socket of this process.
    private func sockets(_ connections: [any ByteChannel], _ operation: String)
        throws(SystemError) -> [SocketChannel]
    {
        let channels = connections.compactMap { $0 as? SocketChannel }
        guard !channels.isEmpty, channels.count == connections.count else {
            throw SystemError(EINVAL, "\(operation): the kernel takes sockets only")
        }
        return channels
    }

    private static func withDescriptors(
        _ channels: [SocketChannel], _ body: ([CInt]) throws(SystemError) -> Void
    ) throws(SystemError) {
        defer { withExtendedLifetime(channels) {} }
        try body(channels.map { $0.withDescriptor { $0 } })
    }
}
