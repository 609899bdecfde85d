import DescriptorPassing
import Foundation
import TestSupport
import Testing

struct BusCommandTests {
    @Test(arguments: [
        ("long", "a socket path holds 107 bytes"), ("file", "not a socket"),
        ("stale", "a stale socket is there"),
        ("living", "another server listens there"), ("none/bus", "No such file or directory"),
    ])
    func `a path that cannot be listened on ends in one clear line and exit code 2`(
        name: String, cause: String
    ) async throws {
        let folder = try TemporaryFolder()
        try folder.write([], to: "file")
        close(try DescriptorSocket.listen(at: .path(folder.file("stale"))))
        let listener = try DescriptorSocket.listen(at: .path(folder.file("living")))
        defer { close(listener) }
        let path = folder.file(name == "long" ? String(repeating: "l", count: 120) : name)
        let result = try await ForeignProgram(DBusSuiteTests.command, "bus", "--unix", path).run(within: 20)
        #expect(result.status == 2)
        #expect(result.error.contains(cause) && result.error.split(separator: "\n").count == 1)
        #expect(result.output.isEmpty)
    }

    @Test func `the address of a relative path holds wherever its reader stands`() async throws {
        let folder = try TemporaryFolder()
        let depth = FileManager.default.currentDirectoryPath.split(separator: "/").count
        let relative = String(repeating: "../", count: depth) + folder.file("bus").dropFirst()
        let bus = try RunningProgram(DBusSuiteTests.command, ["bus", "--unix", relative])
        let address = try await bus.firstLine()
        #expect(address.hasPrefix("unix:path=/"), "\(address)")
        #expect(FileManager.default.fileExists(atPath: folder.file("bus")))
        #expect(await bus.stop() == 0)
        #expect(!FileManager.default.fileExists(atPath: folder.file("bus")))
    }
}
