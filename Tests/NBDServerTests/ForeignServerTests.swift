import Foundation
import NBDProtocol
import TestSupport
import Testing

@testable import NBDServer

/// Our client cores on foreign servers.
struct ForeignServerTests {
    /// Runs a foreign server while `body` does.
    static func serving(_ program: String, _ arguments: [String], at path: String, _ body: () throws -> Void)
        throws
    {
        let process = Process()
        let tool = try #require(Capability.path(ofTool: program))
        process.executableURL = URL(fileURLWithPath: tool)
        process.arguments = arguments
        try process.run()
        defer {
            // It may have inherited SIGTERM blocked from the thread that started it.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        let deadline = Date() + 10
        while Date() < deadline {
            if let socket = try? BlockingClient.connect(path) {
                close(socket)
                break
            }
            usleep(10_000)
        }
        try body()
    }

    static func check(_ path: String, _ image: [UInt8], structured: Bool) throws {
        let client = try BlockingClient(
            socket: try BlockingClient.connect(path), structured: structured)
        #expect(client.info.byteCount == UInt64(image.count))
        #expect(client.info.hasStructuredReplies == structured)
        for (offset, length) in [(0, 512), (4096, 100_000), (0, image.count)] {
            let answer = try client.call(.read, at: UInt64(offset), length)
            #expect(answer.failure == nil)
            #expect(answer.data == Array(image[offset..<offset + length]))
        }
        #expect(try client.call(.read, at: UInt64(image.count), 512).failure?.error == .invalid)
    }

    @Test(
        .enabled(if: Capability.tool("nbdkit").isUsable, "nbdkit is not installed"), arguments: [true, false])
    func `our client reads from nbdkit`(structured: Bool) throws {
        let folder = try TemporaryFolder()
        let image = TemporaryFolder.pattern(1 << 20)
        let file = try folder.write(image, to: "image")
        let path = folder.file("sock")
        try Self.serving("nbdkit", ["--foreground", "--readonly", "--unix", path, "file", file], at: path) {
            try Self.check(path, image, structured: structured)
        }
    }

    @Test(
        .enabled(if: Capability.tool("qemu-nbd").isUsable, "qemu-nbd is not installed"),
        arguments: [true, false])
    func `our client reads from qemu-nbd, and is refused an unknown export`(structured: Bool) throws {
        let folder = try TemporaryFolder()
        let image = TemporaryFolder.pattern(1 << 20)
        let file = try folder.write(image, to: "image")
        let path = folder.file("sock")
        let arguments = ["-t", "-r", "-e", "4", "-f", "raw", "-k", path, file]
        try Self.serving("qemu-nbd", arguments, at: path) {
            try Self.check(path, image, structured: structured)
            #expect(throws: HandshakeRefusal.self) {
                try BlockingClient(socket: try BlockingClient.connect(path), exportName: "no such export")
            }
        }
    }
}
