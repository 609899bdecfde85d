/// How an image reaches the slot.
package enum SlotMode: UInt8, Sendable, CaseIterable {
    /// A client serves the image on the slot's unix socket.
    case proxy = 0
    /// The BMC opens the image from a URL.
    case legacy = 1

    /// The element of the object path: ".../Proxy/Slot_0".
    package var name: String {
        switch self {
        case .proxy: "Proxy"
        case .legacy: "Legacy"
        }
    }
}

/// What the host is shown.
package enum MediumKind: String, Sendable, CaseIterable {
    case disk
    case cdrom
}

/// One mount point of the configuration file.
package struct SlotConfiguration: Equatable, Sendable {
    /// Also the last element of the object path and the end of the gadget directory's name.
    package var name: String
    package var mode: SlotMode
    /// "nbd0", without /dev.
    package var device: String
    package var socket: String
    /// "/nbd/0": where a web server offers the slot's WebSocket; empty for Legacy slots.
    package var endpoint: String
    /// From an accepted Mount until the host can read, in whole seconds.
    package var timeoutSeconds: UInt16
    /// Logical block size of the nbd device; used where it divides the image.
    package var blockBytes: UInt16
    /// `nil`: never ends a mount for inactivity.
    package var inactivitySeconds: UInt16?
    package var kind: MediumKind
    package var failurePolicy: FailurePolicy
    package var usb: USBIdentity
    /// How much the block device reads ahead of the host.
    package var readAheadBytes: Int
    /// How long one request may wait for the source before its connection counts as dead.
    package var requestTimeoutSeconds: UInt16
    /// Controllers that the slot may use, in order of preference; empty means any.
    package var controllers: [String]
    /// To a server that allows several (CAN_MULTI_CONN); else there is one.
    package var connectionCount: Int

    package init(name: String, mode: SlotMode, device: String) {
        self.name = name
        self.mode = mode
        self.device = device
        socket = ""
        endpoint = ""
        timeoutSeconds = Self.defaultTimeoutSeconds
        blockBytes = 512
        inactivitySeconds = nil
        kind = .disk
        failurePolicy = FailurePolicy()
        usb = USBIdentity()
        readAheadBytes = Self.defaultReadAheadBytes
        requestTimeoutSeconds = Self.defaultRequestTimeoutSeconds
        controllers = []
        connectionCount = 1
    }

    package static let defaultTimeoutSeconds: UInt16 = 30
    package static let defaultReadAheadBytes = 1 << 20
    package static let maximumConnectionCount = 16
    /// A host resets a device that has not answered for 30 s, so an error must come before.
    package static let defaultRequestTimeoutSeconds: UInt16 = 20

    /// Directory of the slot's gadget in configfs.
    package var gadgetName: String { "mass-storage-\(name)" }
    /// Marks an nbd attachment as this slot's, also for the next process after a crash.
    package var backendIdentifier: String { "virtual-media/\(name)" }
}

/// What the host sees when the source is lost: it waits, then gets errors, then loses the medium.
package struct FailurePolicy: Equatable, Sendable {
    /// Requests of the host wait this long while the source is sought again.
    package var stallSeconds: UInt16 = 20
    /// After that they fail, for this long, while the source is still sought; then the medium goes.
    package var errorSeconds: UInt16 = 60
    package init() {}
}

/// How the gadget names itself to the host.
package struct USBIdentity: Equatable, Sendable {
    package var vendorID: UInt16 = 0x1D6B
    package var productID: UInt16 = 0x0104
    package var manufacturer = "OpenBMC"
    package var product = "Virtual Media Device"
    /// Mass storage requires one of at least twelve hexadecimal digits (USB MSC BOT §4.1.1); `nil`
    /// derives it from the slot's name.
    package var serialNumber: String?
    /// SCSI INQUIRY: 8 characters of vendor, 16 of product, 4 of revision; `nil` leaves the kernel's.
    package var inquiry: String?
    package init() {}
}

/// The whole configuration file.
package struct MediaConfiguration: Equatable, Sendable {
    /// Sorted by name.
    package var slots: [SlotConfiguration]
    package init(slots: [SlotConfiguration]) { self.slots = slots.sorted { $0.name < $1.name } }
}
