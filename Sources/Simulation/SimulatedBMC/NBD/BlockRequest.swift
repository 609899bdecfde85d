import NBDProtocol
import WireFormat

/// One request of the block layer to a device.
final class BlockRequest {
    let command: Command
    let flags: CommandFlags
    let offset: UInt64
    let byteCount: Int
    /// What a write carries; its pieces add up to `byteCount`.
    let payload: [Bytes]
    /// Called once: the data of a read, else nothing. Every failure is EIO.
    let completion: (Result<[UInt8], Errno>) -> Void
    /// While it waits for a connection: until when.
    var waitingUntil: Duration?

    init(
        _ command: Command, flags: CommandFlags = [], at offset: UInt64 = 0, byteCount: Int = 0,
        payload: [Bytes] = [], completion: @escaping (Result<[UInt8], Errno>) -> Void
    ) {
        self.command = command
        self.flags = flags
        self.offset = offset
        self.byteCount = byteCount
        self.payload = payload
        self.completion = completion
    }
}
