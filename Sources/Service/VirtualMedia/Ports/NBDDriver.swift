/// The kernel's nbd block driver.
package protocol NBDDriver: Sendable {
    /// Hands connections that are already in transmission to a device, as netlink's CONNECT does. Those that die are
    /// closed by the driver.
    ///
    /// - Throws: EBUSY while the device is attached, EINVAL for a bad block size, no connection, or several to a
    ///   server without CAN_MULTI_CONN; ENODEV, EPERM.
    func attach(_ attachment: NBDAttachment, connections: [any ByteChannel]) async throws(SystemError)

    /// Replaces dead connections of an attached device (RECONFIGURE), one for each that is given; waiting requests
    /// go on.
    ///
    /// More than are dead are refused with EBUSY, or closed.
    ///
    /// - Throws: EINVAL when nothing is attached.
    func reconfigure(_ device: String, connections: [any ByteChannel]) async throws(SystemError)

    /// Ends the attachment: requests in flight fail, the size becomes 0 once the last opener closes.
    func detach(_ device: String) async throws(SystemError)

    func status(of device: String) async throws(SystemError) -> NBDDeviceStatus

    /// Reads through the block device, as a LUN would; the proof that data flows.
    func read(_ byteCount: Int, at offset: UInt64, from device: String) async throws(SystemError) -> [UInt8]

    /// Writes back what is dirty in the device's cache and has the server make it durable; returns at
    /// once when there is nothing to write.
    ///
    /// - Throws: EIO when not all of it arrived, ENODEV when nothing is attached.
    func flush(_ device: String) async throws(SystemError)

    /// Drops clean cached pages, so that the next read of the host reaches the server.
    func dropCache(of device: String) async throws(SystemError)

    /// A new stream of events from now on. Events are hints: read ``status(of:)`` before acting.
    func events() async -> AsyncStream<NBDDriverEvent>
}

package struct NBDAttachment: Sendable {
    /// "nbd0", without /dev.
    package var device: String
    package var byteCount: UInt64
    package var blockBytes: UInt32
    /// The export's transmission flags, as the server gave them.
    package var transmissionFlags: UInt16
    /// How long one request may take before its connection counts as dead; `nil` waits for ever.
    package var requestTimeout: Duration?
    /// How long requests wait for ``NBDDriver/reconfigure(_:connections:)`` once every connection is dead.
    package var deadConnectionTimeout: Duration
    package var readAheadBytes: Int
    /// Names the attachment, so that a later process can tell its own.
    package var backendIdentifier: String

    package init(
        device: String, byteCount: UInt64, blockBytes: UInt32, transmissionFlags: UInt16,
        requestTimeout: Duration?, deadConnectionTimeout: Duration, readAheadBytes: Int,
        backendIdentifier: String
    ) {
        self.device = device
        self.byteCount = byteCount
        self.blockBytes = blockBytes
        self.transmissionFlags = transmissionFlags
        self.requestTimeout = requestTimeout
        self.deadConnectionTimeout = deadConnectionTimeout
        self.readAheadBytes = readAheadBytes
        self.backendIdentifier = backendIdentifier
    }
}

package struct NBDDeviceStatus: Equatable, Sendable {
    package var isAttached: Bool
    package var liveConnections: Int
    package var byteCount: UInt64
    package var isReadOnly: Bool
    package var backendIdentifier: String?
    /// Bytes that requests to the server have moved (`/sys/block/nbdN/stat`); cache hits do not count.
    package var readBytes: UInt64
    package var writtenBytes: UInt64

    package init(
        isAttached: Bool, liveConnections: Int, byteCount: UInt64, isReadOnly: Bool,
        backendIdentifier: String?, readBytes: UInt64, writtenBytes: UInt64
    ) {
        self.isAttached = isAttached
        self.liveConnections = liveConnections
        self.byteCount = byteCount
        self.isReadOnly = isReadOnly
        self.backendIdentifier = backendIdentifier
        self.readBytes = readBytes
        self.writtenBytes = writtenBytes
    }
}

package enum NBDDriverEvent: Equatable, Sendable {
    /// A connection died (netlink LINK_DEAD, or our end of the socket closed).
    case linkDead(device: String)
}

/// A kernel uevent.
package struct Uevent: Equatable, Sendable {
    package var action: String
    package var devicePath: String
    package var subsystem: String
    package var sequenceNumber: UInt64
    /// The remaining KEY=value pairs, in the order sent.
    package var properties: [String]

    package init(
        action: String, devicePath: String, subsystem: String, sequenceNumber: UInt64,
        properties: [String]
    ) {
        self.action = action
        self.devicePath = devicePath
        self.subsystem = subsystem
        self.sequenceNumber = sequenceNumber
        self.properties = properties
    }
}

package protocol UeventSource: Sendable {
    /// A new stream of events from now on. May lose, repeat and reorder them.
    func uevents() async -> AsyncStream<Uevent>
}
