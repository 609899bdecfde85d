package import WireFormat

/// A USB device as a transport sees it, whatever carries the bytes: an in-process bus, USB/IP,
/// usbredir. The transport feeds ``DeviceInput`` and carries out ``DeviceOutput``; every transfer
/// it submits completes exactly once, at once or later, in any order between endpoints.

/// Names one transfer in flight on one device; chosen by the transport.
package struct TransferID: Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// A SETUP packet (USB 2.0 §9.3), 8 bytes, little-endian:
///
///     | bmRequestType u8 | bRequest u8 | wValue u16 | wIndex u16 | wLength u16 |
package struct SetupPacket: Equatable, Sendable {
    package static let byteCount = 8
    package var requestType: UInt8
    package var request: UInt8
    package var value: UInt16
    package var index: UInt16
    package var length: UInt16

    package init(requestType: UInt8, request: UInt8, value: UInt16, index: UInt16, length: UInt16) {
        self.requestType = requestType
        self.request = request
        self.value = value
        self.index = index
        self.length = length
    }

    /// - Precondition: 8 bytes are there.
    package init(decoding bytes: Bytes) {
        var rest = bytes
        requestType = rest.takeLittleEndian()
        request = rest.takeLittleEndian()
        value = rest.takeLittleEndian()
        index = rest.takeLittleEndian()
        length = rest.takeLittleEndian()
    }

    package var encoded: [UInt8] {
        var bytes: [UInt8] = [requestType, request]
        bytes.appendLittleEndian(value)
        bytes.appendLittleEndian(index)
        bytes.appendLittleEndian(length)
        return bytes
    }

    package var isDeviceToHost: Bool { requestType & 0x80 != 0 }
}

/// Names one request to the medium behind a LUN; chosen by the device.
package struct StorageTag: Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
}

package enum DeviceInput: Sendable {
    /// `data` is the data stage of a host-to-device request, else empty.
    case control(TransferID, SetupPacket, data: [UInt8])
    /// `endpoint` is the number alone, 1...15.
    case bulkOut(TransferID, endpoint: UInt8, Bytes)
    /// The host offers room for `byteCount` bytes. Until the device has an answer, it NAKs.
    case bulkIn(TransferID, endpoint: UInt8, byteCount: Int)
    /// The host gave a transfer up. It completes as cancelled unless it just completed.
    case cancel(TransferID)
    /// A bus reset: configuration 0, everything in flight cancelled, unit attention on each LUN.
    case busReset
    /// The cable was pulled, or the gadget unbound.
    case disconnected
    /// The medium answered.
    case storageFinished(StorageTag, StorageOutcome)
}

package enum DeviceOutput: Sendable {
    case completed(TransferID, TransferOutcome)
    case storage(StorageTag, lun: Int, StorageRequest)
    /// The host ejected the medium (START STOP UNIT with LOEJ): the LUN's file closes.
    case ejectedByHost(lun: Int)
    /// A transaction of the host set the configuration, 0 for none.
    case configured(UInt8)
}

package enum TransferOutcome: Equatable, Sendable {
    /// A bulk-out or a control request without data-in: how many bytes were accepted.
    case accepted(byteCount: Int)
    /// Data-in, in pieces that share storage with the medium's cache; their sum may be short.
    case data([Bytes])
    case stalled
    case cancelled
}

package enum StorageRequest: Equatable, Sendable {
    case read(offset: UInt64, byteCount: Int)
    case write(offset: UInt64, [UInt8], isForcedToMedium: Bool)
    case flush
}

package enum StorageOutcome: Equatable, Sendable {
    /// A read succeeded: the pieces add up to exactly what was asked.
    case data([Bytes])
    /// A write or a flush succeeded.
    case done
    /// The medium failed at this byte offset; earlier bytes of a read are not delivered.
    case failed(offset: UInt64)
}

/// How a host program reaches one device, over whatever transport. Declared here, next to the
/// messages it carries; satisfied by the simulated bus, USB/IP and libusb.
package protocol USBDeviceConnection: Sendable {
    /// A control transfer on endpoint 0.
    ///
    /// - Returns: the data stage of a device-to-host request, else nothing.
    func control(_ setup: SetupPacket, data: [UInt8], timeout: Duration) async throws(USBTransferError)
        -> [UInt8]
    func bulkOut(endpoint: UInt8, _ bytes: Bytes, timeout: Duration) async throws(USBTransferError)
    /// - Returns: pieces that add up to at most `byteCount` bytes; fewer mean a short packet.
    func bulkIn(endpoint: UInt8, byteCount: Int, timeout: Duration) async throws(USBTransferError) -> [Bytes]
    /// Resets the port; the device must be configured anew.
    func resetPort() async throws(USBTransferError)
}

package enum USBTransferError: Error, Equatable, Sendable {
    case stalled
    case timedOut
    case disconnected
    /// The device sent more than there was room for.
    case babbled
}
