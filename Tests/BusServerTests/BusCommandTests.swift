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
}
