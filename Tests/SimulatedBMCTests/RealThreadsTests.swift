import BlockStorage
import LinuxPlatform
import NBDProtocol
import NBDServer
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedBMC

/// The same kernel on threads and sockets, with MediaRig's own server: what virtual time cannot
/// show is whether the parts that do run in parallel are safe.
struct RealThreadsTests {
    @Test(arguments: [1, 3])
    func `a host reads an image over sockets, through several connections at once`(connections: Int)
        async throws
    {
        let image = TemporaryFolder.pattern(8 << 20)
        let store = MemoryStore(image)
        let server = NBDServer(store: store)
        let executor = ThreadExecutor(name: "kernel")
        let kernel = SimulatedKernel(
            executor: executor, clock: SystemClock(), spawner: SystemSpawner(),
            controllers: ControllerChip.dummies(1))
        var channels: [any ByteChannel] = []
        for _ in 0..<connections {
            let (near, far) = try SystemSockets.pair()
            _ = try #require(server.serve(descriptor: near))
            let channel = SocketChannel(owning: far)
            try await Self.shakeHands(on: channel)
            channels.append(channel)
        }
        try await kernel.attach(
            NBDAttachment(
                device: "nbd0", byteCount: UInt64(image.count), blockBytes: 512,
                transmissionFlags: TransmissionFlags([.hasFlags, .isReadOnly, .canMultiConnect]).rawValue,
                requestTimeout: .seconds(20), deadConnectionTimeout: .zero, readAheadBytes: 4 << 20,
                backendIdentifier: "test"), connections: channels)
        for step in ["g1", "g1/configs/c.1", "g1/functions/mass_storage.0"] {
            try await kernel.makeDirectory(step)
        }
        try await kernel.write("/dev/nbd0", to: KernelRun.lun + "/file")
        try await kernel.makeLink(at: "g1/configs/c.1/f", to: "g1/functions/mass_storage.0")
        try await kernel.write(KernelRun.udc, to: "g1/UDC")
        await kernel.attachHost(to: KernelRun.udc)
        let host = TestHost(try await kernel.device(on: KernelRun.udc, timeout: .seconds(10)))
        try await host.enumerate()
        for block in stride(from: 0, to: image.count / 512, by: 2048) {
            let answer = try await host.read(UInt32(block), count: 2048)
            let isRight = answer.data == Array(image[block * 512..<(block + 2048) * 512])
            #expect(isRight, "block \(block)")
        }
        #expect(try await kernel.status(of: "nbd0").readBytes == UInt64(image.count))
        await kernel.shutDown()
        await server.stop()
        executor.stop()
    }

    private static func shakeHands(on channel: SocketChannel) async throws {
        var handshake = ClientHandshake(exportName: "")
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
        defer { buffer.deallocate() }
        while true {
            let count = try await channel.read(into: buffer)
            for action in try handshake.receive(Array(buffer[..<count])[...]) {
                switch action {
                case .send(let bytes): try await channel.write(bytes[...])
                case .ready(_, let leftover):
                    #expect(leftover.isEmpty)
                    return
                case .refused(let refusal): throw refusal
                }
            }
        }
    }
}
