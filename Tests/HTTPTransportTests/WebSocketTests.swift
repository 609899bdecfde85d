import TestSupport
import Testing
import WebFront

@testable import HTTPTransport

/// WebSockets, with our own client and with somebody else's.
struct WebSocketTests {
    static let lengths = [0, 1, 7, 8, 9, 125, 126, 127, 65_535, 65_536, 131_088, 1 << 20, 3 << 20]

    @Test func `bytes come back, in messages of every length`() async throws {
        let server = try await TestServer()
        let link = try await server.open("/echo")
        for length in Self.lengths {
            let message = TemporaryFolder.pattern(length, seed: UInt64(length))
            try await link.send(message)
            var echoed: [UInt8] = []
            while echoed.count < length { echoed += await link.receive().joined() }
            #expect(echoed == message, "\(length) bytes")
        }
        await link.close(.normal, "enough")
        #expect(await link.receive().isEmpty && link.closing == .normal)
        await server.stop()
    }

    @Test func `a wish that is not granted is answered as a request, and the connection goes on`()
        async throws
    {
        let server = try await TestServer()
        await #expect(throws: WebSocketRefused.self) { try await server.open("/other") }
        let upgrade = [
            "--http1.1", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H",
            "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        #expect(
            try await server.curl("/other", format: "|%{http_code}", upgrade) == "not for you|403")
        await server.stop()
    }

    @Test func `a message beyond the limit closes with 1009`() async throws {
        var limits = WebServerLimits()
        limits.frameByteCount = 1000
        let server = try await TestServer(limits)
        let link = try await server.open("/echo")
        try await link.send([UInt8](repeating: 1, count: 1001))
        #expect(await link.receive().isEmpty)
        #expect(link.closing == .messageTooBig)
        await server.stop()
    }

    @Test func `a server that stops tells its clients nothing and leaves none`() async throws {
        let server = try await TestServer()
        let link = try await server.open("/echo")
        await server.stop()
        #expect(await link.receive().isEmpty)
    }

    /// Messages in fragments, pings between them, text, a close with a code: as another implementation sends them.
    static let script = """
        import asyncio, ssl, sys, websockets
        async def main():
            context = ssl.create_default_context(cafile=sys.argv[2])
            url = "wss://localhost:" + sys.argv[1] + "/echo"
            async with websockets.connect(url, ssl=context, subprotocols=["token"], max_size=None) as link:
                print(link.subprotocol)
                async def parts():
                    for part in [b"one ", b"", b"message ", b"in parts"]:
                        yield part
                await link.send(parts())
                got = b""
                while len(got) < 20: got += await link.recv()
                print(got.decode())
                await (await link.ping())
                big = bytes(range(256)) * 8192
                await link.send(big)
                got = b""
                while len(got) < len(big): got += await link.recv()
                print(got == big)
            async with websockets.connect(url, ssl=context) as link:
                await link.send("text")
                try:
                    await link.recv()
                except websockets.ConnectionClosed as closed:
                    print(closed.rcvd.code)
        asyncio.run(main())
        """

    @Test(.enabled(if: Capability.pythonModule("websockets").isUsable, "python3-websockets is not installed"))
    func `somebody else's client is understood`() async throws {
        let server = try await TestServer()
        let program = ForeignProgram(
            "/usr/bin/python3", ["-c", Self.script, "\(server.server.port)", server.authority])
        let result = try await program.run()
        #expect(result.output == "token\none message in parts\nTrue\n1003\n", "\(result)")
        await server.stop()
    }

    @Test func `reasons are cut to whole characters`() {
        #expect(WebSocketFrames.fitting(String(repeating: "ä", count: 100)).utf8.count == 122)
        #expect(WebSocketFrames.fitting("short") == "short")
    }
}
