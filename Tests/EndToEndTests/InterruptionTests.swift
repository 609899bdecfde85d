import Foundation
import TestSupport
import Testing

/// A user who loses patience leaves nothing behind.
struct InterruptionTests {
    @Test(.timeLimit(.minutes(1)), arguments: ["proxy", "legacy"])
    func `a verification that is told to end removes what it made`(mode: String) async throws {
        let folder = try TemporaryFolder()
        let image = folder.file("large.img")
        try #require(FileManager.default.createFile(atPath: image, contents: nil))
        let file = try #require(FileHandle(forWritingAtPath: image))
        // Takes far longer to read than to be interrupted.
        try file.truncate(atOffset: 1 << 40)
        try file.close()
        let program = try RunningProgram(CommandTests.program, ["verify", image, "--mode", mode])
        let made = "mediarig-\(program.processIdentifier)-"
        while try Self.entries(made).isEmpty { await Task.yield() }
        #expect(await program.stop() == SIGTERM)
        #expect(try Self.entries(made) == [])
    }

    private static func entries(_ prefix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/tmp").filter { $0.hasPrefix(prefix) }
    }
}
