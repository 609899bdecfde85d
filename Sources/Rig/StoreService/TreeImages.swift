package import FaultyFiles
import Glibc
import HTTPRanges
package import RemoteStore

/// The store's files as the HTTPS server wants them. It reads them as the mount does, faults and all, but
/// not through the kernel: a process that waits for a file system of its own cannot be killed.
package struct TreeImages: ServedFolder {
    let tree: FaultyTree

    package init(tree: FaultyTree) { self.tree = tree }

    package func open(_ name: String) -> Result<any ServedFile, ServedFailure> {
        do throws(Errno) {
            let file = try carryOut(.open, name) { plan throws(Errno) in
                try tree.open(name, flags: O_RDONLY, plan)
            }
            let status = try carryOut(.getattr, name) { plan throws(Errno) in
                try tree.attributes(of: file, plan)
            }
            guard status.st_mode & S_IFMT == S_IFREG else { return .failure(.missing) }
            return .success(TreeImage(images: self, file: file, status: status))
        } catch {
            return .failure(Self.failure(error))
        }
    }

    /// What a web server makes of it.
    private static func failure(_ error: Errno) -> ServedFailure {
        switch error.number {
        case ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG: .missing
        case EACCES, EPERM: .forbidden
        case ENOTCONN, ETIMEDOUT, EHOSTDOWN, EBUSY, EAGAIN: .unavailable
        default: .broken
        }
    }

    /// Plans, waits on this thread, carries out, and notes it.
    func carryOut<Value>(
        _ operation: StoreOperation, _ path: String, _ file: OpenFile? = nil, bytes: Range<UInt64>? = nil,
        _ body: (OperationPlan?) throws(Errno) -> Value
    ) throws(Errno) -> Value {
        let start = tree.now
        let plan = tree.plan(operation, on: path, bytes: bytes)
        do throws(Errno) {
            if let plan, plan.waits {
                let pace = tree.pace(plan, file, byteCount: bytes?.count ?? 0)
                switch tree.waitingRoom.waitBlocking(for: plan, pace: pace) {
                case .over: break
                case .interrupted: throw Errno(EINTR)
                case .failed(let failure): throw failure
                }
            }
            let value = try body(plan)
            note(operation, path, bytes, start, plan, moved: value as? Int ?? 0, nil)
            return value
        } catch {
            note(operation, path, bytes, start, plan, moved: 0, error)
            throw error
        }
    }

    private func note(
        _ operation: StoreOperation, _ path: String, _ bytes: Range<UInt64>?, _ start: Duration,
        _ plan: OperationPlan?, moved: Int, _ failure: Errno?
    ) {
        tree.recorder.note(
            OperationRecord(
                "https", operation, path, bytes: bytes, start: start, end: tree.now, failure: failure,
                movedBytes: moved, injected: plan?.words ?? []))
    }
}

private struct TreeImage: ServedFile {
    let images: TreeImages
    let file: OpenFile
    let subject: ImageResponse.Subject

    init(images: TreeImages, file: OpenFile, status: stat) {
        self.images = images
        self.file = file
        let time = status.st_mtim
        let tag = [Int(status.st_size), time.tv_sec, time.tv_nsec].map { String($0, radix: 16) }
        subject = ImageResponse.Subject(
            byteCount: UInt64(max(0, status.st_size)), entityTag: "\"\(tag.joined(separator: "-"))\"",
            modifiedAt: Int64(time.tv_sec))
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let position = offset + UInt64(done)
            do throws(Errno) {
                let count = try images.carryOut(
                    .read, file.path, file, bytes: position..<position + UInt64(rest.count)
                ) { plan throws(Errno) in try images.tree.read(file, into: rest, at: position, plan) }
                // What is not there cannot be sent.
                guard count > 0 else { return false }
                done += count
            } catch {
                guard error.number == EINTR else { return false }
            }
        }
        return true
    }

    func copyEarlier(to buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) {
        images.tree.copyEarlier(of: file, to: buffer, at: offset)
    }
}
