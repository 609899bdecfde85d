import Glibc
import TestSupport
import Testing

@testable import FrontPlatform

struct StateFolderTests {
    @Test func `a folder is made with those above it, and what names the BMC stays`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a/b/state")
        let uuid = try await StateFolder(at: path).uuid()
        #expect(UUIDText.isValid(uuid[...]))
        #expect(try await StateFolder(at: path).uuid() == uuid)
        let (password, isNew) = try await StateFolder(at: path).initialPassword()
        #expect(isNew && password.count == 20)
        let again = try await StateFolder(at: path).initialPassword()
        #expect(!again.isNew && again.password == password)
    }

    @Test(arguments: [0o770, 0o707, 0o777] as [mode_t])
    func `a folder that others may write to is refused`(mode: mode_t) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state")
        _ = try StateFolder(at: path)
        chmod(path, mode)
        #expect { try StateFolder(at: path) } throws: { "\($0)".contains("others may write") }
    }

    @Test(arguments: ["", "nonsense", "00000000-0000-4000-8000-00000000000g"])
    func `a damaged name is not believed`(text: String) async throws {
        let folder = try TemporaryFolder()
        let state = try StateFolder(at: folder.file("state"))
        chmod(try folder.write(Array(text.utf8), to: "state/uuid"), 0o600)
        await #expect { try await state.uuid() } throws: { "\($0)".contains("not a UUID") }
    }

    @Test func `names are of version 4, and never the same`() {
        let made = (0..<64).map { _ in UUIDText.random() }
        #expect(Set(made).count == made.count)
        #expect(made.allSatisfy { UUIDText.isValid($0[...]) && Array($0)[14] == "4" })
    }
}
