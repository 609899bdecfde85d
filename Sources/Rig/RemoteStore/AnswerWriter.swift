import Glibc
import HTTPRanges

/// Sends one answer, as fast, in such pieces and as far as its faults allow.
final class AnswerWriter {
    private let stream: TLSConnection
    private let server: ImageServer
    private let faults: AnswerFaults
    private var leftBytes: Int
    private var isPlain: Bool {
        faults.bytesPerSecond == nil && faults.pieceBytes == nil && faults.cut == nil
    }

    init(_ stream: TLSConnection, _ server: ImageServer, _ faults: AnswerFaults) {
        self.stream = stream
        self.server = server
        self.faults = faults
        leftBytes = faults.cut?.afterBytes ?? .max
    }

    /// How the connection ends where a write failed.
    var end: ResponseEnd { leftBytes == 0 ? faults.cut?.end ?? .closesSilently : .closesSilently }

    func write(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes(write) }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard !isPlain else { return stream.write(bytes) }
        var rest = bytes.prefix(leftBytes)
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(pieceBytes))
            guard !server.isStopping, stream.write(piece) else { return false }
            if let rate = faults.bytesPerSecond {
                server.pause(.nanoseconds(Int64(Double(piece.count) / Double(rate) * 1e9)))
            }
            leftBytes -= piece.count
            rest = rest.dropFirst(piece.count)
        }
        // At the limit it ends, even where nothing more would have come.
        return leftBytes > 0 || faults.cut == nil
    }

    /// With a rate, twenty pieces a second at least, so that it flows.
    private var pieceBytes: Int {
        let paced = faults.bytesPerSecond.map { max(1, $0 / 20) } ?? .max
        return max(1, min(paced, faults.pieceBytes ?? .max))
    }
}
