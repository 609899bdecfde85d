internal import CLinux
internal import Glibc
internal import Threads
package import USBMassStorage
package import WireFormat

/// Looks at a medium through a block device of this machine, past the page cache.
///
/// Every read and write is made on a thread of its own, since a device may keep it waiting; one that takes
/// longer than the limit is left behind and counts as not answered.
package final class BlockDeviceObserver: MediumReader {
    private static let maximumTransferByteCount = 1 << 20
    private static let alignment = 4096

    package let report: BlockDeviceReport
    package let capacity: CapacityReply?
    package let transferByteCount: Int = maximumTransferByteCount
    package let retries = 0
    package let now: @Sendable () -> Duration = { Monotonic.now }
    package private(set) var latency = LatencyHistogram()
    private let descriptor: OpenDescriptor
    private let limit: Duration

    private final class OpenDescriptor: Sendable {
        let number: CInt
        init(_ number: CInt) { self.number = number }
        deinit { close(number) }
    }

    /// - Parameter limit: for one read, write or flush.
    package init(path: String, isReadWrite: Bool = false, limit: Duration) throws(ObserverError) {
        self.limit = limit
        let flags = (isReadWrite ? O_RDWR : O_RDONLY) | O_CLOEXEC
        var number = open(path, flags | CInt(CLINUX_O_DIRECT))
        let isDirect = number >= 0
        // A file system in memory has nothing to be direct about.
        if number < 0, errno == EINVAL { number = open(path, flags) }
        guard number >= 0 else { throw .system(errno: errno, during: "open \(path)", isOfOneBlock: false) }
        descriptor = OpenDescriptor(number)
        report = try BlockDeviceReport.read(path: path, descriptor: number, isDirect: isDirect)
        let blocks = report.byteCount / UInt64(report.logicalBlockByteCount)
        guard blocks > 0 else { throw .noMedium }
        capacity = CapacityReply(blockCount: blocks, blockByteCount: report.logicalBlockByteCount)
    }

    package func readOnce(_ range: BlockRange) async throws(ObserverError) -> MediumOutcome {
        let size = Int(report.logicalBlockByteCount)
        let byteCount = Int(range.count) * size
        let bytes = try await move("read block \(range.first)") { [descriptor] in
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: byteCount, alignment: Self.alignment)
            defer { buffer.deallocate() }
            let count = Self.whole(byteCount) { done in
                pread(
                    descriptor.number, buffer.baseAddress! + done, byteCount - done,
                    off_t(range.first) * off_t(size) + off_t(done))
            }
            return count.map { Array(buffer[..<$0]) }
        }
        return MediumOutcome(data: [bytes[...]], movedByteCount: bytes.count)
    }

    package func writeOnce(_ range: BlockRange, _ bytes: Bytes) async throws(ObserverError) -> MediumOutcome {
        let offset = off_t(range.first) * off_t(report.logicalBlockByteCount)
        let written = try await move("write block \(range.first)") { [descriptor] in
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: bytes.count, alignment: Self.alignment)
            defer { buffer.deallocate() }
            buffer.copyBytes(from: bytes)
            let count = Self.whole(bytes.count) { done in
                pwrite(
                    descriptor.number, buffer.baseAddress! + done, bytes.count - done, offset + off_t(done))
            }
            return count.map { [UInt8](repeating: 0, count: $0) }
        }
        return MediumOutcome(data: [], movedByteCount: written.count)
    }

    package func flush() async throws(ObserverError) {
        _ = try await move("flush") { [descriptor] in
            fsync(descriptor.number) == 0 ? .success([]) : .failure(SystemCallFailure(errno: errno))
        }
    }

    private struct SystemCallFailure: Error { let errno: CInt }

    /// - Returns: how many bytes were moved: fewer only at the end of the medium.
    private static func whole(_ byteCount: Int, _ part: (Int) -> Int) -> Result<Int, SystemCallFailure> {
        var done = 0
        while done < byteCount {
            let count = part(done)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return .failure(SystemCallFailure(errno: errno)) }
            if count == 0 { break }
            done += count
        }
        return .success(done)
    }

    private func move(
        _ operation: String, _ body: @escaping @Sendable () -> Result<[UInt8], SystemCallFailure>
    ) async throws(ObserverError) -> [UInt8] {
        let start = now()
        let limit = limit
        let outcome = await BlockingThread.value("block wait") {
            () -> Result<[UInt8], SystemCallFailure>? in
            let ending = Monitor<Result<[UInt8], SystemCallFailure>?>(nil)
            let isStarted = BlockingThread.start("block device") {
                let result = body()
                ending.change { $0 = result }
            }
            guard isStarted else { return .failure(SystemCallFailure(errno: EAGAIN)) }
            return ending.wait(atMost: limit) { $0 }
        }
        latency.record(now() - start)
        switch outcome {
        case .success(let bytes)??: return bytes
        case .failure(let failure)??:
            throw .system(
                errno: failure.errno, during: operation, isOfOneBlock: Self.isOfOneBlock(failure.errno))
        default: throw .system(errno: ETIMEDOUT, during: operation, isOfOneBlock: false)
        }
    }

    /// Errors that Linux gives for a bad block; after others nothing more can be read.
    private static func isOfOneBlock(_ number: CInt) -> Bool {
        [EIO, ENODATA, EILSEQ, EREMOTEIO].contains(number)
    }
}
