import FaultPoints
import FaultyFiles
import FaultyMount
import Glibc
import Synchronization
import TestSupport
import Testing

/// What mounting needs. Python is the client: a process of its own, so that nothing hangs with the tests.
let fuse = Capability(
    name: "fuse",
    isPresent: access("/dev/fuse", R_OK | W_OK) == 0 && geteuid() == 0
        && Capability.path(ofTool: "python3") != nil)

final class Scripted: FaultInjector {
    private let rules = Mutex<[StoreOperation: [FaultAction]]>([:])

    func set(_ operation: StoreOperation, _ actions: FaultAction...) {
        rules.withLock { $0[operation] = actions }
    }

    func meet(_ occasion: FaultOccasion) -> [FaultAction] {
        rules.withLock { rules in
            StoreOperation(rawValue: occasion.operation).flatMap { rules[$0] } ?? []
        }
    }
}

/// A mounted store of one image, "disk.img".
final class MountFixture: Sendable {
    let folder: TemporaryFolder
    let faults = Scripted()
    let tree: FaultyTree
    let mount: FuseMount
    let content: [UInt8]

    init(isReadOnly: Bool = false, usesPageCache: Bool = false, byteCount: Int = 1 << 20) throws {
        folder = try TemporaryFolder()
        for name in ["images", "mnt"] { try #require(mkdir(folder.file(name), 0o755) == 0) }
        content = TemporaryFolder.pattern(byteCount)
        _ = try folder.write(content, to: "images/disk.img")
        tree = try FaultyTree(directory: folder.file("images"), isReadOnly: isReadOnly, injector: faults)
        mount = try FuseMount(tree, at: folder.file("mnt"), usesPageCache: usesPageCache)
    }

    deinit { mount.stop() }

    /// Runs Python with `path` (the image in the mount), `os`, `errno` and `sys` at hand.
    func python(_ text: String) async throws -> ForeignProgram.Result {
        try await ForeignProgram("python3", ["-c", Self.prelude + text, folder.file("mnt/disk.img")]).run()
    }

    /// The same, going on beside the test.
    func running(_ text: String) throws -> RunningProgram {
        let python = try #require(Capability.path(ofTool: "python3"))
        return try RunningProgram(python, ["-u", "-c", Self.prelude + text, folder.file("mnt/disk.img")])
    }

    private static let prelude = """
        import os, sys, errno, hashlib, threading
        path = sys.argv[1]
        def attempt(action):
            try:
                return action()
            except OSError as error:
                return errno.errorcode[error.errno]

        """

    /// Looks again and again, without a limit of its own: the test has one.
    func until(_ isSo: () -> Bool) async {
        while !isSo() { await Task.yield() }
    }
}
