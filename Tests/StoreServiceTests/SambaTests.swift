import FaultPlan
import FaultyFiles
import Foundation
import Glibc
import TestSupport
import Testing

@testable import StoreService

/// Debian's samba needs root; smbclient is the client.
@Suite(
    .enabled(
        if: Capability(
            name: "samba",
            isPresent: fuse.isPresent && SambaShare.isInstalled && Capability.tool("smbclient").isPresent
        ).isUsable, "no samba, no smbclient, no /dev/fuse, or not root"), .timeLimit(.minutes(3)))
struct SambaTests {
    let folder: TemporaryFolder
    let content = TemporaryFolder.pattern(700_001)

    init() throws {
        folder = try TemporaryFolder()
        try #require(mkdir(folder.file("images"), 0o755) == 0)
        try folder.write(content, to: "images/disk.img")
    }

    func store(_ change: (inout RunningStore.Configuration) -> Void = { _ in }) throws -> RunningStore {
        var configuration = RunningStore.Configuration(directory: folder.file("images"))
        configuration.smbPort = 0
        change(&configuration)
        return try RunningStore(configuration)
    }

    func smbclient(_ store: RunningStore, share: String = "images", _ arguments: String...) async throws
        -> ForeignProgram.Result
    {
        let url = try #require(store.status.places.smb.flatMap { URLComponents(string: $0) })
        return try await ForeignProgram(
            "smbclient",
            ["-p", "\(url.port ?? 0)", "//127.0.0.1/\(share)", "-c", "get disk.img \(folder.file("got"))"]
                + (arguments.isEmpty ? ["-N"] : arguments)
        ).run(within: 60)
    }

    func got() throws -> [UInt8] { try Array(Data(contentsOf: URL(fileURLWithPath: folder.file("got")))) }

    @Test func `a file fetched by SMB is the image, and a store's fault is an error of SMB's`() async throws {
        let store = try store()
        defer { store.stop() }
        let fetched = try await smbclient(store)
        #expect(fetched.status == 0, "\(fetched.output) \(fetched.error)")
        #expect(try got() == content)
        try store.book.add(
            Fault("store.errno", select: Selector(operations: ["read"], bytes: 300_000..<300_001)), at: .zero)
        let failed = try await smbclient(store)
        #expect((failed.output + failed.error).contains("NT_STATUS_IO_DEVICE_ERROR"), "\(failed)")
        #expect((try await smbclient(store, share: "nothing")).output.contains("NT_STATUS_BAD_NETWORK_NAME"))
    }

    @Test func `the server can be killed and started again`() async throws {
        let store = try store()
        defer { store.stop() }
        let address = try #require(store.status.places.smb)
        #expect(store.answer(ControlRequest("POST", "/smb/kill")).status == 200)
        #expect(try await smbclient(store).status != 0)
        #expect(store.answer(ControlRequest("POST", "/smb/start")).status == 200)
        #expect(store.status.places.smb == address)
        #expect(try await smbclient(store).status == 0)
        #expect(try got() == content)
    }

    @Test func `a password is asked for, and an old dialect is all there is where that is wanted`()
        async throws
    {
        let store = try store {
            $0.user = "root"
            $0.password = "secret"
            $0.smbMaximumProtocol = "SMB2_02"
        }
        defer { store.stop() }
        #expect((try await smbclient(store, "-U", "root%wrong")).output.contains("NT_STATUS_LOGON_FAILURE"))
        #expect(try await smbclient(store, "-U", "root%secret").status == 0)
        #expect(try got() == content)
        let modern = try await smbclient(
            store, "-U", "root%secret", "--option=client min protocol=SMB3")
        #expect(modern.status != 0)
    }
}
