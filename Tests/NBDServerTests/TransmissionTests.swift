import BlockStorage
import Foundation
import NBDProtocol
import TestSupport
import Testing

@testable import NBDServer

struct TransmissionTests {
    static let byteCount = 3 << 20

    @Test(arguments: StoreShape.allCases, [true, false])
    func `reads of every size return the image, writes come back`(shape: StoreShape, structured: Bool)
        async throws
    {
        let folder = try TemporaryFolder()
        var image = TemporaryFolder.pattern(Self.byteCount)
        let fixture = try ServerFixture(try shape.make(image, in: folder))
        let client = try fixture.client(structured: structured)
        #expect(client.info.hasStructuredReplies == structured)
        #expect(client.info.byteCount == UInt64(Self.byteCount))
        let sizes = [0, 1, 511, 4096, 32767, 32768, 65537, 262_120, 262_144, 1 << 20, Self.byteCount]
        for size in sizes {
            let offset = (Self.byteCount - size) / 2
            let answer = try client.call(.read, at: UInt64(offset), size)
            #expect(answer.failure == nil)
            #expect(answer.data == Array(image[offset..<offset + size]), "\(size) bytes")
            let new = TemporaryFolder.pattern(size, seed: UInt64(size) + 1)
            let write = try client.call(
                .write, at: UInt64(offset), size, flags: .forceUnitAccess, payload: new)
            #expect(write.failure == nil)
            image.replaceSubrange(offset..<offset + size, with: new)
        }
        #expect(try client.call(.flush).failure == nil)
        #expect(try client.call(.cache, at: 0, Self.byteCount).failure == nil)
        #expect(try client.call(.writeZeroes, at: 4096, 8192, flags: .noHole).failure == nil)
        image.replaceSubrange(4096..<12288, with: repeatElement(0, count: 8192))
        #expect(try client.call(.trim, at: 1 << 20, 1 << 20).failure == nil)
        let whole = try client.call(.read, at: 0, Self.byteCount).data
        #expect(Array(whole[..<(1 << 20)]) == Array(image[..<(1 << 20)]))
        #expect(Array(whole[(2 << 20)...]) == Array(image[(2 << 20)...]))
        await fixture.server.stop()
    }

    @Test(arguments: StoreShape.allCases)
    func `refusals name the protocol's error and the connection lives on`(shape: StoreShape) async throws {
        let folder = try TemporaryFolder()
        let fixture = try ServerFixture(try shape.make(TemporaryFolder.pattern(8192), in: folder))
        let client = try fixture.client()
        let refused: [(Command, UInt64, Int, CommandFlags, ErrorNumber)] = [
            (.read, 8192, 1, [], .invalid), (.read, .max, 512, [], .invalid),
            (.read, 0, 8193, [], .invalid), (.read, 0, (32 << 20) + 1, [], .invalid),
            (.read, 0, (32 << 20) + 1, .doNotFragment, .overflow), (.read, 0, 1, .noHole, .invalid),
            (.trim, 8000, 512, [], .invalid), (.writeZeroes, 8000, 512, [], .noSpace),
            (.cache, 8000, 512, [], .invalid), (.flush, 1, 0, [], .invalid),
            (.blockStatus, 0, 512, [], .invalid), (Command(rawValue: 99), 0, 0, [], .invalid),
            (.trim, 0, 512, CommandFlags(rawValue: 1 << 14), .invalid),
        ]
        for (command, offset, length, flags, error) in refused {
            let found = try client.call(command, at: offset, length, flags: flags).failure?.error
            #expect(found == error, "\(command) \(length) bytes at \(offset), \(flags)")
        }
        let payload = [UInt8](repeating: 1, count: 512)
        #expect(try client.call(.write, at: 8000, 512, payload: payload).failure?.error == .noSpace)
        #expect(try client.call(.write, at: .max, 512, payload: payload).failure?.error == .noSpace)
        #expect(try client.call(.read, at: 0, 8192).data == TemporaryFolder.pattern(8192))
        await fixture.server.stop()
    }

    @Test func `a read-only export refuses every change`() async throws {
        let fixture = try ServerFixture(MemoryStore([1, 2, 3, 4], isReadOnly: true))
        let client = try fixture.client()
        #expect(client.info.isReadOnly)
        for command in [Command.trim, .writeZeroes] {
            #expect(try client.call(command, at: 0, 1).failure?.error == .notPermitted)
        }
        #expect(try client.call(.write, at: 0, 1, payload: [9]).failure?.error == .notPermitted)
        #expect(try client.call(.read, at: 0, 4).data == [1, 2, 3, 4])
        await fixture.server.stop()
    }

    @Test(arguments: [StoreShape.file, .memory])
    func `holes travel as holes, unless the client forbids fragments`(shape: StoreShape) async throws {
        let folder = try TemporaryFolder()
        let image = [UInt8](repeating: 5, count: 1 << 20)
        let store = try shape.make(image, in: folder)
        try await store.writeZeroes(
            at: 256 << 10, byteCount: 512 << 10, mayPunchHole: true, isDurable: false)
        let fixture = try ServerFixture(store)
        let client = try fixture.client()
        var expected = image
        expected.replaceSubrange(256 << 10..<768 << 10, with: repeatElement(0, count: 512 << 10))
        let sparse = try client.call(.read, at: 0, 1 << 20)
        #expect(sparse.data == expected)
        #expect(sparse.holeBytes == 512 << 10)
        let whole = try client.call(.read, at: 0, 1 << 20, flags: .doNotFragment)
        #expect(whole.data == expected)
        #expect(whole.holeBytes == 0)
        await fixture.server.stop()
    }

    @Test(arguments: [true, false])
    func `a file that shrank is an error with both sizes, and the rest still reads`(structured: Bool)
        async throws
    {
        let folder = try TemporaryFolder()
        let path = try folder.writePattern(1 << 20, to: "image")
        let fixture = try ServerFixture(try FileStore(path: path))
        let client = try fixture.client(structured: structured)
        #expect(truncate(path, 4096) == 0)
        for (offset, length) in [(0, 1 << 20), (8192, 512), (4096, 65536)] {
            let failure = try client.call(.read, at: UInt64(offset), length).failure
            #expect(failure?.error == .io)
            if structured { #expect(failure?.message.contains("has 4096 now") == true) }
        }
        #expect(try client.call(.read, at: 0, 4096).data == TemporaryFolder.pattern(4096))
        await fixture.server.stop()
    }

    @Test(arguments: StoreShape.allCases)
    func `requests sent all at once are all answered`(shape: StoreShape) async throws {
        let folder = try TemporaryFolder()
        let image = TemporaryFolder.pattern(1 << 20)
        let fixture = try ServerFixture(try shape.make(image, in: folder))
        let socket = try BlockingClient.connect(fixture.path)
        let client = try BlockingClient(socket: socket, structured: false)
        var bytes: [UInt8] = []
        let count = 200
        for cookie in 0..<count {
            Request(command: .read, cookie: UInt64(cookie), offset: UInt64(cookie * 4096), length: 4096)
                .encode(into: &bytes)
        }
        BlockingClient.send(socket, bytes)
        var seen: Set<UInt64> = []
        for _ in 0..<count {
            var header = try BlockingClient.receive(socket, 16)[...]
            let reply = try #require(try SimpleReply.decode(from: &header))
            let data = try BlockingClient.receive(socket, 4096)
            let start = Int(reply.cookie) * 4096
            #expect(reply.error == 0)
            #expect(data == Array(image[start..<start + 4096]))
            seen.insert(reply.cookie)
        }
        #expect(seen.count == count)
        #expect(client.info.byteCount == 1 << 20)
        await fixture.server.stop()
    }
}
