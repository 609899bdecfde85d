import Glibc
import TestSupport
import Testing
import VirtualMedia

@testable import ImageSources

/// Names that lead to this machine itself, for those who may not use it.
struct AddressGuardTests {
    static let addresses: [(String, Bool)] = [
        ("127.0.0.1", true), ("127.255.255.255", true), ("0.0.0.0", true), ("169.254.169.254", true),
        ("126.255.255.255", false), ("128.0.0.1", false), ("169.253.255.255", false), ("10.0.0.1", false),
        ("192.0.2.7", false), ("::1", true), ("::", true), ("fe80::1", true), ("febf::1", true),
        ("fec0::1", false), ("::ffff:127.0.0.1", true), ("::ffff:192.0.2.7", false), ("2001:db8::1", false),
        ("64:ff9b::7f00:1", true),
    ]

    @Test(arguments: addresses.indices)
    func `an address is this machine's own exactly when it is`(index: Int) throws {
        let (text, isLocal) = Self.addresses[index]
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST
        var found: UnsafeMutablePointer<addrinfo>?
        try #require(getaddrinfo(text, nil, &hints, &found) == 0)
        defer { freeaddrinfo(found) }
        #expect(AddressGuard.isLocal(try #require(found).pointee.ai_addr) == isLocal, "\(text)")
    }

    @Test func `what is neither of the two families is refused`() {
        var address = sockaddr()
        address.sa_family = sa_family_t(AF_UNIX)
        #expect(AddressGuard.isLocal(&address))
    }

    @Test(arguments: [true, false])
    func `a name that leads to loopback is connected to by those who may, and by nobody else`(
        isAllowed: Bool
    ) async throws {
        let fixture = try HTTPSFixture()
        do throws(ImageError) {
            let store = try await fixture.open { $0.allowsLocalAddresses = isAllowed }
            await store.close()
            #expect(isAllowed)
        } catch {
            #expect(!isAllowed && error.cause == .addressNotAllowed, "\(error)")
            #expect(CompletionCode(error.cause).rawValue == 99)
        }
    }
}
