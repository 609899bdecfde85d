import RemoteStore
import TestSupport
import Testing
import VirtualMedia

@testable import ImageSources

struct CredentialTests {
    static let password = "s3cret,\"ü:%41"

    static func credentials(_ password: String = password, user: String = "öperator") -> Credentials {
        Credentials(user: Array(user.utf8), password: Array(password.utf8))
    }

    func fixture() throws -> HTTPSFixture {
        try HTTPSFixture {
            $0.user = "öperator"
            $0.password = Self.password
        }
    }

    @Test func `the right user and password open the image, and read it on every connection`() async throws {
        let fixture = try fixture()
        let store = try await fixture.open(credentials: Self.credentials())
        #expect(try await store.read(HTTPSFixture.pattern.count, at: 0) == HTTPSFixture.pattern)
        await store.close()
    }

    @Test(arguments: ["", "s3cret", "s3cret,\"ü:%41 ", String(repeating: "long s3cret", count: 400)])
    func `a wrong password is told from a missing one, and never repeated`(password: String) async throws {
        let error = try #require(
            try await fixture().openingError(credentials: Self.credentials(password)))
        #expect(error.cause == .wrongCredentials)
        #expect(error.message.contains("user or password is wrong"))
        #expect(!"\(error) \(String(reflecting: error))".contains("s3cret"))
    }

    @Test func `a user name that cannot be sent is refused`() async throws {
        let error = try await fixture().openingError(credentials: Self.credentials(user: "a:b"))
        #expect(error?.cause == .wrongCredentials)
    }

    @Test(arguments: [
        "https://user:s3cret@127.0.0.1/disk.img", "https://s3cret@127.0.0.1:1/disk.img",
        "https://user:s3cret@[::1]/disk.img", "https://user:s3cret@/", "HTTPS://user:s3cret%40@h/x",
    ])
    func `credentials inside a URL are refused with a remedy, and not repeated`(url: String) async throws {
        let error = try #require(try await fixture().openingError(url))
        #expect(error.cause == .malformedURL)
        #expect(error.message.contains("separately"))
        #expect(!error.message.contains("s3cret"))
    }

    @Test func `a token in the query is sent but not shown`() async throws {
        let fixture = try HTTPSFixture(plan: {
            $0.head.target.hasSuffix("?token=s3cret") ? .status(404) : .right
        })
        let error = try #require(await fixture.openingError(fixture.server.url("/disk.img?token=s3cret")))
        #expect(error.cause == .notFound)
        #expect(error.message.contains("/disk.img?…"))
        #expect(!error.message.contains("s3cret"))
    }
}
