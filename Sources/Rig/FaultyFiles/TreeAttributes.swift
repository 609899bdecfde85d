package import Glibc

/// Names and attributes.
extension FaultyTree {
    /// As the store shows them.
    package func attributes(of path: String, _ plan: OperationPlan? = nil) throws(Errno) -> stat {
        try prepare(plan, on: path)
        var status = try trueAttributes(of: path)
        show(&status)
        lie(&status, size: plan?.claimedBytes, modification: plan?.claimedModification)
        try finish(plan)
        return status
    }

    package func attributes(of file: OpenFile, _ plan: OperationPlan? = nil) throws(Errno) -> stat {
        try prepare(plan, on: file.path)
        try checkFresh(file)
        var status = stat()
        guard fstat(file.descriptor, &status) == 0 else { throw Errno(errno) }
        show(&status)
        if let plan { file.claim(plan) }
        lie(&status, size: file.claimedBytes, modification: file.claimedModification)
        try finish(plan)
        return status
    }

    func trueAttributes(of path: String) throws(Errno) -> stat {
        var status = stat()
        guard fstatat(root, Self.place(path), &status, 0) == 0 else { throw Errno(errno) }
        return status
    }

    private func show(_ status: inout stat) {
        guard let content = knownState(status)?.content.withLock({ ($0.shownBytes, $0.changedAt) }) else {
            return
        }
        if let byteCount = content.0 { status.st_size = off_t(byteCount) }
        if let time = content.1 {
            status.st_mtim = timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
        }
    }

    private func lie(_ status: inout stat, size: Int64?, modification: Int64?) {
        if let size { status.st_size = off_t(max(0, size)) }
        if let modification { status.st_mtim = timespec(tv_sec: Int(modification), tv_nsec: 0) }
    }

    /// Gives the file another size or content to see; its bytes stay as they are.
    func change(_ path: String, as plan: OperationPlan) {
        guard let status = try? trueAttributes(of: path), status.st_mode & S_IFMT == S_IFREG else { return }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        fileState(status, path: path).content.withLock { content in
            let current = content.shownBytes ?? UInt64(status.st_size)
            switch plan.resizing {
            case .truncate(let byteCount): content.shownBytes = min(byteCount, current)
            case .grow(let byteCount): content.shownBytes = current &+ byteCount
            case nil: break
            }
            content.generation = plan.generation ?? content.generation
            content.changedAt = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        }
    }

    /// What faults have made of a file, for whoever reads it beside the store.
    package struct Appearance: Equatable, Sendable {
        /// Instead of its true size.
        package var byteCount: UInt64?
        /// Which other content it has; 0 for its own.
        package var generation: Int64

        package init(byteCount: UInt64? = nil, generation: Int64 = 0) {
            self.byteCount = byteCount
            self.generation = generation
        }
    }

    package func appearance(of path: String) -> Appearance {
        guard let status = try? trueAttributes(of: path), let known = knownState(status) else {
            return Appearance()
        }
        return known.content.withLock { Appearance(byteCount: $0.shownBytes, generation: $0.generation) }
    }

    /// Gives one file its true size and content again.
    package func mend(_ path: String) {
        guard let status = try? trueAttributes(of: path), let known = knownState(status) else { return }
        known.content.withLock { content in
            content.shownBytes = nil
            content.generation = 0
            content.changedAt = nil
        }
    }

    /// One name in a folder, with the number of its file.
    package struct FolderEntry: Equatable, Sendable {
        package let name: String
        package let inode: UInt64
        /// As in `st_mode`, the type alone.
        package let mode: UInt32
    }

    /// Sorted by name, with "." and ".." first.
    package func entries(of path: String, _ plan: OperationPlan? = nil) throws(Errno) -> [FolderEntry] {
        try prepare(plan, on: path)
        let descriptor = openat(root, Self.place(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Errno(errno) }
        guard let folder = fdopendir(descriptor) else {
            close(descriptor)
            throw Errno(errno)
        }
        defer { closedir(folder) }
        var found: [FolderEntry] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let mode = UInt32(entry.pointee.d_type) << 12
            found.append(FolderEntry(name: name, inode: UInt64(entry.pointee.d_ino), mode: mode))
        }
        try finish(plan)
        return found.sorted { $0.name < $1.name }
    }

    package func fileSystemStatus(_ plan: OperationPlan? = nil) throws(Errno) -> statvfs {
        try prepare(plan, on: "")
        var status = statvfs()
        guard fstatvfs(root, &status) == 0 else { throw Errno(errno) }
        if let free = plan?.claimedFreeBytes {
            let blocks = fsblkcnt_t(max(0, free)) / fsblkcnt_t(max(1, status.f_frsize))
            status.f_bfree = min(blocks, status.f_blocks)
            status.f_bavail = status.f_bfree
        }
        try finish(plan)
        return status
    }

    // MARK: Changes

    package func removeFile(_ path: String, _ plan: OperationPlan? = nil) throws(Errno) {
        try change(path, plan) { () throws(Errno) in
            let status = try? self.trueAttributes(of: path)
            guard unlinkat(self.root, path, 0) == 0 else { throw Errno(errno) }
            if let status, status.st_nlink <= 1 { self.forget(status) }
        }
    }

    package func removeFolder(_ path: String, _ plan: OperationPlan? = nil) throws(Errno) {
        try change(path, plan) { () throws(Errno) in
            let removesFolder: CInt = 0x200  // AT_REMOVEDIR
            guard unlinkat(self.root, path, removesFolder) == 0 else { throw Errno(errno) }
        }
    }

    package func makeFolder(_ path: String, mode: mode_t, _ plan: OperationPlan? = nil) throws(Errno) {
        try change(path, plan) { () throws(Errno) in
            guard mkdirat(self.root, path, mode) == 0 else { throw Errno(errno) }
        }
    }

    package func rename(_ path: String, to newPath: String, _ plan: OperationPlan? = nil) throws(Errno) {
        try change(path, plan) { () throws(Errno) in
            let replaced = try? self.trueAttributes(of: newPath)
            guard renameat(self.root, path, self.root, newPath) == 0 else { throw Errno(errno) }
            if let replaced, replaced.st_nlink <= 1 { self.forget(replaced) }
        }
    }

    /// Mode, owner and times, as far as given.
    package struct NewAttributes: Sendable {
        package var mode: mode_t?
        package var owner: (user: uid_t?, group: gid_t?)?
        /// Of access and of modification; `UTIME_OMIT` in the nanoseconds leaves one alone.
        package var times: (access: timespec, modification: timespec)?
        package init() {}
    }

    package func setAttributes(_ new: NewAttributes, of path: String, _ plan: OperationPlan? = nil)
        throws(Errno)
    {
        try change(path, plan) { () throws(Errno) in
            let place = Self.place(path)
            if let mode = new.mode, fchmodat(self.root, place, mode, 0) != 0 { throw Errno(errno) }
            if let owner = new.owner,
                fchownat(self.root, place, owner.user ?? .max, owner.group ?? .max, 0) != 0
            {
                throw Errno(errno)
            }
            if let times = new.times,
                utimensat(self.root, place, [times.access, times.modification], 0) != 0
            {
                throw Errno(errno)
            }
        }
    }

    func change(_ path: String, _ plan: OperationPlan?, _ body: () throws(Errno) -> Void) throws(Errno) {
        try prepare(plan, on: path)
        guard !isReadOnly else { throw Errno(EROFS) }
        if plan?.deed != .pretend { try body() }
        try finish(plan)
    }
}
