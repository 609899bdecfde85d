package import WireFormat

/// What a host puts on the bus, without the number that it gets there.
package enum USBTransfer: Equatable, Sendable {
    /// `data` is the data stage of a host-to-device request, else empty.
    case control(SetupPacket, data: [UInt8])
    /// `endpoint` is the number alone, 1...15.
    case bulkOut(endpoint: UInt8, Bytes)
    case bulkIn(endpoint: UInt8, byteCount: Int)

    package func input(_ number: TransferID) -> DeviceInput {
        switch self {
        case .control(let setup, let data): .control(number, setup, data: data)
        case .bulkOut(let endpoint, let bytes): .bulkOut(number, endpoint: endpoint, bytes)
        case .bulkIn(let endpoint, let byteCount): .bulkIn(number, endpoint: endpoint, byteCount: byteCount)
        }
    }
}
