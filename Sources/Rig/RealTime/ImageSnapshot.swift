import BlockStorage
import FaultPoints
import FaultyFiles
import Glibc
import HostObserver

/// An image as it was when somebody looked at it, whatever becomes of its name, size and content afterwards.
final class ImageSnapshot: ExpectedImage, Sendable {
    let byteCount: UInt64
    private let descriptor: CInt
    private let appearance: FaultyTree.Appearance

    /// - Parameter appearance: what the store has made of the file.
    /// - Returns: `nil` when there is no such file.
    init?(path: String, as appearance: FaultyTree.Appearance = FaultyTree.Appearance()) {
        self.appearance = appearance
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        let size = fstat(descriptor, &status) == 0 ? UInt64(max(0, status.st_size)) : 0
        byteCount = appearance.byteCount ?? size
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ObserverError) -> Int {
        do throws(StorageError) { return try fill(buffer, at: offset) } catch {
            throw .expectedImage(error.description)
        }
    }

    /// - Returns: how many bytes there are; less than asked for at the end only.
    func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        guard offset < byteCount else { return 0 }
        let wanted = UnsafeMutableRawBufferPointer(
            rebasing: buffer[..<Int(min(UInt64(buffer.count), byteCount - offset))])
        var done = 0
        while done < wanted.count {
            let count = pread(
                descriptor, wanted.baseAddress! + done, wanted.count - done,
                off_t(clamping: offset + UInt64(done)))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw StorageError(errno: errno, during: "read") }
            if count == 0 { break }
            done += count
        }
        // Where the store shows more than the file has, it shows zeroes.
        UnsafeMutableRawBufferPointer(rebasing: wanted[done...]).initializeMemory(
            as: UInt8.self, repeating: 0)
        if appearance.generation != 0 {
            DataFaults.replace(wanted, at: offset, generation: appearance.generation)
        }
        return wanted.count
    }
}

/// The same for a client that serves it; what is written goes elsewhere.
final class SnapshotStore: BlockStore {
    private let snapshot: ImageSnapshot

    init(_ snapshot: ImageSnapshot) { self.snapshot = snapshot }

    var byteCount: UInt64 { snapshot.byteCount }
    var isReadOnly: Bool { true }
    var capabilities: StoreCapabilities { [.flush, .multiConnect] }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) async throws(StorageError) {
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "read")
        _ = try snapshot.fill(buffer, at: offset)
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    {
        try checkWritable(during: "write")
    }

    func flush() async throws(StorageError) {}

    func trim(at offset: UInt64, byteCount: UInt64) async throws(StorageError) {
        try checkWritable(during: "trim")
    }

    func writeZeroes(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    {
        try checkWritable(during: "zero")
    }

    func extents(at offset: UInt64, byteCount count: UInt64) async throws(StorageError) -> [Extent] {
        [Extent(byteCount: count, isHole: false, readsAsZero: false)]
    }

    func close() async {}
}
