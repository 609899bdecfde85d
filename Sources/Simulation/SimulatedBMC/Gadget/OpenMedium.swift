import WireFormat

/// What a LUN's file is: a block device with its cache, or a regular file.
protocol OpenMedium: AnyObject {
    /// As it was opened: "/dev/nbd0".
    var path: String { get }
    var byteCount: UInt64 { get }
    var logicalBlockBytes: UInt32 { get }
    var isWritable: Bool { get }

    /// - Parameter completion: called once, perhaps before this returns.
    func read(
        at offset: UInt64, byteCount: Int, completion: @escaping (Result<[Bytes], MediumFailure>) -> Void)
    /// - Parameter isForced: completes only once the bytes are on the medium.
    func write(
        _ bytes: [UInt8], at offset: UInt64, isForced: Bool,
        completion: @escaping (Result<Void, MediumFailure>) -> Void)
    func flush(completion: @escaping (Result<Void, MediumFailure>) -> Void)
    /// Starts to write back what is dirty; nobody waits for it.
    func syncSoon()
    /// The last use of this opening.
    func close()
}

/// A read or write of a medium failed (always EIO), at this byte.
struct MediumFailure: Error, Equatable, Sendable {
    let offset: UInt64
}

/// A regular file in memory, for LUNs that are not backed by nbd.
final class MemoryFile {
    /// The beginning; what is missing up to ``byteCount`` reads as zeroes.
    fileprivate(set) var bytes: [UInt8]
    let byteCount: UInt64
    let isReadOnly: Bool
    /// Byte ranges whose reads and writes fail, as a bad sector would.
    var badRanges: [Range<UInt64>] = []

    /// - Parameter byteCount: of a file with a hole at its end, which nothing can be written into.
    init(_ bytes: [UInt8], byteCount: UInt64? = nil, isReadOnly: Bool) {
        self.bytes = bytes
        self.byteCount = byteCount ?? UInt64(bytes.count)
        precondition(self.byteCount >= UInt64(bytes.count))
        self.isReadOnly = isReadOnly
    }
}

final class OpenMemoryFile: OpenMedium {
    let path: String
    let isWritable: Bool
    private let file: MemoryFile

    init(_ file: MemoryFile, path: String, isWritable: Bool) {
        self.file = file
        self.path = path
        self.isWritable = isWritable
    }

    var byteCount: UInt64 { file.byteCount }
    var logicalBlockBytes: UInt32 { 512 }

    func read(
        at offset: UInt64, byteCount: Int, completion: @escaping (Result<[Bytes], MediumFailure>) -> Void
    ) {
        if let failure = failure(at: offset, byteCount: byteCount) { return completion(.failure(failure)) }
        let start = Int(min(offset, UInt64(file.bytes.count)))
        let held = file.bytes[start..<min(start + byteCount, file.bytes.count)]
        let missing = byteCount - held.count
        completion(.success(missing == 0 ? [held] : [held, [UInt8](repeating: 0, count: missing)[...]]))
    }

    func write(
        _ bytes: [UInt8], at offset: UInt64, isForced: Bool,
        completion: @escaping (Result<Void, MediumFailure>) -> Void
    ) {
        if let failure = failure(at: offset, byteCount: bytes.count) { return completion(.failure(failure)) }
        guard offset + UInt64(bytes.count) <= UInt64(file.bytes.count) else {
            return completion(.failure(MediumFailure(offset: max(offset, UInt64(file.bytes.count)))))
        }
        file.bytes.replaceSubrange(Int(offset)..<Int(offset) + bytes.count, with: bytes)
        completion(.success(()))
    }

    func flush(completion: @escaping (Result<Void, MediumFailure>) -> Void) { completion(.success(())) }
    func syncSoon() {}
    func close() {}

    private func failure(at offset: UInt64, byteCount: Int) -> MediumFailure? {
        let end = file.byteCount
        guard offset <= end, UInt64(byteCount) <= end - offset else { return MediumFailure(offset: offset) }
        let range = offset..<offset + UInt64(byteCount)
        guard let bad = file.badRanges.first(where: { $0.overlaps(range) }) else { return nil }
        return MediumFailure(offset: max(bad.lowerBound, offset))
    }
}
