package import BlockStorage
import Glibc
import HTTPRanges
import LinuxPlatform
import Synchronization

/// What a name on the server stands for.
package enum ServedImage: Sendable {
    /// Opened anew for each request, so that a change of the file shows, as it does with other servers.
    case file(path: String)
    /// - Parameter version: Part of the ETag: another number says that the content is another.
    case store(any BlockStore, version: Int)
    case kept(by: any ServedFolder, name: String)

    static func store(_ store: any BlockStore) -> ServedImage { .store(store, version: 1) }

    func open() -> Result<OpenedImage, ServedFailure> {
        switch self {
        case .file(let path): OpenedImage(path: path).map { .success($0) } ?? .failure(.missing)
        case .store(let store, let version): .success(OpenedImage(store: store, version: version))
        case .kept(let folder, let name): folder.open(name).map { OpenedImage(served: $0) }
        }
    }
}

/// An image for the time of one request.
final class OpenedImage {
    private enum Content {
        case file(CInt)
        case store(any BlockStore)
        case served(any ServedFile)
    }

    let subject: ImageResponse.Subject
    private let content: Content

    init?(path: String) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            Glibc.close(descriptor)
            return nil
        }
        let time = status.st_mtim
        let tag = [Int(status.st_size), time.tv_sec, time.tv_nsec].map { String($0, radix: 16) }.joined(
            separator: "-")
        subject = ImageResponse.Subject(
            byteCount: UInt64(status.st_size), entityTag: "\"\(tag)\"", modifiedAt: Int64(time.tv_sec))
        content = .file(descriptor)
    }

    init(store: any BlockStore, version: Int) {
        // No store knows when it changed; a day's fraction later for each version will do.
        subject = ImageResponse.Subject(
            byteCount: store.byteCount, entityTag: "\"\(String(store.byteCount, radix: 16))-v\(version)\"",
            modifiedAt: 1_700_000_000 + Int64(version))
        content = .store(store)
    }

    init(served file: any ServedFile) {
        subject = file.subject
        content = .served(file)
    }

    deinit {
        if case .file(let descriptor) = content { Glibc.close(descriptor) }
    }

    /// Fills `buffer`, blocking.
    ///
    /// - Returns: whether all of it is there.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool {
        switch content {
        case .file(let descriptor): Self.read(descriptor, into: buffer, at: offset)
        case .store(let store as any DirectBlockStore): (try? store.readNow(into: buffer, at: offset)) != nil
        case .store(let store): Self.waitForRead(store, into: buffer, at: offset)
        case .served(let file): file.read(into: buffer, at: offset)
        }
    }

    /// Only those who keep images for the server know what was there before.
    func copyEarlier(to buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) {
        if case .served(let file) = content { file.copyEarlier(to: buffer, at: offset) }
    }

    private static func read(
        _ descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) -> Bool {
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + off_t(done))
            if count > 0 { done += count } else if count == 0 || errno != EINTR { return false }
        }
        return true
    }

    /// The connection has a thread of its own, so it may wait for a store that suspends. So has the store's
    /// work: in Swift's shared pool it would stand behind whatever else the process computes, and the client
    /// takes a silence for a stall.
    private static func waitForRead(
        _ store: any BlockStore, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) -> Bool {
        nonisolated(unsafe) let memory = buffer
        let outcome = Signal<Bool>()
        let executor = ThreadExecutor(name: "https store")
        defer { executor.stop() }
        Task.detached(executorPreference: executor) {
            outcome.send((try? await store.read(into: memory, at: offset)) != nil)
        }
        return outcome.receive()
    }
}
