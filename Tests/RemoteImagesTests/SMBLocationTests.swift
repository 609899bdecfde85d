import Testing
import VirtualMedia

@testable import RemoteImages

struct SMBLocationTests {
    static func location(_ text: String) throws -> SMBLocation? {
        if case .smb(let location) = try ImageLocation(text) { location } else { nil }
    }

    @Test func `host, port, share and path are told apart`() throws {
        let plain = try #require(try Self.location("smb://Server/Images/a.iso"))
        #expect(plain.host == "server" && plain.port == 445)
        #expect(plain.share == "Images" && plain.path == "a.iso")
        let full = try #require(try Self.location("smb://[fe80::1]:1445/My%20Share/one/two%20three.img"))
        #expect(full.host == "fe80::1" && full.port == 1445)
        #expect(full.share == "My Share" && full.path == "one/two three.img")
        #expect(plain.shown == "smb://server/Images/a.iso")
    }

    @Test(arguments: [
        "smb://h", "smb://h/", "smb://h/share", "smb://h/share/", "smb://h//x", "smb://h/s//x", "smb:///s/x",
        "smb://h/s/../x", "smb://h/s/./x", "smb://h/../x", "smb://h/s/%2e%2e/x", "smb://h/s/a%2f..%2fx",
        "smb://u:p@h/s/x", "smb://h/s/a%5cb", "smb://h/s/a%0ab", "smb://h/s/%zz", "smb://h:0/s/x",
        "smb://h:99999/s/x",
    ])
    func `what is no image on a share is refused, without repeating a password`(text: String) {
        let error = #expect(throws: ImageError.self) { try ImageLocation(text) }
        #expect(error?.cause == .malformedURL)
        #expect(error?.message.contains("p@h") == false)
    }
}
