import FaultPoints

/// The bytes of a body with their corruptions, portion by portion, though a fault may reach from one
/// portion into another.
struct CorruptedBody {
    let corruptions: [FaultAction.Corruption]
    /// Of the image, in the whole body.
    let range: Range<UInt64>
    let image: OpenedImage

    private static let sectorBytes: UInt64 = 512

    /// - Returns: whether all of it is there.
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: UInt64) -> Bool {
        guard image.read(into: buffer, at: position) else { return false }
        return corruptions.allSatisfy { apply($0, to: buffer, at: position) }
    }

    private func apply(
        _ corruption: FaultAction.Corruption, to buffer: UnsafeMutableRawBufferPointer, at position: UInt64
    ) -> Bool {
        switch corruption {
        case .bitFlip(let bit):
            let place = range.lowerBound + UInt64(bit / 8) % UInt64(max(1, range.count))
            if place >= position, place < position + UInt64(buffer.count) {
                buffer[Int(place - position)] ^= 1 << UInt8(bit % 8)
            }
        case .zero(let start):
            let first = range.lowerBound + UInt64(start) % UInt64(max(1, range.count))
            part(of: buffer, at: position, first..<first + Self.sectorBytes)?
                .initializeMemory(as: UInt8.self, repeating: 0)
        case .stale: image.copyEarlier(to: buffer, at: position)
        case .shift(let byteCount): return read(buffer, from: position &+ UInt64(max(0, byteCount)))
        case .swap(let first, let second):
            return put(sector: first, at: second, in: buffer, position)
                && put(sector: second, at: first, in: buffer, position)
        }
        return true
    }

    private func put(
        sector source: Int, at target: Int, in buffer: UnsafeMutableRawBufferPointer, _ position: UInt64
    ) -> Bool {
        let first = range.lowerBound + UInt64(max(0, target)) * Self.sectorBytes
        guard let part = part(of: buffer, at: position, first..<first + Self.sectorBytes) else { return true }
        let skipped = max(first, position) - first
        return read(part, from: range.lowerBound + UInt64(max(0, source)) * Self.sectorBytes + skipped)
    }

    /// What is past the image's end is zero.
    private func read(_ buffer: UnsafeMutableRawBufferPointer, from position: UInt64) -> Bool {
        let end = image.subject.byteCount
        let count = position >= end ? 0 : Int(min(UInt64(buffer.count), end - position))
        let known = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).initializeMemory(
            as: UInt8.self, repeating: 0)
        return known.isEmpty || image.read(into: known, at: position)
    }

    private func part(
        of buffer: UnsafeMutableRawBufferPointer, at position: UInt64, _ wanted: Range<UInt64>
    ) -> UnsafeMutableRawBufferPointer? {
        let both = wanted.clamped(to: position..<position + UInt64(buffer.count)).clamped(to: range)
        guard !both.isEmpty else { return nil }
        let bytes = Int(both.lowerBound - position)..<Int(both.upperBound - position)
        return UnsafeMutableRawBufferPointer(rebasing: buffer[bytes])
    }
}
