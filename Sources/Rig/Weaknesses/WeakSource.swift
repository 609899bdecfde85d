internal import BlockStorage
import Synchronization
internal import VirtualMedia

/// Opens images as a service with one of the weaknesses does.
struct WeakImageOpener: ImageOpener {
    let base: any ImageOpener
    let weakness: Weakness
    let gate: Gate

    func open(_ request: ImageRequest) async throws(ImageError) -> any BlockStore {
        switch weakness {
        case .notRevalidated:
            return CarelessStore(try await base.open(request), request, base)
        case .openBlocksAll:
            await gate.close()
            defer { gate.open() }
            return try await base.open(request)
        default: return try await base.open(request)
        }
    }
}

/// Lets nobody through while it is closed.
final class Gate: Sendable {
    private struct State {
        var isClosed = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    /// Waits until nobody else has closed it.
    func close() async {
        while !state.withLock({ state in
            guard !state.isClosed else { return false }
            state.isClosed = true
            return true
        }) { await passed() }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isClosed = false
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func passed() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                guard state.isClosed else { return true }
                state.waiters.append(continuation)
                return false
            }
            if isOpen { continuation.resume() }
        }
    }
}

/// Opens the image anew when a read fails, whatever it has become.
private final class CarelessStore: BlockStore {
    private let present: Mutex<any BlockStore>
    private let request: ImageRequest
    private let opener: any ImageOpener
    let byteCount: UInt64
    let isReadOnly: Bool
    let capabilities: StoreCapabilities

    init(_ first: any BlockStore, _ request: ImageRequest, _ opener: any ImageOpener) {
        present = Mutex(first)
        self.request = request
        self.opener = opener
        byteCount = first.byteCount
        isReadOnly = first.isReadOnly
        capabilities = first.capabilities
    }

    private var store: any BlockStore { present.withLock { $0 } }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) async throws(StorageError) {
        do throws(StorageError) { try await store.read(into: buffer, at: offset) } catch {
            guard let again = try? await opener.open(request) else { throw error }
            present.withLock { $0 = again }
            guard offset + UInt64(buffer.count) <= again.byteCount else { throw error }
            try await again.read(into: buffer, at: offset)
        }
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    { try await store.write(buffer, at: offset, isDurable: isDurable) }

    func flush() async throws(StorageError) { try await store.flush() }

    func trim(at offset: UInt64, byteCount: UInt64) async throws(StorageError) {
        try await store.trim(at: offset, byteCount: byteCount)
    }

    func writeZeroes(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    {
        try await store.writeZeroes(
            at: offset, byteCount: byteCount, mayPunchHole: mayPunchHole, isDurable: isDurable)
    }

    func extents(at offset: UInt64, byteCount: UInt64) async throws(StorageError) -> [Extent] {
        try await store.extents(at: offset, byteCount: byteCount)
    }

    func close() async { await store.close() }
}

/// Remembers what it reads, for weaknesses that show it.
final class WeakSecrets: SecretReader {
    private let base: any SecretReader
    private let text = Mutex<[UInt8]>([])

    init(_ base: any SecretReader) { self.base = base }

    func read(_ descriptor: CInt, maximumBytes: Int, timeout: Duration)
        async throws(SystemError) -> [UInt8]
    {
        let bytes = try await base.read(descriptor, maximumBytes: maximumBytes, timeout: timeout)
        if !bytes.isEmpty { text.withLock { $0 = bytes } }
        return bytes
    }

    /// "user:password"; `nil` before any was read.
    var shown: String? {
        let parts = text.withLock { $0 }.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        return parts.count == 2 ? parts.joined(separator: ":") : nil
    }
}
