import Glibc
package import HostObserver

/// Knows what a host may read from a medium: the image, and what was written over it.
///
/// A write that passed is what must be read. One whose end is unknown may have happened, and may
/// still happen, so that both the old and the new bytes are right. What was flushed survives every
/// crash; what was not may be lost, sector by sector.
package final class MediumOracle {
    /// What a sector of 512 bytes can hold: ``image`` or the bytes of a write.
    struct Content: Hashable, Sendable {
        /// 0 is the image, others are writes counted from 1.
        let number: UInt32
        static let image = Content(number: 0)
    }

    private struct Sector {
        /// What it may read as now.
        var visible: [Content]
        /// What it may hold after a crash.
        var durable: [Content]
        /// Writes that the host has begun and not heard of yet: each may have happened.
        var begun: [Content] = []
        /// Those of them that were under way in a crash: even one that then passes may be lost.
        var begunBeforeCrash: [Content] = []

        static let untouched = Sector(visible: [.image], durable: [.image])
    }

    package enum Finding: Equatable, Sendable {
        case right
        /// The first wrong sector, and what it holds instead, in words.
        case wrong(sector: UInt64, String)
    }

    /// How a write ended.
    package enum WriteEnd: Sendable {
        case passed(isDurable: Bool)
        /// Failed, timed out or cut off: it may have happened.
        case unknown
        /// It cannot have happened.
        case refused

        /// What is known of it where the medium has gone before the host heard of it.
        var onceGone: WriteEnd {
            switch self {
            case .passed, .unknown: .unknown
            case .refused: .refused
            }
        }
    }

    private static let sectorBytes = 512

    /// What the medium may be; all but one are ruled out by what is read.
    private var images: [any ExpectedImage]
    private let seed: UInt64
    private var sectors: [UInt64: Sector] = [:]
    private var writeCount: UInt32 = 0

    /// - Parameters:
    ///   - images: The medium as it was inserted; several where the image changed while it was: the
    ///     medium is one of them, whole. None while there is no such image.
    ///   - seed: Makes the bytes of writes.
    package init(images: [any ExpectedImage], seed: UInt64) {
        self.images = images
        self.seed = seed
    }

    /// Possible sizes of the medium.
    package var byteCounts: [UInt64] { images.map(\.byteCount) }

    /// The image changed while it was being inserted: the medium may be this one as well.
    package func mayBe(_ image: any ExpectedImage) { images.append(image) }

    /// The host begins a write.
    ///
    /// - Returns: its number, and its bytes at `offset`.
    package func nextWrite(at offset: UInt64, byteCount: Int) -> (number: UInt32, bytes: [UInt8]) {
        writeCount += 1
        let range = offset..<offset + UInt64(byteCount)
        for sector in sectors(of: range) {
            sectors[sector, default: .untouched].begun.append(Content(number: writeCount))
        }
        return (writeCount, bytes(ofWrite: writeCount, at: offset, byteCount: byteCount))
    }

    /// A write that was begun has ended.
    package func wrote(_ number: UInt32, _ range: Range<UInt64>, _ end: WriteEnd) {
        let content = Content(number: number)
        for sector in sectors(of: range) {
            var state = sectors[sector] ?? .untouched
            let hasMetCrash = state.begunBeforeCrash.contains(content)
            state.begun.removeAll { $0 == content }
            state.begunBeforeCrash.removeAll { $0 == content }
            switch end {
            case .passed(let isDurable) where !hasMetCrash:
                // One that was begun later has ended before: nobody knows which of them came last.
                let later = state.visible.filter { $0.number > number }
                state.visible = later + [content]
                state.durable = isDurable ? later + [content] : state.durable + [content]
            case .refused: break
            case .passed, .unknown:
                state.visible.append(content)
                state.durable.append(content)
            }
            sectors[sector] = state
        }
    }

    /// A flush passed: what reads now is what will be read after a crash.
    package func flushed() {
        for sector in sectors.keys { sectors[sector]!.durable = sectors[sector]!.visible }
    }

    /// A flush failed: what was not flushed may be gone. The kernel tells of that once, so a later flush that
    /// passes brings nothing back.
    package func flushFailed() {
        for (sector, state) in sectors where state.visible != state.durable {
            sectors[sector]!.visible += state.durable.filter { !state.visible.contains($0) }
        }
    }

    /// Everything that was not flushed may be lost.
    package func crashed() {
        for sector in sectors.keys {
            sectors[sector]!.visible = sectors[sector]!.durable
            sectors[sector]!.begunBeforeCrash = sectors[sector]!.begun
        }
    }

    /// The overlay is gone: the medium is the image again.
    package func discardedWrites() { sectors = [:] }

    /// Compares what was read.
    ///
    /// - Parameter offset: a multiple of 512.
    package func judge(_ bytes: some Collection<UInt8>, at offset: UInt64) throws(ObserverError) -> Finding {
        let bytes = Array(bytes)
        var fitting: [any ExpectedImage] = []
        var finding = Finding.wrong(
            sector: offset / UInt64(Self.sectorBytes), "data, though there was no image to insert")
        for image in images {
            finding = try judge(bytes, at: offset, image)
            if finding == .right { fitting.append(image) }
        }
        guard !fitting.isEmpty else { return finding }
        images = fitting
        return .right
    }

    private func judge(_ bytes: [UInt8], at offset: UInt64, _ image: any ExpectedImage)
        throws(ObserverError) -> Finding
    {
        guard let expected = try imageBytes(of: image, at: offset, byteCount: bytes.count) else {
            return .wrong(
                sector: offset / UInt64(Self.sectorBytes),
                "bytes beyond the end of the medium at \(image.byteCount)")
        }
        if sectors.isEmpty, Self.areEqual(bytes, expected, 0..<bytes.count) { return .right }
        for start in stride(from: 0, to: bytes.count, by: Self.sectorBytes) {
            let end = min(start + Self.sectorBytes, bytes.count)
            let position = offset + UInt64(start)
            let sector = sectors[position / UInt64(Self.sectorBytes)] ?? .untouched
            let allowed = sector.visible + sector.begun
            let isRight = allowed.contains { content in
                if content == .image { return Self.areEqual(bytes, expected, start..<end) }
                let written = self.bytes(ofWrite: content.number, at: position, byteCount: end - start)
                return bytes[start..<end] == written[...]
            }
            if !isRight {
                return .wrong(
                    sector: position / UInt64(Self.sectorBytes),
                    explain(
                        bytes[start..<end], expected: expected[start..<end], at: position, allowed: allowed))
            }
        }
        return .right
    }

    /// As memory, which is what most reads come down to.
    private static func areEqual(_ left: [UInt8], _ right: [UInt8], _ range: Range<Int>) -> Bool {
        left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in
                memcmp(
                    left.baseAddress! + range.lowerBound, right.baseAddress! + range.lowerBound, range.count)
                    == 0
            }
        }
    }

    private func explain(
        _ found: ArraySlice<UInt8>, expected: ArraySlice<UInt8>, at position: UInt64, allowed: [Content]
    ) -> String {
        let wanted = allowed.map { $0 == .image ? "the image" : "write \($0.number)" }
            .joined(separator: " or ")
        if found == expected { return "the image instead of \(wanted): a write is lost" }
        if found.allSatisfy({ $0 == 0 }) { return "zeroes instead of \(wanted)" }
        if let older = (1...max(1, writeCount)).last(where: {
            $0 <= writeCount && found == bytes(ofWrite: $0, at: position, byteCount: found.count)[...]
        }) {
            return "write \(older) instead of \(wanted)"
        }
        let flipped = zip(found, expected).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
        return "other bytes instead of \(wanted): \(flipped) bits differ from the image"
    }

    /// - Returns: `nil` where the image has no such bytes.
    private func imageBytes(of image: any ExpectedImage, at offset: UInt64, byteCount: Int)
        throws(ObserverError) -> [UInt8]?
    {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, byteCount), alignment: 16)
        defer { memory.deallocate() }
        let part = UnsafeMutableRawBufferPointer(rebasing: memory[..<byteCount])
        return try image.read(into: part, at: offset) == byteCount ? Array(part) : nil
    }

    private func bytes(ofWrite number: UInt32, at offset: UInt64, byteCount: Int) -> [UInt8] {
        SeededPattern.bytes(
            seed: seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15, at: offset, byteCount: byteCount)
    }

    private func sectors(of range: Range<UInt64>) -> Range<UInt64> {
        let unit = UInt64(Self.sectorBytes)
        return range.lowerBound / unit..<(range.upperBound + unit - 1) / unit
    }
}
