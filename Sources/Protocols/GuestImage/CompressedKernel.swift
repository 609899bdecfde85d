internal import WireFormat

/// A kernel as packages ship it ("bzImage"): a small program that unpacks the ELF file within (kernel:
/// Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"). A machine without hardware help takes
/// seconds for that; the ELF file itself can be started by PVH.
package struct CompressedKernel: Equatable, Sendable {
    package enum Compression: String, Equatable, Sendable {
        case xz, gzip, zstd
        /// Not compressed: the ELF file itself.
        case none
    }

    package let compression: Compression
    /// Where the compressed file lies in the image. The kernel's build puts the unpacked size, 4 bytes,
    /// behind what is no gzip; it is not counted here for zstd, and a decoder of one xz stream stops before it.
    package let payload: Range<Int>

    /// - Parameter image: the whole file, or an uncompressed kernel.
    /// - Returns: `nil` for anything else, or where the compression is not known.
    package init?(_ image: [UInt8]) {
        if image.starts(with: [0x7F, 0x45, 0x4C, 0x46]) {
            compression = .none
            payload = 0..<image.count
            return
        }
        guard image.count > 0x264, Array(image[0x202..<0x206]) == Array("HdrS".utf8) else { return nil }
        var header = image[0x248..<0x250]
        let offset = Int(header.takeLittleEndian(as: UInt32.self))
        let byteCount = Int(header.takeLittleEndian(as: UInt32.self))
        let setupSectors = image[0x1F1] == 0 ? 4 : Int(image[0x1F1])
        let start = (setupSectors + 1) * 512 + offset
        guard byteCount > 8, start + byteCount <= image.count else { return nil }
        let first = Array(image[start..<start + 6])
        if first == [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00] {
            compression = .xz
            payload = start..<start + byteCount
        } else if first.starts(with: [0x1F, 0x8B]) {
            compression = .gzip
            payload = start..<start + byteCount
        } else if first.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
            compression = .zstd
            payload = start..<start + byteCount - 4
        } else {
            return nil
        }
    }
}
