import CFuse
import FaultyFiles
import Glibc

/// A request of the kernel that waits for its one answer, from any thread.
struct FuseRequest: @unchecked Sendable {
    let pointer: fuse_req_t

    /// What the kernel is told.
    enum Answer {
        case done
        case attributes(stat)
        case entry(stat, node: UInt64)
        case opened(OpenFile, fuse_file_info)
        case created(stat, node: UInt64, OpenFile, fuse_file_info)
        case folder(FolderListing, fuse_file_info)
        /// Sent before the memory may be used again.
        case bytes(UnsafeRawBufferPointer)
        case written(Int)
        case status(statvfs)
    }

    func fail(_ failure: Errno) { fuse_reply_err(pointer, failure.number) }

    /// - Returns: whether the kernel took it; a handle it did not take is never released by it.
    func send(_ answer: Answer) {
        switch answer {
        case .done: fuse_reply_err(pointer, 0)
        case .attributes(var status): fuse_reply_attr(pointer, &status, 0)
        case .entry(let status, let node):
            var entry = Self.entry(status, node)
            fuse_reply_entry(pointer, &entry)
        case .opened(let file, var info): open(file, &info) { fuse_reply_open(pointer, &$0) }
        case .created(let status, let node, let file, var info):
            var entry = Self.entry(status, node)
            open(file, &info) { fuse_reply_create(pointer, &entry, &$0) }
        case .folder(let listing, var info): open(listing, &info) { fuse_reply_open(pointer, &$0) }
        case .bytes(let bytes):
            fuse_reply_buf(pointer, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        case .written(let count): fuse_reply_write(pointer, count)
        case .status(var status): fuse_reply_statfs(pointer, &status)
        }
    }

    /// The kernel keeps one reference until it releases the handle; none where it did not take the answer.
    private func open(
        _ handle: AnyObject, _ info: inout fuse_file_info, _ reply: (inout fuse_file_info) -> CInt
    ) {
        let reference = Unmanaged.passRetained(handle)
        info.fh = UInt64(UInt(bitPattern: reference.toOpaque()))
        if reply(&info) != 0 { reference.release() }
    }

    /// Nothing is cached, so that every operation can meet its fault.
    private static func entry(_ status: stat, _ node: UInt64) -> fuse_entry_param {
        var entry = fuse_entry_param()
        entry.ino = node
        entry.attr = status
        return entry
    }
}

/// The names of a folder, as they were when it was first read after its opening.
final class FolderListing: @unchecked Sendable {
    /// Only the kernel's requests for one handle touch it, and those come one by one.
    var entries: [FaultyTree.FolderEntry]?
}

extension fuse_file_info {
    /// What ``FuseRequest`` put there.
    func handle<Handle: AnyObject>(_ type: Handle.Type) -> Handle? {
        UnsafeRawPointer(bitPattern: UInt(fh)).map { Unmanaged<Handle>.fromOpaque($0).takeUnretainedValue() }
    }

    func releasedHandle<Handle: AnyObject>(_ type: Handle.Type) -> Handle? {
        UnsafeRawPointer(bitPattern: UInt(fh)).map { Unmanaged<Handle>.fromOpaque($0).takeRetainedValue() }
    }
}
