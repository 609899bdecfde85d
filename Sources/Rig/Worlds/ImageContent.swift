internal import HostObserver
package import Scenarios
import Synchronization

/// Makes the bytes of a scenario's images; the same image is made once.
package enum ImageContent {
    /// Larger images are not kept in memory whole; the simulation has none.
    package static let maximumByteCount: UInt64 = 64 << 20
    private static let keptImages = 32
    private static let sparseUnit: UInt64 = 1 << 20
    private static let sparseStride: UInt64 = 16

    private struct Key: Hashable {
        var byteCount: UInt64
        var content: String
        var seed: UInt64
    }
    private static let made = Mutex<[Key: [UInt8]]>([:])
    private static let digests = Mutex<[Key: String]>([:])
    private static let keptDigests = 1024

    /// - Parameter seed: in place of the image's own, for another version of it.
    package static func bytes(of image: Scenario.Image, seed: UInt64? = nil) throws(WorldFailure) -> [UInt8] {
        guard image.byteCount <= maximumByteCount else {
            throw WorldFailure(
                "image \(image.name) has \(image.byteCount) bytes; in memory there is room for "
                    + "\(maximumByteCount): make it smaller, or run on a real kernel")
        }
        let key = Key(
            byteCount: image.byteCount, content: image.content.rawValue, seed: seed ?? image.seed)
        if let bytes = made.withLock({ $0[key] }) { return bytes }
        let bytes = make(key, image.content)
        made.withLock { made in
            if made.count >= keptImages { made = [:] }
            made[key] = bytes
        }
        return bytes
    }

    /// - Returns: 64 hexadecimal digits; `nil` for images that are never in memory whole.
    package static func sha256(of image: Scenario.Image) -> String? {
        let key = Key(byteCount: image.byteCount, content: image.content.rawValue, seed: image.seed)
        if let digest = digests.withLock({ $0[key] }) { return digest }
        guard let bytes = try? bytes(of: image) else { return nil }
        let digest = SHA256.text(bytes[...])
        digests.withLock { digests in
            if digests.count >= keptDigests { digests = [:] }
            digests[key] = digest
        }
        return digest
    }

    private static func make(_ key: Key, _ content: Scenario.Image.Content) -> [UInt8] {
        let count = Int(key.byteCount)
        switch content {
        case .zeros: return [UInt8](repeating: 0, count: count)
        case .pattern: return SeededPattern.bytes(seed: key.seed, at: 0, byteCount: count)
        case .sparse:
            var bytes = [UInt8](repeating: 0, count: count)
            for start in stride(from: UInt64(0), to: key.byteCount, by: Int(sparseUnit * sparseStride)) {
                let length = Int(min(sparseUnit, key.byteCount - start))
                bytes.replaceSubrange(
                    Int(start)..<Int(start) + length,
                    with: SeededPattern.bytes(seed: key.seed, at: start, byteCount: length))
            }
            return bytes
        }
    }
}
