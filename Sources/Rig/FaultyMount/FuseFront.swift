import CFuse
import FaultyFiles
import Glibc

/// Carries out the kernel's requests on the tree.
final class FuseFront: Sendable {
    let tree: FaultyTree
    let nodes = NodeTable()
    private let usesPageCache: Bool

    init(_ tree: FaultyTree, usesPageCache: Bool) {
        self.tree = tree
        self.usesPageCache = usesPageCache
    }

    // MARK: Names and attributes

    func lookUp(_ request: FuseRequest, _ name: String, in parent: UInt64) {
        guard let path = nodes.path(of: name, in: parent) else { return request.fail(Errno(ESTALE)) }
        carryOut(request, .lookup, path) { [self] plan throws(Errno) in
            try entry(name, in: parent, tree.attributes(of: path, plan))
        }
    }

    private func entry(_ name: String, in parent: UInt64, _ status: stat) -> FuseRequest.Answer {
        .entry(status, node: number(name, in: parent, status))
    }

    private func number(_ name: String, in parent: UInt64, _ status: stat) -> UInt64 {
        nodes.found(name, in: parent, device: status.st_dev, inode: status.st_ino)
    }

    func getAttributes(_ request: FuseRequest, _ node: UInt64, _ file: OpenFile?) {
        guard let path = nodes.path(of: node) ?? file?.path else { return request.fail(Errno(ESTALE)) }
        carryOut(request, .getattr, path) { [self] plan throws(Errno) in
            if let file { return .attributes(try tree.attributes(of: file, plan)) }
            return .attributes(try tree.attributes(of: path, plan))
        }
    }

    func setAttributes(
        _ request: FuseRequest, _ node: UInt64, size: UInt64?, _ new: FaultyTree.NewAttributes
    ) {
        guard let path = nodes.path(of: node) else { return request.fail(Errno(ESTALE)) }
        carryOut(request, size == nil ? .setattr : .truncate, path) { [self] plan throws(Errno) in
            if let size { try tree.setSize(size, of: path, plan) }
            try tree.setAttributes(new, of: path, size == nil ? plan : nil)
            return .attributes(try tree.attributes(of: path))
        }
    }

    func readFolder(
        _ request: FuseRequest, _ node: UInt64, _ listing: FolderListing, at offset: Int, byteCount: Int
    ) {
        guard let path = nodes.path(of: node) else { return request.fail(Errno(ESTALE)) }
        if offset > 0, let known = listing.entries {
            request.send(.bytes(Self.pack(request, known, from: offset, byteCount: byteCount)))
            return
        }
        carryOut(request, .readdir, path) { [self] plan throws(Errno) in
            let entries = try tree.entries(of: path, plan)
            listing.entries = entries
            return .bytes(Self.pack(request, entries, from: offset, byteCount: byteCount))
        }
    }

    private static func pack(
        _ request: FuseRequest, _ entries: [FaultyTree.FolderEntry], from offset: Int, byteCount: Int
    ) -> UnsafeRawBufferPointer {
        let buffer = ThreadBuffer.bytes(min(byteCount, ThreadBuffer.byteCount))
        var used = 0
        for (index, entry) in entries.enumerated().dropFirst(offset) {
            var status = stat()
            status.st_ino = UInt(entry.inode)
            status.st_mode = entry.mode
            let rest = buffer.count - used
            let place = buffer.baseAddress!.assumingMemoryBound(to: CChar.self) + used
            let size = fuse_add_direntry(request.pointer, place, rest, entry.name, &status, off_t(index + 1))
            guard size <= rest else { break }
            used += size
        }
        return UnsafeRawBufferPointer(rebasing: buffer[..<used])
    }

    func fileSystemStatus(_ request: FuseRequest) {
        carryOut(request, .statfs, "") { [self] plan throws(Errno) in
            .status(try tree.fileSystemStatus(plan))
        }
    }

    // MARK: Changes of names

    func remove(_ request: FuseRequest, _ name: String, in parent: UInt64, isFolder: Bool) {
        guard let path = nodes.path(of: name, in: parent) else { return request.fail(Errno(ESTALE)) }
        carryOut(request, isFolder ? .rmdir : .unlink, path) { [self] plan throws(Errno) in
            if isFolder { try tree.removeFolder(path, plan) } else { try tree.removeFile(path, plan) }
            if plan?.deed != .pretend { nodes.removed(name, in: parent) }
            return .done
        }
    }

    func makeFolder(_ request: FuseRequest, _ name: String, in parent: UInt64, mode: mode_t) {
        guard let path = nodes.path(of: name, in: parent) else { return request.fail(Errno(ESTALE)) }
        let owner = Self.caller(request)
        carryOut(request, .mkdir, path) { [self] plan throws(Errno) in
            try tree.makeFolder(path, mode: mode, plan)
            try giveAway(path, to: owner)
            return try entry(name, in: parent, tree.attributes(of: path))
        }
    }

    func rename(
        _ request: FuseRequest, _ name: String, in parent: UInt64, to newName: String, in newParent: UInt64
    ) {
        guard let path = nodes.path(of: name, in: parent),
            let newPath = nodes.path(of: newName, in: newParent)
        else { return request.fail(Errno(ESTALE)) }
        carryOut(request, .rename, path) { [self] plan throws(Errno) in
            try tree.rename(path, to: newPath, plan)
            if plan?.deed != .pretend { nodes.renamed(name, in: parent, to: newName, in: newParent) }
            return .done
        }
    }

    /// What a process of root makes for others belongs to them.
    private func giveAway(_ path: String, to owner: (user: uid_t, group: gid_t)) throws(Errno) {
        guard geteuid() == 0, owner != (0, 0) else { return }
        var new = FaultyTree.NewAttributes()
        new.owner = (owner.user, owner.group)
        try tree.setAttributes(new, of: path)
    }

    private static func caller(_ request: FuseRequest) -> (user: uid_t, group: gid_t) {
        guard let context = fuse_req_ctx(request.pointer) else { return (0, 0) }
        return (context.pointee.uid, context.pointee.gid)
    }

    // MARK: Open files

    func open(_ request: FuseRequest, _ node: UInt64, _ info: fuse_file_info) {
        guard let path = nodes.path(of: node) else { return request.fail(Errno(ESTALE)) }
        carryOut(request, .open, path) { [self] plan throws(Errno) in
            .opened(try tree.open(path, flags: info.flags, plan), opened(info))
        }
    }

    func create(
        _ request: FuseRequest, _ name: String, in parent: UInt64, mode: mode_t, _ info: fuse_file_info
    ) {
        guard let path = nodes.path(of: name, in: parent) else { return request.fail(Errno(ESTALE)) }
        let owner = Self.caller(request)
        carryOut(request, .create, path) { [self] plan throws(Errno) in
            let file = try tree.create(path, flags: info.flags, mode: mode, plan)
            try giveAway(path, to: owner)
            let status = try tree.attributes(of: path)
            return .created(status, node: number(name, in: parent, status), file, opened(info))
        }
    }

    private func opened(_ info: fuse_file_info) -> fuse_file_info {
        var info = info
        info.direct_io = usesPageCache ? 0 : 1
        return info
    }

    func read(_ request: FuseRequest, _ file: OpenFile, byteCount: Int, at offset: UInt64) {
        let range = offset..<offset + UInt64(byteCount)
        carryOut(request, .read, file.path, range, file) { [self] plan throws(Errno) in
            let buffer = ThreadBuffer.bytes(byteCount)
            let count = try tree.read(file, into: buffer, at: offset, plan)
            return .bytes(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// - Parameter bytes: Valid during this call only.
    func write(_ request: FuseRequest, _ file: OpenFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) {
        let range = offset..<offset + UInt64(bytes.count)
        let start = tree.now
        let plan = tree.plan(.write, on: file.path, bytes: range)
        let operation = Ongoing(request, .write, file.path, range, start: start)
        guard let plan, plan.waits else {
            return answer(operation, plan) { plan throws(Errno) in
                .written(try tree.write(file, bytes, at: offset, plan))
            }
        }
        let copy = Array(bytes)
        wait(operation, plan, file) { [self] plan throws(Errno) in
            var result: Result<Int, Errno> = .failure(Errno(EIO))
            copy.withUnsafeBytes { bytes in
                do throws(Errno) {
                    result = .success(try tree.write(file, bytes, at: offset, plan))
                } catch {
                    result = .failure(error)
                }
            }
            return .written(try result.get())
        }
    }

    func flush(_ request: FuseRequest, _ file: OpenFile) {
        carryOut(request, .flush, file.path) { [self] plan throws(Errno) in
            try tree.flush(file, plan)
            return .done
        }
    }

    func sync(_ request: FuseRequest, _ file: OpenFile) {
        carryOut(request, .fsync, file.path) { [self] plan throws(Errno) in
            try tree.sync(file, plan)
            return .done
        }
    }

    func release(_ request: FuseRequest, _ file: OpenFile) {
        carryOut(request, .release, file.path) { [self] plan throws(Errno) in
            try tree.release(file, plan)
            return .done
        }
    }

    // MARK: From request to answer

    private typealias Body = @Sendable (OperationPlan?) throws(Errno) -> FuseRequest.Answer

    private struct Ongoing: Sendable {
        let request: FuseRequest
        let operation: StoreOperation
        let path: String
        let bytes: Range<UInt64>?
        let start: Duration

        init(
            _ request: FuseRequest, _ operation: StoreOperation, _ path: String, _ bytes: Range<UInt64>?,
            start: Duration
        ) {
            self.request = request
            self.operation = operation
            self.path = path
            self.bytes = bytes
            self.start = start
        }
    }

    private func carryOut(
        _ request: FuseRequest, _ operation: StoreOperation, _ path: String, _ bytes: Range<UInt64>? = nil,
        _ file: OpenFile? = nil, _ body: @escaping Body
    ) {
        let ongoing = Ongoing(request, operation, path, bytes, start: tree.now)
        guard let plan = tree.plan(operation, on: path, bytes: bytes) else {
            return answer(ongoing, nil, body)
        }
        if plan.waits { wait(ongoing, plan, file, body) } else { answer(ongoing, plan, body) }
    }

    /// The thread goes on to the next request; what waits is answered by another.
    private func wait(_ ongoing: Ongoing, _ plan: OperationPlan, _ file: OpenFile?, _ body: @escaping Body) {
        let relay = InterruptRelay()
        relay.begin(ongoing.request)
        let pace = tree.pace(plan, file, byteCount: ongoing.bytes?.count ?? 0)
        let waiting = tree.waitingRoom.wait(for: plan, pace: pace) { [self] end in
            relay.end(ongoing.request)
            switch end {
            case .over: answer(ongoing, plan, body)
            case .interrupted: refuse(ongoing, plan, Errno(EINTR))
            case .failed(let failure): refuse(ongoing, plan, failure)
            }
        }
        relay.relay(to: waiting)
    }

    private func answer(
        _ ongoing: Ongoing, _ plan: OperationPlan?,
        _ body: (OperationPlan?) throws(Errno) -> FuseRequest.Answer
    ) {
        do throws(Errno) {
            let answer = try body(plan)
            // Noted before it is sent, so that whoever has the answer finds it in the log.
            note(ongoing, plan, movedBytes: answer.movedBytes, nil)
            ongoing.request.send(answer)
        } catch {
            refuse(ongoing, plan, error)
        }
    }

    private func refuse(_ ongoing: Ongoing, _ plan: OperationPlan?, _ failure: Errno) {
        note(ongoing, plan, movedBytes: 0, failure)
        ongoing.request.fail(failure)
    }

    private func note(_ ongoing: Ongoing, _ plan: OperationPlan?, movedBytes: Int, _ failure: Errno?) {
        tree.recorder.note(
            OperationRecord(
                "fuse", ongoing.operation, ongoing.path, bytes: ongoing.bytes, start: ongoing.start,
                end: tree.now, failure: failure, movedBytes: movedBytes, injected: plan?.words ?? []))
    }
}

extension FuseRequest.Answer {
    /// Of a file's content.
    fileprivate var movedBytes: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .written(let count): count
        default: 0
        }
    }
}
