import Foundation
import TestSupport
import Testing

/// The page's modules without a browser: what they decide, and its NBD server before clients of others.
@Suite(.serialized)
struct ModuleTests {
    static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
    static let modules = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Sources/Service/FrontPage/page").path

    @Test(.enabled(if: Capability.tool("node").isUsable, "node is not installed"))
    func `the modules decide as their tests say`() async throws {
        let result = try await ForeignProgram("node", "\(Self.tests)/modules_test.mjs", Self.modules)
            .run(within: 120)
        #expect(result.status == 0, "\(result.output)\(result.error)")
    }

    /// The page's server on a local socket.
    final class Server: Sendable {
        let folder: TemporaryFolder
        let image: String
        private let program: RunningProgram
        var url: String { "nbd+unix:///?socket=\(folder.file("nbd.sock"))" }

        init(_ byteCount: Int, mode: String, cut: String) async throws {
            folder = try TemporaryFolder()
            image = try folder.writePattern(byteCount, to: "image", seed: 9)
            let node = try #require(Capability.path(ofTool: "node"))
            program = try RunningProgram(
                node,
                ["\(tests)/nbd_on_socket.mjs", modules, image, mode, cut, folder.file("nbd.sock")])
            #expect(try await program.firstLine() == "ready")
        }

        func run(_ tool: String, _ arguments: String...) async throws -> ForeignProgram.Result {
            try await ForeignProgram(tool, arguments).run(within: 120)
        }

        func stop() async { _ = await program.stop() }
    }

    static let copying = Capability.tools("node", "nbdcopy").isUsable

    @Test(
        .enabled(if: copying, "node or nbdcopy is not installed"),
        arguments: ["whole", "bytes", "glued"], ["read-only", "overlay"])
    func `libnbd copies every byte of the page's server, and back`(cut: String, mode: String) async throws {
        let server = try await Server(3_000_320, mode: mode, cut: cut)
        let copy = server.folder.file("copy")
        let read = try await server.run("nbdcopy", server.url, copy)
        #expect(read.status == 0, "\(read.error)")
        let fileManager = FileManager.default
        #expect(fileManager.contentsEqual(atPath: copy, andPath: server.image))
        let other = try server.folder.writePattern(3_000_320, to: "other", seed: 10)
        let written = try await server.run("nbdcopy", "--flush", other, server.url)
        #expect((written.status == 0) == (mode == "overlay"), "\(written.error)")
        if mode == "overlay" {
            let back = try await server.run("nbdcopy", server.url, copy)
            #expect(
                back.status == 0 && fileManager.contentsEqual(atPath: copy, andPath: other), "\(back.error)")
        }
        await server.stop()
    }

    @Test(.enabled(if: Capability.tools("node", "nbdinfo").isUsable, "node or nbdinfo is not installed"))
    func `libnbd is told what there is`() async throws {
        let server = try await Server(1 << 20, mode: "read-only", cut: "whole")
        let told = try await server.run("nbdinfo", server.url).output
        for line in [
            "export-size: 1048576", "is_read_only: true", "can_flush: true", "can_fua: true",
            "can_trim: false", "block_size_maximum: 33554432",
        ] {
            #expect(told.contains(line), "\(told)")
        }
        let listed = try await server.run("nbdinfo", "--list", server.url)
        #expect(
            listed.status == 0 && listed.output.contains("export=\"\""), "\(listed.output)\(listed.error)")
        await server.stop()
    }

    @Test(.enabled(if: Capability.tools("node", "fio").isUsable, "node or fio is not installed"))
    func `fio finds what it has written, with many requests under way`() async throws {
        let server = try await Server(8 << 20, mode: "overlay", cut: "whole")
        let result = try await server.run(
            "fio", "--name=page", "--ioengine=nbd", "--uri=\(server.url)", "--rw=randwrite", "--bs=12k",
            "--size=8m", "--iodepth=32", "--verify=crc32c", "--do_verify=1",
            "--verify_state_save=0", "--randseed=1")
        #expect(result.status == 0, "\(result.output)\(result.error)")
        await server.stop()
    }

    @Test(.enabled(if: Capability.tools("node", "qemu-img").isUsable, "node or qemu-img is not installed"))
    func `qemu finds both sides the same`() async throws {
        let server = try await Server(2 << 20, mode: "read-only", cut: "whole")
        let result = try await server.run(
            "qemu-img", "compare", "-f", "raw", "-F", "raw", server.url, server.image)
        #expect(result.status == 0, "\(result.output)\(result.error)")
        await server.stop()
    }
}
