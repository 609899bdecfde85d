internal import Glibc

/// What the host ought to see, byte for byte.
package protocol ExpectedImage: AnyObject {
    var byteCount: UInt64 { get }
    /// Fills `buffer` from `offset` on.
    ///
    /// - Returns: how many bytes there are, fewer than asked for only at the end.
    /// - Throws: ``ObserverError/expectedImage(_:)``.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ObserverError) -> Int
}

/// A file, read with pread: a file that shrinks under us is an error then, not a SIGBUS.
package final class ExpectedFile: ExpectedImage {
    package let byteCount: UInt64
    private let path: String
    private let descriptor: CInt

    package init(path: String) throws(ObserverError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .expectedImage("\(path): \(String(cString: strerror(errno)))")
        }
        // Block devices have their size where the end is, not in their status.
        let end = lseek(descriptor, 0, SEEK_END)
        byteCount = UInt64(max(0, end))
        if end < 0 {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw .expectedImage("\(path): \(reason)")
        }
    }

    deinit { close(descriptor) }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ObserverError)
        -> Int
    {
        var count = 0
        while count < buffer.count {
            let got = pread(
                descriptor, buffer.baseAddress! + count, buffer.count - count,
                off_t(clamping: offset + UInt64(count)))
            if got > 0 {
                count += got
            } else if got == 0 {
                break
            } else if errno != EINTR {
                throw .expectedImage("\(path): \(String(cString: strerror(errno)))")
            }
        }
        return count
    }
}

/// Bytes in memory.
package final class ExpectedBytes: ExpectedImage, Sendable {
    private let bytes: [UInt8]
    package var byteCount: UInt64 { UInt64(bytes.count) }
    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ObserverError)
        -> Int
    {
        guard offset < byteCount else { return 0 }
        let count = min(buffer.count, bytes.count - Int(offset))
        bytes.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + count]))
        }
        return count
    }
}

/// What a read is measured against.
package enum Expectation {
    case image(any ExpectedImage)
    /// Only the digest of the whole image is known, and its length if not nil.
    case digest(sha256: String, byteCount: UInt64?)
}
