import Synchronization
internal import VirtualMedia

/// The nbd driver as a service with one of the weaknesses uses it.
final class WeakNBDDriver: NBDDriver {
    /// Transmission flags of the NBD protocol.
    private enum Flag {
        static let readOnly: UInt16 = 1 << 1
        static let sendFlush: UInt16 = 1 << 2
        static let sendForceUnitAccess: UInt16 = 1 << 3
    }
    private static let sectorByteCount: UInt64 = 512

    private let base: any NBDDriver
    private let uevents: any UeventSource
    private let weakness: Weakness
    /// Devices that the service takes for detached.
    private let left = Mutex<Set<String>>([])

    init(_ base: any NBDDriver, _ uevents: any UeventSource, _ weakness: Weakness) {
        self.base = base
        self.uevents = uevents
        self.weakness = weakness
    }

    func attach(_ attachment: NBDAttachment, connections: [any ByteChannel]) async throws(SystemError) {
        var attachment = attachment
        switch weakness {
        case .flushNotOffered:
            attachment.transmissionFlags &= ~(Flag.sendFlush | Flag.sendForceUnitAccess)
        case .protectedWritable: attachment.transmissionFlags &= ~Flag.readOnly
        case .blockSizeIgnored: attachment.blockBytes = UInt32(Self.sectorByteCount)
        case .noActivationDeadline:
            let news = await uevents.uevents()
            try await base.attach(attachment, connections: connections)
            return await waitForChange(of: attachment.device, in: news)
        default: break
        }
        try await base.attach(attachment, connections: connections)
        _ = left.withLock { $0.remove(attachment.device) }
    }

    func reconfigure(_ device: String, connections: [any ByteChannel]) async throws(SystemError) {
        try await base.reconfigure(device, connections: connections)
    }

    func detach(_ device: String) async throws(SystemError) {
        switch weakness {
        case .deviceLeft: _ = left.withLock { $0.insert(device) }
        case .ueventAtRemoval:
            let news = await uevents.uevents()
            try await base.detach(device)
            await waitForChange(of: device, in: news)
        default: try await base.detach(device)
        }
    }

    /// For as long as it takes.
    private func waitForChange(of device: String, in news: AsyncStream<Uevent>) async {
        for await uevent in news where uevent.subsystem == "block" {
            if uevent.devicePath.split(separator: "/").last.map(String.init) == device { return }
        }
    }

    func status(of device: String) async throws(SystemError) -> NBDDeviceStatus {
        var status = try await base.status(of: device)
        if weakness == .wrongStatistics {
            status.readBytes /= Self.sectorByteCount
            status.writtenBytes /= Self.sectorByteCount
        }
        if left.withLock({ $0.contains(device) }) {
            status.isAttached = false
            status.liveConnections = 0
            status.byteCount = 0
            status.backendIdentifier = nil
        }
        return status
    }

    func read(_ byteCount: Int, at offset: UInt64, from device: String) async throws(SystemError) -> [UInt8] {
        // The last close of a reader would drop the pages, too; services with this weakness read nothing.
        if weakness == .staleCache { return [UInt8](repeating: 0, count: byteCount) }
        return try await base.read(byteCount, at: offset, from: device)
    }

    func flush(_ device: String) async throws(SystemError) {
        if weakness != .noFlushAtEject { try await base.flush(device) }
    }

    func dropCache(of device: String) async throws(SystemError) {
        if weakness != .staleCache { try await base.dropCache(of: device) }
    }

    func events() async -> AsyncStream<NBDDriverEvent> { await base.events() }
}
