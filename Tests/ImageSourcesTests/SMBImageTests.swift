import Glibc
import RemoteImages
import Testing
import VirtualMedia

@testable import ImageSources

/// Without a kernel that has cifs: what it is asked, and what its answers mean.
struct SMBImageTests {
    static func options(_ user: String, _ password: String) -> String {
        let credentials = Credentials(user: Array(user.utf8), password: Array(password.utf8))
        return CifsOptions(address: "192.0.2.1", port: 445, dialect: "3.1.1", credentials).text
    }

    static let start = "vers=3.1.1,seal,ip=192.0.2.1,port=445,soft,file_mode=0600,dir_mode=0700"

    @Test func `the kernel is asked for SMB 3 with encryption, as the user`() {
        #expect(Self.options("me", "secret") == "\(Self.start),user=me,pass=secret")
        #expect(Self.options("CORP\\me", "x") == "\(Self.start),domain=CORP,user=me,pass=x")
    }

    @Test func `no name and no password can add an option`() {
        #expect(Self.options("me,vers=1.0", "a,b,,c") == "\(Self.start),user=mevers=1.0,pass=a,,b,,,,c")
        #expect(Self.options("a,b\\c,d", "") == "\(Self.start),domain=ab,user=cd,pass=")
    }

    static let causes: [(CInt, ImageError.Cause)] = [
        (EACCES, .wrongCredentials), (ENOENT, .notFound), (ECONNREFUSED, .connectionRefused),
        (EHOSTDOWN, .unreachable), (EHOSTUNREACH, .unreachable), (ETIMEDOUT, .timedOut),
        (ENODEV, .unsupportedScheme), (EOPNOTSUPP, .tlsFailed), (EPERM, .unreadable), (EIO, .serverError),
    ]

    @Test(arguments: causes.indices)
    func `each answer of the kernel has its cause, and says nothing of the user`(index: Int) throws {
        guard case .smb(let location) = try ImageLocation("smb://nas/isos/a.iso") else { return }
        let (code, cause) = Self.causes[index]
        let error = SMBImage.failure(code, location)
        #expect(error.cause == cause)
        #expect(error.message.contains("nas") || cause == .unsupportedScheme)
    }

    @Test func `a share is not opened without a user, nor on a host that has no address`() async throws {
        let opener = SystemImageOpener(scratchFolder: "/tmp")
        func open(_ url: String, _ credentials: Credentials?) async -> ImageError.Cause? {
            do throws(ImageError) {
                let store = try await opener.open(
                    ImageRequest(url: url, credentials: credentials, isReadWrite: false, timeout: .seconds(5))
                )
                await store.close()
                return nil
            } catch { return error.cause }
        }
        #expect(await open("smb://nas/isos/a.iso", nil) == .wrongCredentials)
        let me = Credentials(user: [109], password: [120])
        #expect(await open("smb://no-such-host.invalid/isos/a.iso", me) == .hostNotFound)
    }
}
