import BlockStorage
import Glibc
import LinuxPlatform
import NBDProtocol
import NBDServer
import SimulatedTime
import TestSupport
import Testing
import WireFormat

@testable import SimulatedNetwork

/// One table of conversations, held with the server that ships and with the one in memory.
struct ServerContractTests {
    @Test(arguments: Conversation.all, [false, true])
    func `the server in memory says what the one on sockets says`(
        _ conversation: Conversation, suspends: Bool
    )
        async throws
    {
        let shipped = try await Self.onSockets(conversation, suspends: suspends)
        let inMemory = try Self.inMemory(conversation, suspends: suspends)
        #expect(inMemory.answer.end == shipped.answer.end)
        #expect(inMemory.answer.rest.isEmpty && shipped.answer.rest.isEmpty)
        #expect(inMemory.answer.replies.count == shipped.answer.replies.count)
        for (cookie, reply) in shipped.answer.replies {
            // Not compared inside #expect, which would take minutes to tell how a megabyte differs.
            let found = inMemory.answer.replies[cookie] ?? []
            let isSame = found == reply
            #expect(
                isSame,
                "\(cookie ?? 0): \(found.count) \(found.prefix(32)), \(reply.count) \(reply.prefix(32))")
        }
        let isSameImage = inMemory.image == shipped.image
        #expect(isSameImage)
        if !conversation.calls.isEmpty {
            #expect(inMemory.answer.replies.count == conversation.calls.count + 1 - conversation.unanswered)
        }
    }

    @Test(arguments: Conversation.all.filter { $0.bytes.count < 10_000 })
    func `the same is said when everything comes byte by byte`(_ conversation: Conversation) throws {
        let whole = try Self.inMemory(conversation, suspends: false)
        let trickled = try Self.inMemory(conversation, suspends: false, portionBytes: 1)
        let isSame = trickled.answer == whole.answer && trickled.image == whole.image
        #expect(isSame)
    }

    // MARK: The two servers

    static func store(for conversation: Conversation, suspends: Bool) -> (MemoryStore, any BlockStore) {
        let base = MemoryStore(Conversation.image, isReadOnly: conversation.isReadOnly)
        return (base, suspends ? SuspendingStore(base) : base)
    }

    static func image(_ store: MemoryStore) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(store.byteCount))
        try bytes.withUnsafeMutableBytes { try store.readNow(into: $0, at: 0) }
        return bytes
    }

    static func onSockets(_ conversation: Conversation, suspends: Bool) async throws
        -> (answer: Answer, image: [UInt8])
    {
        let (base, store) = store(for: conversation, suspends: suspends)
        let server = NBDServer(store: store, exportName: conversation.exportName)
        var received: [[UInt8]] = []
        var end = ConnectionEnd.stopped
        for bytes in [conversation.handshake, conversation.bytes] {
            let (ours, theirs) = try SystemSockets.pair()
            let served = try #require(server.serve(descriptor: theirs))
            let channel = SocketChannel(owning: ours)
            received.append(
                try await channel.converse(bytes) { _ = Glibc.shutdown(ours, CInt(SHUT_WR)) })
            end = await served.ended()
            channel.close()
        }
        await server.stop()
        let answer = Answer(
            received[1], handshakeBytes: received[0].count, calls: conversation.calls, end: end)
        return (answer, try image(base))
    }

    static func inMemory(_ conversation: Conversation, suspends: Bool, portionBytes: Int = .max) throws
        -> (answer: Answer, image: [UInt8])
    {
        let (base, store) = store(for: conversation, suspends: suspends)
        let answer = try Simulation(seed: 1).run { simulation in
            let surroundings = NetworkSurroundings(simulation)
            let server = MemoryNBDServer(
                store: store, exportName: conversation.exportName, target: "store", in: surroundings)
            var received: [[UInt8]] = []
            for bytes in [conversation.handshake, conversation.bytes] {
                let (client, theirs) = MemoryLink.connect("store", in: surroundings)
                #expect(server.serve(theirs))
                if portionBytes < .max {
                    try? await client.write(bytes[...], portionBytes: portionBytes)
                    received.append(try await client.converse([]) { client.closeWriting() })
                } else {
                    received.append(try await client.converse(bytes) { client.closeWriting() })
                }
            }
            // The end of the stream is out before the server notes why.
            while server.connectionCount > 0 { await Task.yield() }
            await server.stop()
            return Answer(
                received[1], handshakeBytes: received[0].count, calls: conversation.calls,
                end: try #require(server.ends.last))
        }
        return (answer, try image(base))
    }
}

extension Conversation {
    /// Without zeroes, so that no part of it is a hole.
    static let image = TemporaryFolder.pattern(1 << 20).map { $0 | 1 }
    static let flags: [UInt8] = [0, 0, 0, 3]
    static let go = goOption()
    static let structured = OptionRequest.encode(.structuredReply)

    static func goOption(_ name: String = "", option: OptionCode = .go) -> [UInt8] {
        var data: [UInt8] = []
        data.appendBigEndian(UInt32(name.utf8.count))
        data += name.utf8
        return OptionRequest.encode(option, data + [0, 2, 0, 3, 0, 1])
    }

    static func context(_ option: OptionCode, _ query: String) -> [UInt8] {
        var data: [UInt8] = []
        data.appendBigEndian(UInt32(0))
        data.appendBigEndian(UInt32(1))
        data.appendBigEndian(UInt32(query.utf8.count))
        return OptionRequest.encode(option, data + query.utf8)
    }

    /// Calls that get no reply, for the conversation ends with them.
    var unanswered: Int { name.contains("dropped") ? 1 : 0 }

    static let all: [Conversation] = handshakes + transmissions

    static let handshakes: [Conversation] = [
        Conversation(name: "nothing", handshake: []),
        Conversation(name: "half a flag word", handshake: [0, 0]),
        Conversation(name: "unknown client flags", handshake: [0, 0, 0, 7] + go),
        Conversation(name: "abort", handshake: flags + OptionRequest.encode(.abort)),
        Conversation(name: "list", exportName: "disc", handshake: flags + OptionRequest.encode(.list)),
        Conversation(name: "list with data", handshake: flags + OptionRequest.encode(.list, [1])),
        Conversation(
            name: "info of a name", exportName: "disc", handshake: flags + goOption("disc", option: .info)),
        Conversation(name: "go of an unknown name", exportName: "disc", handshake: flags + goOption("no")),
        Conversation(name: "malformed go", handshake: flags + OptionRequest.encode(.go, [0, 0, 0, 9])),
        Conversation(name: "go", handshake: flags + go),
        Conversation(name: "export name", handshake: flags + OptionRequest.encode(.exportName)),
        Conversation(
            name: "export name with padding", handshake: [0, 0, 0, 1] + OptionRequest.encode(.exportName)),
        Conversation(
            name: "unknown export name", exportName: "disc",
            handshake: flags + OptionRequest.encode(.exportName, Array("no".utf8))),
        Conversation(name: "structured replies twice", handshake: flags + structured + structured + go),
        Conversation(name: "start of TLS", handshake: flags + OptionRequest.encode(.startTLS)),
        Conversation(
            name: "an option from the future",
            handshake: flags + OptionRequest.encode(OptionCode(rawValue: 99), [1, 2, 3])),
        Conversation(
            name: "an option that is too big",
            handshake: flags
                + OptionRequest.encode(OptionCode(rawValue: 99), [UInt8](repeating: 0, count: 70_000))),
        Conversation(name: "no magic in an option", handshake: flags + [UInt8](repeating: 0x41, count: 64)),
        Conversation(
            name: "contexts",
            handshake: flags + context(.listMetaContext, "base:") + structured
                + context(.listMetaContext, "base:") + context(.setMetaContext, "base:allocation")
                + context(.setMetaContext, "other:thing") + go),
    ]

    static let transmissions: [Conversation] =
        [true, false].flatMap { isStructured -> [Conversation] in
            let name = isStructured ? "structured" : "simple"
            let handshake = flags + (isStructured ? structured : []) + go
            let block = TemporaryFolder.pattern(4096, seed: 7)
            let end = UInt64(image.count)
            func conversation(_ what: String, _ calls: [Call], ending: [UInt8]? = nil) -> Conversation {
                Conversation(name: "\(name), \(what)", handshake: handshake, calls: calls, ending: ending)
            }
            var readOnly = conversation(
                "a read-only export",
                [
                    .write(block, at: 0), Call(.trim, at: 0, 512), Call(.writeZeroes, at: 0, 512),
                    Call(.flush),
                    Call(.read, at: 0, 512),
                ])
            readOnly.isReadOnly = true
            let sizes = [0, 1, 511, 4096, 32768, 262_116, 262_117, 1 << 20]
            return [
                conversation("reads of every size", sizes.map { Call(.read, at: end - UInt64($0), $0) }),
                conversation(
                    "writes of every size and a flush",
                    sizes.map { .write(TemporaryFolder.pattern($0, seed: UInt64($0)), at: 0) } + [
                        Call(.flush)
                    ]),
                conversation(
                    "all the other commands",
                    [
                        .write(block, at: 8192, flags: .forceUnitAccess), Call(.cache, at: 0, 300_000),
                        Call(.trim, at: 65536, 4096), Call(.trim, at: 65536, 4096, flags: .forceUnitAccess),
                        Call(.writeZeroes, at: 0, 4096, flags: .noHole),
                        Call(.writeZeroes, at: 4096, 4096, flags: .fastZero), Call(.flush),
                    ]),
                conversation(
                    "past the end",
                    [
                        Call(.read, at: end, 1), Call(.read, at: .max, 512),
                        Call(.read, at: 0, image.count + 1),
                        .write(block, at: end - 1), .write(block, at: .max), Call(.trim, at: end, 1),
                        Call(.writeZeroes, at: end - 1, 512), Call(.cache, at: end, 1),
                        Call(.read, at: end, 0),
                    ]),
                conversation(
                    "against the rules",
                    [
                        Call(.read, at: 0, (32 << 20) + 1), Call(.flush, at: 1), Call(.flush, at: 0, 1),
                        Call(.blockStatus, at: 0, 512), Call(Command(rawValue: 99)),
                        Call(.trim, at: 0, 512, flags: CommandFlags(rawValue: 1 << 14)),
                        Call(.read, at: 0, 512, flags: .noHole),
                        Call(.read, at: 0, 512, flags: .doNotFragment),
                    ]),
                readOnly,
                conversation(
                    "64 at once",
                    (0..<64).map { number in
                        number.isMultiple(of: 4)
                            ? .write(block, at: UInt64(number) * 4096)
                            : Call(.read, at: UInt64(number) * 4096, 4096)
                    }),
                conversation("dropped in a payload", [Call(.write, at: 0, 512)], ending: [1, 2, 3]),
                conversation("dropped for a huge write", [Call(.write, at: 0, (32 << 20) + 1)], ending: []),
                conversation(
                    "no magic", [Call(.read, at: 0, 512)], ending: [UInt8](repeating: 0x47, count: 28)),
                conversation("half a header", [Call(.read, at: 0, 512)], ending: [0x25, 0x60]),
                conversation("a hang-up without a word", [Call(.read, at: 0, 512)], ending: []),
            ]
        } + [
            Conversation(
                name: "block status",
                handshake: flags + structured + context(.setMetaContext, "base:allocation") + go,
                calls: [
                    Call(.writeZeroes, at: 262_144, 131_072), Call(.blockStatus, at: 0, image.count),
                    Call(.blockStatus, at: 0, image.count, flags: .requireOneExtent),
                    Call(.blockStatus, at: 0, 0),
                ])
        ]
}
