import BlockStorage
import NBDProtocol
import WireFormat

/// From the image to a connection in transmission.
extension MediaPath {
    /// The kernel's CD-ROM emulation refuses less than 300 sectors and cuts off what is past the
    /// capacity of a medium of 256 minutes (f_mass_storage).
    static let smallestDiscBytes: UInt64 = 300 * 2048
    static let largestDiscBytes: UInt64 = (256 * 60 * 75 - 1) * 2048
    static let smallestDiskBytes: UInt64 = 512
    /// Received at once during a handshake.
    private static let handshakeBufferBytes = 4096

    func openImage() async throws(SlotFailure) {
        try checkInterruption()
        let attempt = self.attempt
        let request = self.request
        let store: any BlockStore
        let trouble = sourceTrouble
        do throws(ImageError) {
            store = try await platform.images.open(
                ImageRequest(
                    url: request.imageURL, credentials: request.credentials,
                    isReadWrite: request.isReadWrite, authorities: request.authorities,
                    timeout: .seconds(slot.timeoutSeconds),
                    readFailed: { trouble.note($0) }))
        } catch { throw SlotFailure(error) }
        guard keep(attempt, { $0.store = store }) else {
            await store.close()
            throw SlotFailure(.cancelled, "cancelled")
        }
        if request.isReadWrite, store.isReadOnly {
            throw SlotFailure(.readOnly, "the image cannot be written; mount it read-only")
        }
        try checkSize(store.byteCount)
        try await serve(store, attempt)
    }

    private func serve(_ store: any BlockStore, _ attempt: UInt64) async throws(SlotFailure) {
        let export = try await system { () throws(SystemError) in
            try await platform.exports.serve(store, for: slot.name)
        }
        guard keep(attempt, { $0.export = export }) else {
            await export.stop()
            throw SlotFailure(.cancelled, "cancelled")
        }
    }

    func connect() async throws(SlotFailure) {
        let attempt = self.attempt
        let (first, medium) = try await openConnection()
        var channels = [first]
        do throws(SlotFailure) {
            try checkSize(medium.byteCount)
            if medium.flags.contains(.canMultiConnect) {
                for _ in 1..<slot.connectionCount { channels.append(try await openConnection(to: medium)) }
            }
            let isKept = keep(attempt) {
                $0.channels = channels
                $0.attachedCount = channels.count
                $0.expectedCount = channels.count
                $0.medium = medium
            }
            guard isKept else { throw SlotFailure(.cancelled, "cancelled") }
        } catch {
            for channel in channels { channel.close() }
            throw error
        }
    }

    /// Seeks the lost source again, for as many connections as were lost; the medium must be the one that the host has.
    func reconnect() async throws(SlotFailure) {
        let attempt = self.attempt
        let (live, attached) = held.withLock { ($0.liveCount, $0.attachedCount) }
        let (first, found) = try await openConnectionAgain(attempt)
        var channels = [first]
        do throws(SlotFailure) {
            try checkIsSame(found)
            // Another server may allow fewer.
            let wanted = found.flags.contains(.canMultiConnect) ? attached : 1
            while live + channels.count < wanted { channels.append(try await openConnection(to: found)) }
            guard held.withLock({ $0.attempt == attempt && !$0.isReleased }) else {
                throw SlotFailure(.cancelled, "cancelled")
            }
            let fresh = channels
            try await system { () throws(SystemError) in
                try await platform.nbd.reconfigure(slot.device, connections: fresh)
            }
            let isKept = keep(attempt) { held in
                held.channels.removeAll(where: \.isClosed)
                held.channels += fresh
                held.expectedCount = wanted
            }
            guard isKept else { throw SlotFailure(.cancelled, "cancelled") }
        } catch {
            for channel in channels { channel.close() }
            throw error
        }
    }

    /// A Legacy slot whose server has died gets another one for the same open image, which knows the version
    /// that it began with and holds what was written: opened anew it might be another one of the same size.
    private func openConnectionAgain(_ attempt: UInt64) async throws(SlotFailure)
        -> (any ByteChannel, ExportInfo)
    {
        do throws(SlotFailure) { return try await openConnection() } catch {
            guard slot.mode == .legacy, error.code != .cancelled else { throw error }
            try await serveAgain(attempt)
            return try await openConnection()
        }
    }

    private func serveAgain(_ attempt: UInt64) async throws(SlotFailure) {
        let (dead, store) = held.withLock { held in
            defer { held.export = nil }
            return (held.export, held.store)
        }
        await dead?.stop()
        guard let store else { throw SlotFailure(.connectionLost, "the image is closed") }
        try await serve(store, attempt)
    }

    private func checkIsSame(_ found: ExportInfo) throws(SlotFailure) {
        guard let mounted = medium,
            found.byteCount != mounted.byteCount || found.isReadOnly != mounted.isReadOnly
        else { return }
        throw SlotFailure(
            .changed,
            "the image is another one now: \(found.byteCount) bytes, \(access(found)); "
                + "mounted were \(mounted.byteCount) bytes, \(access(mounted))")
    }

    func closeImage() async {
        let (export, store) = held.withLock { held in
            defer {
                held.export = nil
                held.store = nil
            }
            return (held.export, held.store)
        }
        await export?.stop()
        await store?.close()
    }

    // MARK: Parts

    /// - Returns: `false`, and keeps nothing, when the mount or this attempt was given up meanwhile.
    private var attempt: UInt64 { held.withLock { $0.attempt } }

    private func keep(_ attempt: UInt64, _ assign: (inout Held) -> Void) -> Bool {
        held.withLock {
            guard !$0.isReleased, $0.attempt == attempt else { return false }
            assign(&$0)
            return true
        }
    }

    private func access(_ medium: ExportInfo) -> String { medium.isReadOnly ? "read-only" : "read-write" }

    private func checkSize(_ byteCount: UInt64) throws(SlotFailure) {
        guard byteCount >= Self.smallestDiskBytes else {
            throw SlotFailure(.empty, "the image has \(byteCount) bytes; a disk has at least 512")
        }
        guard request.kind == .cdrom else { return }
        guard byteCount >= Self.smallestDiscBytes else {
            throw SlotFailure(
                .empty, "the image has \(byteCount) bytes; a CD-ROM has at least \(Self.smallestDiscBytes)")
        }
        guard byteCount <= Self.largestDiscBytes else {
            throw SlotFailure(
                .tooLarge,
                "the image has \(byteCount) bytes; as a CD-ROM the kernel shows at most "
                    + "\(Self.largestDiscBytes); mount it as a disk")
        }
    }

    /// One more connection to a server that allows several.
    private func openConnection(to medium: ExportInfo) async throws(SlotFailure) -> any ByteChannel {
        let (channel, found) = try await openConnection()
        guard found == medium else {
            channel.close()
            throw SlotFailure(.changed, "the server offers another image on each connection")
        }
        return channel
    }

    private func openConnection() async throws(SlotFailure) -> (any ByteChannel, ExportInfo) {
        try checkInterruption()
        let channel = slot.mode == .proxy ? try await openSocket() : try await openExport()
        let mayGoOn = held.withLock {
            $0.connecting = channel
            return !$0.isInterrupted
        }
        defer { held.withLock { $0.connecting = nil } }
        do throws(SlotFailure) {
            guard mayGoOn else { throw SlotFailure(.cancelled, "cancelled") }
            return (channel, try await shakeHands(on: channel))
        } catch {
            channel.close()
            throw error
        }
    }

    private func openExport() async throws(SlotFailure) -> any ByteChannel {
        guard let export = held.withLock({ $0.export }) else {
            throw SlotFailure(.connectionLost, "no server runs for the image")
        }
        return try await system { () throws(SystemError) in try await export.connect() }
    }

    private func openSocket() async throws(SlotFailure) -> any ByteChannel {
        do throws(SystemError) { return try await platform.sockets.connect(to: slot.socket) } catch {
            throw SocketFailure.explain(error, path: slot.socket)
        }
    }

    private func shakeHands(on channel: any ByteChannel) async throws(SlotFailure) -> ExportInfo {
        var handshake = ClientHandshake(exportName: "")
        while true {
            let bytes = try await receive(from: channel)
            guard !bytes.isEmpty else { throw try hungUp() }
            let actions: [ClientHandshake.Action]
            do throws(ProtocolViolation) { actions = try handshake.receive(bytes) } catch {
                throw SlotFailure(.notAnExport, error.description)
            }
            for action in actions {
                switch action {
                case .send(let bytes): try await say(bytes, on: channel)
                case .ready(let medium, let leftover):
                    guard leftover.isEmpty else {
                        throw SlotFailure(.notAnExport, "the server sent \(leftover.count) bytes unasked")
                    }
                    return medium
                case .refused(let refusal):
                    let words = refusal.message.isEmpty ? "" : ": \(refusal.message)"
                    throw SlotFailure(.notAnExport, "the NBD server refused the export\(words)")
                }
            }
        }
    }

    /// Whether a hang-up is noticed by reading or by writing is chance; it means the same.
    private func say(_ bytes: [UInt8], on channel: any ByteChannel) async throws(SlotFailure) {
        do throws(SystemError) { try await channel.write(bytes[...]) } catch {
            guard [Errno.brokenPipe, Errno.connectionReset].contains(error.errno) else {
                throw SlotFailure(error)
            }
            throw try hungUp()
        }
    }

    /// - Throws: instead, when it was we who gave up.
    private func hungUp() throws(SlotFailure) -> SlotFailure {
        try checkInterruption()
        return SlotFailure(.notAnExport, "the server hung up during the NBD handshake")
    }

    private func receive(from channel: any ByteChannel) async throws(SlotFailure) -> Bytes {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.handshakeBufferBytes, alignment: 16)
        defer { buffer.deallocate() }
        let count = try await system { () throws(SystemError) in try await channel.read(into: buffer) }
        return Array(buffer.prefix(count))[...]
    }
}

/// Says what is wrong with a slot's socket.
enum SocketFailure {
    static func explain(_ error: SystemError, path: String) -> SlotFailure {
        switch error.errno {
        case Errno.noEntry:
            SlotFailure(.notFound, "no socket at \(path); the client that serves the image is not there")
        case Errno.connectionRefused:
            SlotFailure(
                .connectionRefused, "nobody listens at \(path); it was left by a client that has gone")
        case Errno.notASocket: SlotFailure(.notASocket, "\(path) is not a socket")
        case Errno.nameTooLong:
            SlotFailure(.pathTooLong, "the socket path \(path) has more than 107 bytes")
        case Errno.accessDenied: SlotFailure(.forbidden, "no permission to connect to \(path)")
        default: SlotFailure(error)
        }
    }
}
