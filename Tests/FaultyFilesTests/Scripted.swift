import FaultPoints
import FaultyFiles
import Glibc
import Synchronization
import TestSupport
import Testing

/// Faults by a table of the test's own.
final class Scripted: FaultInjector {
    private let rules = Mutex<[StoreOperation: [FaultAction]]>([:])

    init(_ rules: [StoreOperation: [FaultAction]] = [:]) {
        self.rules.withLock { $0 = rules }
    }

    func set(_ operation: StoreOperation, _ actions: FaultAction...) {
        rules.withLock { $0[operation] = actions }
    }

    func meet(_ occasion: FaultOccasion) -> [FaultAction] {
        rules.withLock { rules in
            StoreOperation(rawValue: occasion.operation).flatMap { rules[$0] } ?? []
        }
    }
}

/// A store of one image, "disk.img", in a folder of its own.
struct Fixture {
    let folder: TemporaryFolder
    let tree: FaultyTree
    let faults: Scripted
    let content: [UInt8]

    init(
        _ faults: Scripted = Scripted(), byteCount: Int = 64 << 10, isReadOnly: Bool = false
    ) throws {
        folder = try TemporaryFolder()
        _ = try folder.writePattern(byteCount, to: "disk.img")
        content = TemporaryFolder.pattern(byteCount)
        self.faults = faults
        tree = try FaultyTree(directory: folder.path, isReadOnly: isReadOnly, injector: faults)
    }

    /// As a front does it, but for the waiting.
    func read(_ file: OpenFile, _ byteCount: Int, at offset: UInt64) throws(Errno) -> [UInt8] {
        var outcome: Result<Int, Errno> = .success(0)
        let plan = tree.plan(.read, on: file.path, bytes: offset..<offset + UInt64(byteCount))
        let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            do throws(Errno) {
                count = try tree.read(file, into: UnsafeMutableRawBufferPointer(buffer), at: offset, plan)
            } catch {
                outcome = .failure(error)
            }
        }
        _ = try outcome.get()
        return bytes
    }

    @discardableResult
    func write(_ file: OpenFile, _ bytes: [UInt8], at offset: UInt64) throws(Errno) -> Int {
        let plan = tree.plan(.write, on: file.path, bytes: offset..<offset + UInt64(bytes.count))
        var outcome: Result<Int, Errno> = .success(0)
        bytes.withUnsafeBytes { bytes in
            do throws(Errno) {
                outcome = .success(try tree.write(file, bytes, at: offset, plan))
            } catch {
                outcome = .failure(error)
            }
        }
        return try outcome.get()
    }

    /// What the folder holds, past the store.
    func kept(_ name: String = "disk.img") throws -> [UInt8] {
        let descriptor = open(folder.file(name), O_RDONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var status = stat()
        fstat(descriptor, &status)
        return [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
            count = Glibc.read(descriptor, buffer.baseAddress, Int(status.st_size))
        }
    }
}
