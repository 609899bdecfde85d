import CLinux
import Glibc

/// A regular file or block device, by pread and pwrite. Its size is fixed when it is opened; a file
/// that shrinks later fails its reads, with both sizes, and is never filled up with zeroes.
package final class FileStore: DirectBlockStore {
    package let path: String
    package let byteCount: UInt64
    package let isReadOnly: Bool
    private let descriptor: SharedDescriptor

    /// Extents in one answer; a caller asks again from where they end.
    package static let maximumExtents = 4096
    /// Zeroes written at a time where the file system cannot make them.
    private static let zeroBlockBytes = 1 << 20

    /// - Throws: ``FileStoreError`` with the path, the cause and what to do.
    package init(path: String, isReadOnly: Bool = true) throws(FileStoreError) {
        // O_NONBLOCK: a named pipe must be refused, not waited for.
        let mode = isReadOnly ? O_RDONLY : O_RDWR
        let number = open(path, mode | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else {
            throw FileStoreError(errno: errno, path: path, isReadOnly: isReadOnly)
        }
        do throws(FileStoreError) {
            byteCount = try Self.size(of: number, path: path)
        } catch {
            Glibc.close(number)
            throw error
        }
        descriptor = SharedDescriptor(number)
        self.path = path
        self.isReadOnly = isReadOnly
    }

    private init(temporary number: CInt, byteCount: UInt64) {
        path = "temporary file"
        isReadOnly = false
        self.byteCount = byteCount
        descriptor = SharedDescriptor(number)
    }

    /// A sparse file without a name: it takes what is written to it, and is gone with the store.
    package static func temporary(byteCount: UInt64, folder: String) throws(FileStoreError) -> FileStore {
        var template = Array("\(folder)/mediarig-\(String(repeating: "X", count: 6))".utf8CString)
        let number = mkstemp(&template)
        guard number >= 0 else { throw FileStoreError(errno: errno, path: folder, isReadOnly: false) }
        unlink(template)
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        guard byteCount <= UInt64(Int64.max), ftruncate(number, off_t(byteCount)) == 0 else {
            let cause = errno
            Glibc.close(number)
            throw FileStoreError(errno: cause, path: folder, isReadOnly: false)
        }
        return FileStore(temporary: number, byteCount: byteCount)
    }

    package var capabilities: StoreCapabilities {
        let always: StoreCapabilities = [.flush, .multiConnect, .extents]
        return isReadOnly ? always : always.union([.trim, .writeZeroes])
    }

    package var sendableDescriptor: CInt? { descriptor.number }

    package func prepareToSend(at offset: UInt64, byteCount count: UInt64) throws(StorageError) {
        try checkRange(at: offset, byteCount: count, during: "read \(path)")
        try descriptor.use { number throws(StorageError) in
            guard currentBytes(number) < offset + count else { return }
            throw shrunk("read", at: offset, byteCount: count, number)
        }
    }

    package func readNow(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        throws(StorageError)
    {
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "read \(path)")
        try descriptor.use { number throws(StorageError) in
            var done = 0
            while done < buffer.count {
                let count = pread(
                    number, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + off_t(done))
                if count > 0 {
                    done += count
                } else if count == 0 {
                    throw shrunk("read", at: offset, byteCount: UInt64(buffer.count), number)
                } else if errno != EINTR {
                    throw StorageError(
                        errno: errno, during: "read \(path): \(buffer.count) bytes at \(offset)")
                }
            }
        }
    }

    package func writeNow(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        throws(StorageError)
    {
        try checkWritable(during: "write \(path)")
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "write \(path)")
        try descriptor.use { number throws(StorageError) in
            try checkNotShrunk("write", at: offset, byteCount: UInt64(buffer.count), number)
            try write(buffer, at: offset, to: number)
            if isDurable { try sync(number) }
        }
    }

    package func flushNow() throws(StorageError) {
        try descriptor.use { number throws(StorageError) in try sync(number) }
    }

    package func trimNow(at offset: UInt64, byteCount count: UInt64) throws(StorageError) {
        try checkWritable(during: "trim \(path)")
        try checkRange(at: offset, byteCount: count, during: "trim \(path)")
        guard count > 0 else { return }
        try descriptor.use { number throws(StorageError) in
            try checkNotShrunk("trim", at: offset, byteCount: count, number)
            // Only advice: where holes cannot be punched, nothing happens.
            _ = try allocate(FALLOC_FL_PUNCH_HOLE, number, at: offset, byteCount: count)
        }
    }

    package func writeZeroesNow(
        at offset: UInt64, byteCount count: UInt64, mayPunchHole: Bool, isDurable: Bool
    ) throws(StorageError) {
        try checkWritable(during: "zero \(path)")
        try checkRange(at: offset, byteCount: count, during: "zero \(path)")
        guard count > 0 else { return }
        try descriptor.use { number throws(StorageError) in
            try checkNotShrunk("zero", at: offset, byteCount: count, number)
            let way = mayPunchHole ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE
            if try !allocate(way, number, at: offset, byteCount: count) {
                try writeZeroBlocks(at: offset, byteCount: count, to: number)
            }
            if isDurable { try sync(number) }
        }
    }

    package func extentsNow(at offset: UInt64, byteCount count: UInt64) throws(StorageError) -> [Extent] {
        try checkRange(at: offset, byteCount: count, during: "map \(path)")
        return try descriptor.use { number throws(StorageError) in
            try checkNotShrunk("map", at: offset, byteCount: count, number)
            return FileExtents(descriptor: number, fileBytes: byteCount)
                .list(at: offset, byteCount: count, limit: Self.maximumExtents)
        }
    }

    package func close() async { descriptor.close() }
}

extension FileStore {
    private static func size(of number: CInt, path: String) throws(FileStoreError) -> UInt64 {
        var status = stat()
        guard fstat(number, &status) == 0 else {
            throw FileStoreError(errno: errno, path: path, isReadOnly: true)
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG, S_IFBLK: break
        case S_IFDIR: throw FileStoreError(.isDirectory, path: path)
        default: throw FileStoreError(.notAFile, path: path)
        }
        let end = lseek(number, 0, SEEK_END)
        guard end >= 0 else { throw FileStoreError(errno: errno, path: path, isReadOnly: true) }
        guard end > 0 else { throw FileStoreError(.empty, path: path) }
        return UInt64(end)
    }

    private func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, to number: CInt)
        throws(StorageError)
    {
        var done = 0
        while done < buffer.count {
            let count = pwrite(
                number, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + off_t(done))
            if count >= 0 {
                done += count
            } else if errno != EINTR {
                throw StorageError(
                    errno: errno, during: "write \(path): \(buffer.count) bytes at \(offset)")
            }
        }
    }

    private func sync(_ number: CInt) throws(StorageError) {
        guard fdatasync(number) == 0 else { throw StorageError(errno: errno, during: "sync \(path)") }
    }

    /// - Returns: false where the file system does not know `way`.
    private func allocate(_ way: CInt, _ number: CInt, at offset: UInt64, byteCount: UInt64)
        throws(StorageError) -> Bool
    {
        while fallocate(number, way | FALLOC_FL_KEEP_SIZE, off_t(offset), off_t(byteCount)) != 0 {
            switch errno {
            case EINTR: continue
            case EOPNOTSUPP, ENODEV, EINVAL, ENOSYS: return false
            default:
                throw StorageError(errno: errno, during: "zero \(path): \(byteCount) bytes at \(offset)")
            }
        }
        return true
    }

    private func writeZeroBlocks(at offset: UInt64, byteCount: UInt64, to number: CInt)
        throws(StorageError)
    {
        let zeroes = [UInt8](repeating: 0, count: Int(min(byteCount, UInt64(Self.zeroBlockBytes))))
        var position = offset
        let end = offset + byteCount
        while position < end {
            let count = Int(min(UInt64(zeroes.count), end - position))
            let result = zeroes.withUnsafeBytes { buffer -> Result<Void, StorageError> in
                let block = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                return Result { () throws(StorageError) in try write(block, at: position, to: number) }
            }
            try result.get()
            position += UInt64(count)
        }
    }

    /// A write past the end of a shrunken file would grow it again, with zeroes between.
    private func checkNotShrunk(
        _ operation: String, at offset: UInt64, byteCount count: UInt64, _ number: CInt
    ) throws(StorageError) {
        guard currentBytes(number) < byteCount else { return }
        throw shrunk(operation, at: offset, byteCount: count, number)
    }

    private func shrunk(_ operation: String, at offset: UInt64, byteCount count: UInt64, _ number: CInt)
        -> StorageError
    {
        StorageError(
            .io,
            "\(operation) \(path): \(count) bytes at \(offset): the file shrank: it had \(byteCount) bytes when opened and has \(currentBytes(number)) now"
        )
    }

    private func currentBytes(_ number: CInt) -> UInt64 {
        var status = stat()
        guard fstat(number, &status) == 0 else { return 0 }
        return status.st_mode & S_IFMT == S_IFREG ? UInt64(status.st_size) : byteCount
    }
}
