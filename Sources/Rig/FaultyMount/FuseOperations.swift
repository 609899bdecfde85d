import CFuse
import FaultyFiles
import Glibc

/// libfuse's table of functions: each finds the front and hands on.
enum FuseOperations {
    private static func front(_ request: fuse_req_t?) -> FuseFront {
        Unmanaged<FuseFront>.fromOpaque(fuse_req_userdata(request)!).takeUnretainedValue()
    }

    /// Asynchronous reads that the kernel has under way at once; a delayed one counts until its answer.
    private static let maximumBackground: UInt32 = 1024

    static func table() -> fuse_lowlevel_ops {
        var table = fuse_lowlevel_ops()
        table.`init` = { _, connection in
            guard let connection else { return }
            connection.pointee.max_write = UInt32(ThreadBuffer.byteCount)
            connection.pointee.max_background = FuseOperations.maximumBackground
            connection.pointee.congestion_threshold = FuseOperations.maximumBackground
            // So that a truncation is an operation of its own.
            connection.pointee.want &= ~UInt32(FUSE_CAP_ATOMIC_O_TRUNC)
        }
        addNames(&table)
        addFiles(&table)
        return table
    }

    private static func addNames(_ table: inout fuse_lowlevel_ops) {
        table.lookup = { request, parent, name in
            FuseOperations.front(request).lookUp(
                FuseRequest(pointer: request!), String(cString: name!), in: parent)
        }
        table.forget = { request, node, count in
            FuseOperations.front(request).nodes.forget(node, count: count)
            fuse_reply_none(request)
        }
        table.forget_multi = { request, count, forgets in
            for index in 0..<count {
                FuseOperations.front(request).nodes.forget(
                    forgets![index].ino, count: forgets![index].nlookup)
            }
            fuse_reply_none(request)
        }
        table.getattr = { request, node, info in
            FuseOperations.front(request).getAttributes(
                FuseRequest(pointer: request!), node, info?.pointee.handle(OpenFile.self))
        }
        table.setattr = { request, node, status, wanted, _ in
            let (size, new) = FuseOperations.newAttributes(status!.pointee, wanted)
            FuseOperations.front(request).setAttributes(FuseRequest(pointer: request!), node, size: size, new)
        }
        table.opendir = { request, _, info in
            FuseRequest(pointer: request!).send(.folder(FolderListing(), info!.pointee))
        }
        table.readdir = { request, node, byteCount, offset, info in
            guard let listing = info?.pointee.handle(FolderListing.self) else { return }
            FuseOperations.front(request).readFolder(
                FuseRequest(pointer: request!), node, listing, at: Int(offset), byteCount: byteCount)
        }
        table.releasedir = { request, _, info in
            _ = info?.pointee.releasedHandle(FolderListing.self)
            fuse_reply_err(request, 0)
        }
        table.statfs = { request, _ in
            FuseOperations.front(request).fileSystemStatus(FuseRequest(pointer: request!))
        }
        table.unlink = { request, parent, name in
            FuseOperations.front(request).remove(
                FuseRequest(pointer: request!), String(cString: name!), in: parent, isFolder: false)
        }
        table.rmdir = { request, parent, name in
            FuseOperations.front(request).remove(
                FuseRequest(pointer: request!), String(cString: name!), in: parent, isFolder: true)
        }
        table.mkdir = { request, parent, name, mode in
            FuseOperations.front(request).makeFolder(
                FuseRequest(pointer: request!), String(cString: name!), in: parent, mode: mode)
        }
        table.rename = { request, parent, name, newParent, newName, flags in
            // RENAME_EXCHANGE and its kin: no image store needs them.
            guard flags == 0 else {
                fuse_reply_err(request, EINVAL)
                return
            }
            FuseOperations.front(request).rename(
                FuseRequest(pointer: request!), String(cString: name!), in: parent,
                to: String(cString: newName!), in: newParent)
        }
    }

    private static func addFiles(_ table: inout fuse_lowlevel_ops) {
        table.open = { request, node, info in
            FuseOperations.front(request).open(FuseRequest(pointer: request!), node, info!.pointee)
        }
        table.create = { request, parent, name, mode, info in
            FuseOperations.front(request).create(
                FuseRequest(pointer: request!), String(cString: name!), in: parent, mode: mode, info!.pointee)
        }
        table.read = { request, _, byteCount, offset, info in
            guard let file = info?.pointee.handle(OpenFile.self) else { return }
            FuseOperations.front(request).read(
                FuseRequest(pointer: request!), file, byteCount: byteCount, at: UInt64(offset))
        }
        table.write = { request, _, bytes, byteCount, offset, info in
            guard let file = info?.pointee.handle(OpenFile.self) else { return }
            FuseOperations.front(request).write(
                FuseRequest(pointer: request!), file, UnsafeRawBufferPointer(start: bytes, count: byteCount),
                at: UInt64(offset))
        }
        table.flush = { request, _, info in
            guard let file = info?.pointee.handle(OpenFile.self) else { return }
            FuseOperations.front(request).flush(FuseRequest(pointer: request!), file)
        }
        table.fsync = { request, _, _, info in
            guard let file = info?.pointee.handle(OpenFile.self) else { return }
            FuseOperations.front(request).sync(FuseRequest(pointer: request!), file)
        }
        table.release = { request, _, info in
            guard let file = info?.pointee.releasedHandle(OpenFile.self) else { return }
            FuseOperations.front(request).release(FuseRequest(pointer: request!), file)
        }
    }

    private static func newAttributes(_ status: stat, _ wanted: CInt) -> (UInt64?, FaultyTree.NewAttributes) {
        let isWanted = { (bit: CInt) in wanted & bit != 0 }
        var new = FaultyTree.NewAttributes()
        if isWanted(FUSE_SET_ATTR_MODE) { new.mode = status.st_mode & 0o7777 }
        if isWanted(FUSE_SET_ATTR_UID) || isWanted(FUSE_SET_ATTR_GID) {
            new.owner = (
                isWanted(FUSE_SET_ATTR_UID) ? status.st_uid : nil,
                isWanted(FUSE_SET_ATTR_GID) ? status.st_gid : nil
            )
        }
        let access = time(status.st_atim, isWanted(FUSE_SET_ATTR_ATIME), isWanted(FUSE_SET_ATTR_ATIME_NOW))
        let change = time(status.st_mtim, isWanted(FUSE_SET_ATTR_MTIME), isWanted(FUSE_SET_ATTR_MTIME_NOW))
        if access != nil || change != nil {
            new.times = (access ?? omitted, change ?? omitted)
        }
        return (isWanted(FUSE_SET_ATTR_SIZE) ? UInt64(status.st_size) : nil, new)
    }

    /// UTIME_NOW and UTIME_OMIT of <sys/stat.h>.
    private static let omitted = timespec(tv_sec: 0, tv_nsec: (1 << 30) - 2)

    private static func time(_ time: timespec, _ isSet: Bool, _ isNow: Bool) -> timespec? {
        if isNow { return timespec(tv_sec: 0, tv_nsec: (1 << 30) - 1) }
        return isSet ? time : nil
    }
}
