import BlockStorage
import FaultPoints
import Glibc
import NBDProtocol
import NBDServer
import SimulatedTime
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedNetwork

/// What the service makes of a server that greets wrongly, or not at all.
struct HandshakeFaultTests {
    static let image = TemporaryFolder.pattern(1 << 20)

    struct Case: Sendable, CustomTestStringConvertible {
        var operation: String
        var action: FaultAction
        var code: CompletionCode
        var testDescription: String { "\(operation) \(action)" }

        init(_ operation: String, _ action: FaultAction, _ code: CompletionCode) {
            (self.operation, self.action, self.code) = (operation, action, code)
        }
    }

    static let cases: [Case] =
        [
            Case("connect", .fail(errno: ECONNREFUSED), .connectionRefused),
            Case("connect", .fail(errno: ENOENT), .notFound),
            Case("connect", .drop, .timedOut),
            Case("connect", .hold(FaultHold()), .timedOut),
            Case("connect", .delay(.seconds(5)), .done),
            Case("handshake", .special("wrong-magic-1", 0), .notAnExport),
            Case("handshake", .special("wrong-magic-2", 0), .notAnExport),
            Case("handshake", .special("old-style", 0), .notAnExport),
            Case("handshake", .special("unknown-flags", 0), .done),
            Case("handshake", .hold(FaultHold()), .timedOut),
            Case("handshake", .delay(.seconds(5)), .done),
            Case("handshake", .special("half-close", 18), .notAnExport),
            Case("option", .special("option-reply-magic", 0), .notAnExport),
            Case("option", .special("option-reply-option", 3), .notAnExport),
            Case("option", .special("option-reply-length", 0x7FFF_FFFF), .notAnExport),
            Case("option", .special("missing-info", 0), .notAnExport),
            // A server that knows no GO is asked by EXPORT_NAME.
            Case("option", .special("option-error", 1), .done),
            Case("option", .lie(field: "size", value: 0), .empty),
            Case("option", .lie(field: "size", value: 1), .empty),
            Case("option", .lie(field: "size", value: 65_537), .done),
            Case("option", .lie(field: "size", value: .min), .notAnExport),
            Case("option", .lie(field: "size", value: -1), .notAnExport),
            Case("option", .lie(field: "flags", value: 0), .notAnExport),
            Case("option", .lie(field: "flags", value: 1), .done),
            Case("option", .lie(field: "min-block", value: 0), .notAnExport),
            Case("option", .lie(field: "min-block", value: 768), .notAnExport),
            Case("option", .lie(field: "min-block", value: 1 << 17), .notAnExport),
            Case("option", .lie(field: "min-block", value: 2048), .done),
            Case("option", .lie(field: "preferred-block", value: 100), .notAnExport),
            Case("option", .lie(field: "max-payload", value: 3), .notAnExport),
            Case("handshake-send", .slice(byteCount: 1), .done),
            Case("handshake-send", .delay(.seconds(3)), .done),
            Case("handshake-send", .hold(FaultHold()), .timedOut),
            Case("handshake-receive", .delay(.seconds(3)), .done),
            Case("handshake-receive", .hold(FaultHold()), .timedOut),
            Case("handshake-receive", .close(afterBytes: 3), .notAnExport),
            Case("handshake-receive", .reset(afterBytes: 0), .notAnExport),
        ] + (2...9).map { Case("option", .special("option-error", $0), .notAnExport) }

    @Test(arguments: cases) func `a mount ends with the cause, and nothing is left`(_ fault: Case) throws {
        let faults = PlannedFaults(.nbdSocket, fault.operation, 0..<1, fault.action)
        try SlotRun.run(store: MemoryStore(Self.image), faults: faults) { run async throws in
            let code = try await run.mount()
            #expect(code == fault.code)
            #expect(faults.fired == 1)
            #expect(run.run.now < .seconds(65))
            if code == .done {
                if let bytes = await run.read(512, at: 1024) {
                    #expect(bytes == Array(Self.image[1024..<1536]))
                }
                #expect(try await run.unmount() == .done)
            }
            try await run.expectNothingLeft()
            // The fault was one connection's.
            #expect(try await run.mount() == .done)
            #expect(await run.read(512, at: 0) == Array(Self.image[..<512]))
            #expect(try await run.unmount() == .done)
        }
    }

    enum Ending: String, CaseIterable, Sendable {
        case close, reset, stall, halfClose

        func action(_ afterBytes: Int) -> FaultAction {
            switch self {
            case .close: .close(afterBytes: afterBytes)
            case .reset: .reset(afterBytes: afterBytes)
            case .stall: .special("stall-after", Int64(afterBytes))
            case .halfClose: .special("half-close", Int64(afterBytes))
            }
        }
    }

    /// Greeting, INFO_EXPORT, INFO_BLOCK_SIZE, ACK.
    static let handshakeBytes = 18 + 32 + 34 + 20

    @Test(arguments: Ending.allCases)
    func `a handshake that ends at any byte is a failed mount, none a hung one`(ending: Ending) throws {
        for byteCount in 0..<Self.handshakeBytes {
            let faults = PlannedFaults(.nbdSocket, "handshake", 0..<1, ending.action(byteCount))
            try SlotRun.run(store: MemoryStore(Self.image), faults: faults) { run async throws in
                let expected: CompletionCode = ending == .stall ? .timedOut : .notAnExport
                #expect(try await run.mount() == expected, "\(ending) after \(byteCount) bytes")
                try await run.expectNothingLeft()
            }
        }
    }

    @Test func `the first byte past the handshake is the first that makes it whole`() throws {
        let faults = PlannedFaults(.nbdSocket, "handshake", 0..<1, .close(afterBytes: Self.handshakeBytes))
        try NetworkRun.run(faults: faults) { run async throws in
            let exports = MemoryExportServer(run.surroundings)
            let export = try await exports.serve(MemoryStore(Self.image), for: "Slot_0")
            let client = try await NBDClient(try await export.connect())
            #expect(client.info.byteCount == 1 << 20)
            #expect(try await receive(1, from: client.channel).isEmpty)
            await export.stop()
        }
    }

    @Test func `a client that gets ERR_UNSUP can still use EXPORT_NAME and structured replies stay agreed`()
        throws
    {
        let faults = PlannedFaults(.nbdSocket, "option", 1..<2, .special("option-error", 1))
        try NetworkRun.run(faults: faults) { run async throws in
            let exports = MemoryExportServer(run.surroundings)
            let export = try await exports.serve(MemoryStore(Self.image), for: "Slot_0")
            let channel = try await export.connect()
            let asked =
                Conversation.flags + Conversation.structured + Conversation.go
                + OptionRequest.encode(.exportName)
            var bytes = asked
            Request(command: .read, cookie: 5, length: 512).encode(into: &bytes)
            #expect(await channel.send(bytes) == 0)
            // Greeting, ACK, ERR_UNSUP, size and flags, a chunk of data.
            let received = try await receive(18 + 20 + 20 + 10 + 28 + 512, from: channel)
            let isSame = received.suffix(512) == Self.image.prefix(512)
            #expect(isSame)
            #expect(Array(received[68..<72]) == [0x66, 0x8E, 0x33, 0xEF])
            await export.stop()
        }
    }

    @Test func `a held connection is served once it is released`() throws {
        let hold = FaultHold()
        let faults = PlannedFaults(.nbdSocket, "connect", 0..<1, .hold(hold))
        try SlotRun.run(store: MemoryStore(Self.image), faults: faults) { run async throws in
            _ = run.run.spawn("release") {
                try? await run.run.simulation.clock.sleep(for: .seconds(7))
                hold.release()
            }
            #expect(try await run.mount() == .done)
            #expect(run.run.now >= .seconds(7) && run.run.now < .seconds(8))
            #expect(try await run.unmount() == .done)
            try await run.expectNothingLeft()
        }
    }

    @Test(arguments: [SlotMode.proxy, .legacy])
    func `a slot comes back from the death of its server with the same content`(mode: SlotMode) throws {
        try SlotRun.run(mode, store: MemoryStore(Self.image)) { run async throws in
            #expect(try await run.mount() == .done)
            #expect(await run.read(4096, at: 0) == Array(Self.image[..<4096]))
            if mode == .proxy { run.server.kill() } else { run.exports.server(of: "Slot_0")?.kill() }
            try await run.until("loss is noticed") { run.states.contains(.recovering) }
            if mode == .proxy { try run.server.start(at: SlotRun.path, on: run.sockets) }
            try await run.until("recovery") { await run.slot.report.state == .active }
            try await run.kernel.dropCache(of: "nbd0")
            #expect(await run.read(4096, at: 65536) == Array(Self.image[65536..<69632]))
            #expect(try await run.unmount() == .done)
            try await run.expectNothingLeft()
        }
    }
}
