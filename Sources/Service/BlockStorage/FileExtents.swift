import CLinux
import Glibc

/// Data and holes of an open file, as SEEK_DATA and SEEK_HOLE tell them.
struct FileExtents {
    let descriptor: CInt
    let fileBytes: UInt64

    /// At most `limit` runs, of which the last may reach past the range.
    func list(at offset: UInt64, byteCount: UInt64, limit: Int) -> [Extent] {
        var extents: [Extent] = []
        var position = offset
        let end = offset + byteCount
        repeat {
            let run = extent(at: position)
            extents.append(run)
            position += run.byteCount
        } while position < end && extents.count < limit
        return extents
    }

    private func extent(at offset: UInt64) -> Extent {
        let data = lseek(descriptor, off_t(offset), CInt(CLINUX_SEEK_DATA))
        if data < 0, errno == ENXIO {
            return Extent(byteCount: fileBytes - offset, isHole: true, readsAsZero: true)
        }
        if data > off_t(offset), UInt64(data) < fileBytes {
            return Extent(byteCount: UInt64(data) - offset, isHole: true, readsAsZero: true)
        }
        let hole = lseek(descriptor, off_t(offset), CInt(CLINUX_SEEK_HOLE))
        // A file system that cannot tell, or an answer past the end, means data as far as we know.
        let end = hole > off_t(offset) ? min(UInt64(hole), fileBytes) : fileBytes
        return Extent(byteCount: end - offset, isHole: false, readsAsZero: false)
    }
}
