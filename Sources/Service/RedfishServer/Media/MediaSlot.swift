import DBusProtocol

/// A slot of the virtual media service as its objects on the bus show it.
package struct MediaSlot: Equatable, Sendable {
    package enum Mode: String, Sendable {
        /// A client serves the image over a WebSocket.
        case proxy = "Proxy"
        /// The BMC opens the image from a URL.
        case legacy = "Legacy"
    }

    /// What only our own service tells (`net.mediarig.VirtualMedia.Slot`).
    package struct Details: Equatable, Sendable {
        package var state = ""
        package var status = ""
        package var hostPresence = ""
        package var mediumKind = ""
        package var mediumBytes: UInt64 = 0
        package var controller = ""
        package var lastError = ""
        package var lastErrorCause = ""
        package var lastErrorCode: Int32 = 0
    }

    package let path: String
    /// The last part of the object's path, its id in URLs.
    package let name: String
    package let mode: Mode
    /// "/nbd/0"
    package var endpoint = ""
    package var socket = ""
    package var device = ""
    package var timeoutSeconds = 0
    package var remainingInactivitySeconds = 0
    package var imageURL = ""
    package var isWriteProtected = true
    package var isActive = false
    package var exitCode: Int32 = -1
    package var readBytes: UInt64?
    package var writtenBytes: UInt64?
    package var details: Details?

    /// Whether the service takes certificates with a mount; another service's own are what counts there.
    var canTrust: Bool { mode == .legacy && details != nil }
    package var methods: String { MediaNames.prefix + mode.rawValue }

    package init(path: String, mode: Mode) {
        self.path = path
        name = String(path.split(separator: "/").last ?? "")
        self.mode = mode
    }

    /// - Parameter interfaces: of the object, with their properties, as GetManagedObjects gives them.
    /// - Returns: `nil` for an object that is no slot.
    init?(path: String, interfaces: [Value.Entry]) {
        let names = interfaces.compactMap { entry in
            if case .string(let name) = entry.key { name } else { nil }
        }
        if names.contains(MediaNames.legacy) {
            self.init(path: path, mode: .legacy)
        } else if names.contains(MediaNames.proxy) {
            self.init(path: path, mode: .proxy)
        } else {
            return nil
        }
        for entry in interfaces {
            guard case .string(let interface) = entry.key,
                case .dictionary(_, _, let properties) = entry.value
            else { continue }
            if interface == MediaNames.slot, details == nil { details = Details() }
            for property in properties { set(property, of: interface) }
        }
    }

    /// Takes a property over; one that is not known, or of a type that makes no sense, changes nothing.
    mutating func set(_ property: Value.Entry, of interface: String) {
        guard case .string(let name) = property.key, case .variant(let value) = property.value else { return }
        switch (interface, name) {
        case (MediaNames.mountPoint, "EndPointId"), (MediaNames.mountPoint, "EndpointId"):
            value.take(&endpoint)
        case (MediaNames.mountPoint, "Socket"): value.take(&socket)
        case (MediaNames.mountPoint, "Device"): value.take(&device)
        case (MediaNames.mountPoint, "Timeout"): value.take(&timeoutSeconds)
        case (MediaNames.mountPoint, "RemainingInactivityTimeout"): value.take(&remainingInactivitySeconds)
        case (MediaNames.mountPoint, "ImageURL"): value.take(&imageURL)
        case (MediaNames.mountPoint, "WriteProtected"): value.take(&isWriteProtected)
        case (MediaNames.process, "Active"): value.take(&isActive)
        case (MediaNames.process, "ExitCode"): value.take(&exitCode)
        case (MediaNames.stats, "ReadIO"): value.take(&readBytes)
        case (MediaNames.stats, "WriteIO"): value.take(&writtenBytes)
        case (MediaNames.slot, _):
            var details = self.details ?? Details()
            details.set(name, value)
            self.details = details
        default: break
        }
    }
}

extension MediaSlot.Details {
    fileprivate mutating func set(_ name: String, _ value: Value) {
        switch name {
        case "State": value.take(&state)
        case "Status": value.take(&status)
        case "HostPresence": value.take(&hostPresence)
        case "MediumKind": value.take(&mediumKind)
        case "MediumSize": value.take(&mediumBytes)
        case "Controller": value.take(&controller)
        case "LastError": value.take(&lastError)
        case "LastErrorCause": value.take(&lastErrorCause)
        case "LastErrorCode": value.take(&lastErrorCode)
        default: break
        }
    }
}

extension Value {
    fileprivate func take(_ text: inout String) { if case .string(let found) = self { text = found } }
    fileprivate func take(_ flag: inout Bool) { if case .boolean(let found) = self { flag = found } }
    fileprivate func take<Number: FixedWidthInteger>(_ number: inout Number) {
        if let found = wholeNumber { number = Number(clamping: found) }
    }
    fileprivate func take(_ number: inout UInt64?) {
        if let found = wholeNumber { number = UInt64(clamping: found) }
    }

    /// Services differ in the widths that they give their numbers.
    private var wholeNumber: Int128? {
        switch self {
        case .byte(let number): Int128(number)
        case .int16(let number): Int128(number)
        case .uint16(let number): Int128(number)
        case .int32(let number): Int128(number)
        case .uint32(let number): Int128(number)
        case .int64(let number): Int128(number)
        case .uint64(let number): Int128(number)
        default: nil
        }
    }
}

/// Interfaces of a virtual media service.
enum MediaNames {
    static let prefix = "xyz.openbmc_project.VirtualMedia."
    static let mountPoint = prefix + "MountPoint"
    static let process = prefix + "Process"
    static let stats = prefix + "Stats"
    static let proxy = prefix + "Proxy"
    static let legacy = prefix + "Legacy"
    /// Our own; another service has none.
    static let slot = "net.mediarig.VirtualMedia.Slot"
}
