import FaultPoints
import Glibc

/// Open files and their bytes.
extension FaultyTree {
    /// - Parameter flags: As in open(2).
    package func open(_ path: String, flags: CInt, _ plan: OperationPlan? = nil) throws(Errno) -> OpenFile {
        try prepare(plan, on: path)
        if isReadOnly, flags & O_ACCMODE != O_RDONLY { throw Errno(EROFS) }
        let file = try openTruly(path, flags: flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY), mode: 0)
        if let plan { file.claim(plan) }
        try finish(plan)
        return file
    }

    package func create(_ path: String, flags: CInt, mode: UInt32, _ plan: OperationPlan? = nil)
        throws(Errno) -> OpenFile
    {
        try prepare(plan, on: path)
        guard !isReadOnly else { throw Errno(EROFS) }
        let file = try openTruly(path, flags: (flags & ~O_TRUNC) | O_CREAT, mode: mode)
        try finish(plan)
        return file
    }

    private func openTruly(_ path: String, flags: CInt, mode: UInt32) throws(Errno) -> OpenFile {
        // Writes look at what they replace, so they read as well; where they append is the kernel's choice,
        // and it says the offset with each write.
        var allowed = (flags & ~(O_APPEND | O_ACCMODE | Self.directAccess)) | O_CLOEXEC
        allowed |= flags & O_ACCMODE == O_RDONLY ? O_RDONLY : O_RDWR
        let descriptor = openat(root, Self.place(path), allowed, mode)
        guard descriptor >= 0 else { throw Errno(errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let number = errno
            Glibc.close(descriptor)
            throw Errno(number)
        }
        return OpenFile(
            path: path, descriptor: descriptor, state: fileState(status, path: path), epoch: epoch,
            isSynchronous: flags & O_DSYNC != 0)
    }

    /// O_DIRECT, which is behind _GNU_SOURCE: what is below need not be aligned because what is above is.
    private static let directAccess: CInt = 0o40000

    // MARK: Reading

    /// - Returns: how many bytes are there; less than asked for at the end, and where a fault makes it less.
    package func read(
        _ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64,
        _ plan: OperationPlan? = nil
    ) throws(Errno) -> Int {
        try prepare(plan, on: file.path)
        try checkFresh(file)
        if let plan { file.claim(plan) }
        var byteCount = try readTruly(file, into: buffer, at: offset)
        if let end = file.claimedBytes {
            byteCount = Int(clamping: min(Int64(byteCount), max(0, end - Int64(clamping: offset))))
        }
        guard let plan else { return byteCount }
        let data = UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount])
        for corruption in plan.corruptions {
            DataFaults.apply(corruption, to: data) { data, other in
                replace(data, of: file, at: offset, with: other)
            }
        }
        if let sectors = plan.tornSectors {
            DataFaults.tear(data, sectors: sectors) { piece, start in
                piece.initializeMemory(as: UInt8.self, repeating: 0)
                file.state.copyEarlier(to: piece, at: offset + UInt64(start))
            }
        }
        byteCount = max(min(1, byteCount), byteCount - plan.missingBytes)
        try finish(plan)
        return byteCount
    }

    private func replace(
        _ data: UnsafeMutableRawBufferPointer, of file: OpenFile, at offset: UInt64,
        with other: DataFaults.Other
    ) {
        switch other {
        case .earlier: file.state.copyEarlier(to: data, at: offset)
        case .further(let distance):
            let place = Int64(clamping: offset) + Int64(distance)
            let byteCount = try? readTruly(file, into: data, at: UInt64(max(0, place)))
            UnsafeMutableRawBufferPointer(rebasing: data[(byteCount ?? 0)...])
                .initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    /// Overwrites what the last write replaced with what was there before it.
    package func copyEarlier(of file: OpenFile, to data: UnsafeMutableRawBufferPointer, at offset: UInt64) {
        file.state.copyEarlier(to: data, at: offset)
    }

    private func readTruly(
        _ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(Errno) -> Int {
        let (shownBytes, generation) = file.state.content.withLock { ($0.shownBytes, $0.generation) }
        var visible = buffer
        if let shownBytes {
            guard offset < shownBytes else { return 0 }
            let count = Int(min(UInt64(buffer.count), shownBytes - offset))
            visible = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        }
        var done = try Self.readFully(file.descriptor, into: visible, at: offset)
        if shownBytes != nil {
            UnsafeMutableRawBufferPointer(rebasing: visible[done...])
                .initializeMemory(as: UInt8.self, repeating: 0)
            done = visible.count
        }
        if generation != 0 {
            DataFaults.replace(
                UnsafeMutableRawBufferPointer(rebasing: visible[..<done]), at: offset, generation: generation)
        }
        return done
    }

    private static func readFully(
        _ descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(Errno) -> Int {
        guard offset <= UInt64(Int64.max) - UInt64(buffer.count) else { return 0 }
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + off_t(done))
            if count > 0 {
                done += count
            } else if count == 0 {
                break
            } else if errno != EINTR {
                throw Errno(errno)
            }
        }
        return done
    }

    // MARK: Writing

    /// - Returns: how many bytes are said to be written.
    package func write(
        _ file: OpenFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ plan: OperationPlan? = nil
    ) throws(Errno) -> Int {
        try prepare(plan, on: file.path)
        try checkFresh(file)
        guard !isReadOnly else { throw Errno(EROFS) }
        guard let plan else {
            try writeSeen(file, bytes, at: offset)
            return bytes.count
        }
        let byteCount = max(min(1, bytes.count), bytes.count - plan.missingBytes)
        if plan.deed != .pretend {
            try write(
                file, UnsafeRawBufferPointer(rebasing: bytes[..<byteCount]), at: offset, changedBy: plan)
        }
        try finish(plan)
        return byteCount
    }

    private func write(
        _ file: OpenFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64, changedBy plan: OperationPlan
    ) throws(Errno) {
        guard !plan.corruptions.isEmpty || plan.tornSectors != nil else {
            return try writeSeen(file, bytes, at: offset)
        }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        defer { copy.deallocate() }
        copy.copyMemory(from: bytes)
        for corruption in plan.corruptions {
            DataFaults.apply(corruption, to: copy) { data, other in
                switch other {
                case .earlier: _ = try? readTruly(file, into: data, at: offset)
                case .further(let byteCount): DataFaults.rotate(data, by: byteCount)
                }
            }
        }
        let missing = plan.tornSectors.map { DataFaults.missingSectors(of: copy.count, sectors: $0) } ?? []
        var position = 0
        for gap in missing + [copy.count..<copy.count] {
            let piece = UnsafeRawBufferPointer(rebasing: copy[position..<gap.lowerBound])
            if !piece.isEmpty { try writeSeen(file, piece, at: offset + UInt64(position)) }
            position = gap.upperBound
        }
    }

    /// So that a read gives back what is written, whatever content the file seems to have.
    private func writeSeen(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64)
        throws(Errno)
    {
        let generation = file.state.content.withLock { $0.generation }
        guard generation != 0 else { return try writeTruly(file, bytes, at: offset) }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        defer { copy.deallocate() }
        copy.copyMemory(from: bytes)
        DataFaults.replace(copy, at: offset, generation: generation)
        try writeTruly(file, UnsafeRawBufferPointer(copy), at: offset)
    }

    private func writeTruly(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64)
        throws(Errno)
    {
        guard offset <= UInt64(Int64.max) - UInt64(bytes.count) else { throw Errno(EFBIG) }
        try rememberReplaced(file, byteCount: bytes.count, at: offset)
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                file.descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset) + off_t(done))
            if count >= 0 { done += count } else if errno != EINTR { throw Errno(errno) }
        }
        file.state.content.withLock { content in
            if let shown = content.shownBytes {
                content.shownBytes = max(shown, offset + UInt64(bytes.count))
            }
        }
        if file.isSynchronous { try syncTruly(file) }
    }

    private func rememberReplaced(_ file: OpenFile, byteCount: Int, at offset: UInt64) throws(Errno) {
        var status = stat()
        guard fstat(file.descriptor, &status) == 0 else { throw Errno(errno) }
        var failure: Errno?
        let replaced = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            do throws(Errno) {
                count = try Self.readFully(
                    file.descriptor, into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        file.state.remember(
            FileState.Replaced(offset: offset, bytes: replaced, fileBytes: UInt64(status.st_size)),
            isSynced: file.isSynchronous, limit: Self.maximumUnsyncedBytes)
    }

    // MARK: Syncing and sizes

    /// Makes what was written last. A fault that fails or only pretends leaves it unsynced.
    package func sync(_ file: OpenFile, _ plan: OperationPlan? = nil) throws(Errno) {
        try prepare(plan, on: file.path)
        try checkFresh(file)
        if plan?.deed != .pretend { try syncTruly(file) }
        try finish(plan)
    }

    private func syncTruly(_ file: OpenFile) throws(Errno) {
        guard fdatasync(file.descriptor) == 0 else { throw Errno(errno) }
        file.state.forgetUnsynced()
    }

    /// What a close(2) asks for: tells of errors, syncs nothing.
    package func flush(_ file: OpenFile, _ plan: OperationPlan? = nil) throws(Errno) {
        try prepare(plan, on: file.path)
        try checkFresh(file)
        try finish(plan)
    }

    /// The last close. Its faults are only seen in the log: nobody waits for the answer.
    package func release(_ file: OpenFile, _ plan: OperationPlan? = nil) throws(Errno) {
        try prepare(plan, on: file.path)
        try finish(plan)
    }

    /// Lasts at once: cutting off is not undone by a crash.
    package func setSize(_ byteCount: UInt64, of path: String, _ plan: OperationPlan? = nil) throws(Errno) {
        try change(path, plan) { () throws(Errno) in
            guard byteCount <= UInt64(Int64.max) else { throw Errno(EFBIG) }
            let file = try self.openTruly(path, flags: O_WRONLY, mode: 0)
            guard ftruncate(file.descriptor, off_t(byteCount)) == 0 else { throw Errno(errno) }
            file.state.content.withLock { $0.shownBytes = nil }
            file.state.forgetUnsynced()
        }
    }
}
