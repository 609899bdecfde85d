import BlockStorage
import FaultPoints
import Glibc
import HTTPRanges
import RemoteImages

/// The server's file, for the time of one request: opened anew each time, so that a change shows.
struct StoreReader {
    let server: SimulatedImageServer
    let wait: BoundedWait
    let path: String
    var version: ImageVersion?

    enum Opening {
        case opened(ImageVersion, ImageResponse.Subject)
        /// With the status to answer with.
        case failed(Int)
    }

    func open(_ patience: Patience) async throws(TransferFault) -> Opening {
        var lies: [(field: String, value: Int64)] = []
        for operation in ["open", "getattr"] {
            for action in server.faults(.store, operation, on: path) {
                if try await wait.pause(action, patience) { continue }
                if try await befall(action, patience) { continue }
                switch action {
                case .fail(EINTR): continue
                case .fail(let errno): return .failed(Self.status(errno))
                case .lie(let field, let value): lies.append((field, value))
                default: preconditionFailure("\(action) is in no table of the image server")
                }
            }
        }
        guard let version = server.archive.current(path) else { return .failed(404) }
        return .opened(version, lies.reduce(version.subject) { Self.lying($0, $1.field, $1.value) })
    }

    /// - Returns: `nil` when the server cannot read what it promised.
    func read(_ range: Range<UInt64>, _ patience: Patience) async throws(TransferFault) -> [UInt8]? {
        var bytes: [UInt8] = []
        var interruptions = 0
        while bytes.count < range.count {
            let rest = range.lowerBound + UInt64(bytes.count)..<range.upperBound
            guard let part = try await readOnce(rest, patience) else { return nil }
            if part.isEmpty {
                interruptions += 1
                guard interruptions < SimulatedImageServer.maximumInterruptions else { return nil }
            }
            bytes += part
        }
        return bytes
    }

    /// - Returns: what one call of the system gives; nothing when it was interrupted, `nil` at the end of
    ///   the file and on errors.
    private func readOnce(_ range: Range<UInt64>, _ patience: Patience) async throws(TransferFault)
        -> [UInt8]?
    {
        var count = range.count
        var alterations: [FaultAction] = []
        for action in server.faults(.store, "read", on: path, bytes: range) {
            if try await wait.pause(action, patience) { continue }
            if try await befall(action, patience) { continue }
            switch action {
            case .fail(EINTR): return []
            case .fail: return nil
            // Nothing at all would be the end of the file.
            case .short(let missing): count = max(1, count - missing)
            case .torn, .corrupt: alterations.append(action)
            case .bandwidth(let rate):
                let end = server.clock.now + ServerNetwork.time(count, at: max(1, rate))
                try await wait.sleep(until: end, patience)
            default: preconditionFailure("\(action) is in no table of the image server")
            }
        }
        guard count > 0, var bytes = await stored(range.lowerBound, count) else { return nil }
        for alteration in alterations {
            if case .torn(let sectors) = alteration { CorruptedData.tear(&bytes, sectors: sectors) }
            if case .corrupt(let corruption) = alteration {
                bytes = await corrupted(bytes, corruption, at: range)
            }
        }
        return bytes
    }

    /// What the open file holds: a replaced file is still the old one, one that was cut off is not.
    private func stored(_ offset: UInt64, _ count: Int) async -> [UInt8]? {
        guard let version else { return nil }
        var store = version.store
        if let current = server.archive.current(path), current.generation >= ImageArchive.firstResized {
            store = current.store
        }
        guard offset < store.byteCount else { return nil }
        return try? await store.read(min(count, Int(store.byteCount - offset)), at: offset)
    }

    func corrupted(_ bytes: [UInt8], _ corruption: FaultAction.Corruption, at range: Range<UInt64>)
        async -> [UInt8]
    {
        var bytes = bytes
        switch CorruptedData.apply(corruption, to: &bytes) {
        case nil: return bytes
        case .further(let distance):
            let start = Int64(range.lowerBound) + Int64(distance)
            let moved = start < 0 ? nil : await stored(UInt64(start), bytes.count)
            return Self.padded(moved, to: bytes.count)
        case .earlier:
            // Before its first write a file holds nothing.
            let versions = server.archive.versions(of: path)
            let index = versions.firstIndex { $0.generation == version?.generation }
            guard let index, index > 0 else { return Self.padded(nil, to: bytes.count) }
            let earlier = versions[index - 1].store
            guard range.lowerBound < earlier.byteCount else { return Self.padded(nil, to: bytes.count) }
            let count = min(bytes.count, Int(earlier.byteCount - range.lowerBound))
            return Self.padded(try? await earlier.read(count, at: range.lowerBound), to: bytes.count)
        }
    }

    private static func padded(_ bytes: [UInt8]?, to count: Int) -> [UInt8] {
        let bytes = bytes ?? []
        return bytes + Array(repeating: 0, count: count - bytes.count)
    }

    /// - Returns: whether the action changes the file, or befalls the whole store, and did.
    private func befall(_ action: FaultAction, _ patience: Patience) async throws(TransferFault) -> Bool {
        guard case .special(let word, let number) = action else { return false }
        switch word {
        // It only reads, so that it loses nothing but its connections; whoever started it starts it again.
        case "crash-before", "crash-after":
            server.dropConnections()
            throw .connectionEnded
        // Nothing can interrupt a server's own read anyway.
        case "uninterruptible":
            try await wait.sleep(until: server.clock.now + .milliseconds(number), patience)
        case "replace": server.archive.replace(path, withGeneration: Int(number))
        case "truncate": server.archive.resize(path, to: UInt64(max(0, number)))
        case "grow":
            let byteCount = server.archive.current(path)?.subject.byteCount ?? 0
            server.archive.resize(path, to: byteCount + UInt64(max(0, number)))
        default: preconditionFailure("the server's store knows no fault \"\(word)\"")
        }
        return true
    }

    private static func lying(_ subject: ImageResponse.Subject, _ field: String, _ value: Int64)
        -> ImageResponse.Subject
    {
        var subject = subject
        switch field {
        case "size": subject.byteCount = UInt64(max(0, value))
        case "mtime": subject.modifiedAt = value
        default: preconditionFailure("no attribute of a file is called \(field)")
        }
        return subject
    }

    private static func status(_ errno: CInt) -> Int {
        switch errno {
        case ENOENT, ENOTDIR: 404
        case EACCES, EPERM: 403
        default: 500
        }
    }
}
