import BlockStorage
import LinuxPlatform
import NBDProtocol
import NBDServer
import VirtualMedia

/// An NBD server with connections that are past their handshake, ready to be handed to the driver.
struct ContractServer {
    static let image: [UInt8] = {
        // Each 8-byte word is its own offset: a shifted or stale block gives itself away.
        var bytes: [UInt8] = []
        for offset in stride(from: UInt64(0), to: 1 << 20, by: 8) {
            withUnsafeBytes(of: offset.bigEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }()

    let server: NBDServer

    init() { server = NBDServer(store: MemoryStore(Self.image)) }

    func connect() async throws -> SocketChannel {
        let (near, far) = try SystemSockets.pair()
        let channel = SocketChannel(owning: far)
        guard server.serve(descriptor: near) != nil else { throw ContractBreach("the server is full") }
        var handshake = ClientHandshake(exportName: "")
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try await channel.read(into: buffer)
            guard count > 0 else { throw ContractBreach("the server hung up") }
            for action in try handshake.receive(Array(buffer[..<count])[...]) {
                switch action {
                case .send(let bytes): try await channel.write(bytes[...])
                case .ready: return channel
                case .refused(let refusal): throw refusal
                }
            }
        }
    }

    func stop() async { await server.stop() }

    static func attachment(
        _ device: String, isReadOnly: Bool = true, blockBytes: UInt32 = 512, canMultiConnect: Bool = false,
        requestTimeout: Duration? = .seconds(2), deadConnectionTimeout: Duration = .zero
    ) -> NBDAttachment {
        var flags: TransmissionFlags = [.hasFlags, .sendFlush]
        if isReadOnly { flags.insert(.isReadOnly) }
        if canMultiConnect { flags.insert(.canMultiConnect) }
        return NBDAttachment(
            device: device, byteCount: UInt64(image.count), blockBytes: blockBytes,
            transmissionFlags: flags.rawValue, requestTimeout: requestTimeout,
            deadConnectionTimeout: deadConnectionTimeout, readAheadBytes: 0,
            backendIdentifier: "mediarig-contract")
    }
}

extension ContractSubject {
    /// Runs `body` with a server that ends with it.
    func withServer(_ body: (ContractServer) async throws -> Void) async throws {
        let server = ContractServer()
        do { try await body(server) } catch {
            await tidy()
            await server.stop()
            throw error
        }
        await tidy()
        await server.stop()
    }
}
