/// A part of the path in which faults can be injected.
package enum FaultLayer: String, Codable, Sendable, CaseIterable {
    /// The remote store's files: reads, writes, attributes.
    case store
    case http
    case tls
    case smb
    /// Bytes and messages between NBD client and server.
    case nbdSocket = "nbd-socket"
    /// The block device over them.
    case nbdDevice = "nbd-device"
    case uevent
    case configfs
    case dbus
    /// Bus, Bulk-Only Transport and SCSI, as the device shows them.
    case usb
    case host
    case process
    case clock
    /// Room, memory, descriptors.
    case resource
    case power
    case network
}

/// One operation at a place where faults can be injected, told to a ``FaultInjector`` before it is
/// carried out.
package struct FaultOccasion: Sendable {
    package var layer: FaultLayer
    /// In the words of the layer: "read", "write", "flush", "connect", "get", "mkdir", "change",
    /// "Mount", "READ(10)", "reset".
    package var operation: String
    /// What it is done to: a path, a URL's path, a device, an attribute, a bus member.
    package var target: String
    /// The slot concerned, where there is one: "Slot_0".
    package var slot: String?
    /// The connection it comes over, counted from 0 for its target.
    package var connection: Int?
    /// Which way it moves data, where the layer tells.
    package var direction: Direction?
    /// Bytes of the image that it concerns; for a stream, bytes since its start.
    package var bytes: Range<UInt64>?
    /// Since the start of the run.
    package var time: Duration

    package enum Direction: String, Codable, Sendable, CaseIterable {
        /// From the host towards the remote store: requests, written data.
        case up
        /// From the remote store towards the host: answers, read data.
        case down
    }

    package init(
        _ layer: FaultLayer, _ operation: String, on target: String, slot: String? = nil,
        connection: Int? = nil, direction: Direction? = nil, bytes: Range<UInt64>? = nil, at time: Duration
    ) {
        self.layer = layer
        self.operation = operation
        self.target = target
        self.slot = slot
        self.connection = connection
        self.direction = direction
        self.bytes = bytes
        self.time = time
    }
}

/// Decides, for everything that happens, whether something goes wrong with it.
package protocol FaultInjector: Sendable {
    /// - Returns: what to do to this operation, in order; empty for nothing, which must be cheap.
    func meet(_ occasion: FaultOccasion) -> [FaultAction]
}

/// A world in which nothing goes wrong by itself.
package struct NoFaults: FaultInjector {
    package init() {}
    package func meet(_ occasion: FaultOccasion) -> [FaultAction] { [] }
}
