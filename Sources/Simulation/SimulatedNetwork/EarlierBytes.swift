import BlockStorage
import FaultPoints
import Synchronization

/// What each sector of a store held before it was written last, as far as it went through one server.
final class EarlierBytes: Sendable {
    private let sectors = Mutex<[UInt64: [UInt8]]>([:])
    private static let sectorBytes = UInt64(DataFaults.sectorBytes)

    /// To be called before a write.
    func remember(_ offset: UInt64, _ byteCount: Int, of store: any BlockStore) async {
        let (start, end) = Self.aligned(offset, byteCount, store)
        guard end > start, let bytes = try? await store.read(Int(end - start), at: start) else { return }
        sectors.withLock { sectors in
            for place in stride(from: start, to: end, by: Int(Self.sectorBytes)) {
                let piece = Int(place - start)..<Int(min(place + Self.sectorBytes, end) - start)
                sectors[place / Self.sectorBytes] = Array(bytes[piece])
            }
        }
    }

    /// The range as it was; where nothing was written, as it is.
    func contents(_ offset: UInt64, _ byteCount: Int, of store: any BlockStore) async throws(StorageError)
        -> [UInt8]
    {
        let (start, end) = Self.aligned(offset, byteCount, store)
        var bytes = try await store.read(Int(end - start), at: start)
        sectors.withLock { sectors in
            for place in stride(from: start, to: end, by: Int(Self.sectorBytes)) {
                guard let earlier = sectors[place / Self.sectorBytes] else { continue }
                let first = Int(place - start)
                bytes.replaceSubrange(first..<first + earlier.count, with: earlier)
            }
        }
        return Array(bytes[Int(offset - start)..<Int(offset - start) + byteCount])
    }

    private static func aligned(_ offset: UInt64, _ byteCount: Int, _ store: any BlockStore) -> (
        UInt64, UInt64
    ) {
        let start = offset / sectorBytes * sectorBytes
        let end = (offset + UInt64(byteCount) + sectorBytes - 1) / sectorBytes * sectorBytes
        return (start, min(end, store.byteCount))
    }
}
