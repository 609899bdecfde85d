import Certificates
import HTTPRanges
import RemoteStore
import TestSupport
import Testing
import VirtualMedia

@testable import ImageSources

/// Each way in which a server can fail an opening has a cause and words of its own.
struct OpeningFailureTests {
    struct Case: Sendable {
        let plan: ResponsePlan
        let cause: ImageError.Cause
        let words: String
        /// What the server may repeat is tried until the time is up; the rest ends by itself.
        var timeout: Duration { [.serverError, .truncated].contains(cause) ? .seconds(1) : .seconds(10) }
    }

    static let answers: [Case] = [
        Case(plan: .status(401), cause: .wrongCredentials, words: "none were given"),
        Case(
            plan: .status(401, "WWW-Authenticate: Digest realm=\"x\""), cause: .wrongCredentials,
            words: "other than Basic"),
        Case(plan: .status(403), cause: .forbidden, words: "403"),
        Case(plan: .status(404), cause: .notFound, words: "404"),
        Case(plan: .status(410), cause: .gone, words: "410"),
        Case(plan: .status(416), cause: .rangeNotSupported, words: "416"),
        Case(plan: .status(416, "Content-Range: bytes */0"), cause: .empty, words: "empty"),
        Case(plan: .status(418), cause: .serverError, words: "418"),
        Case(plan: .status(204), cause: .serverError, words: "204"),
        Case(plan: .status(500), cause: .serverError, words: "500"),
        Case(plan: .status(501), cause: .serverError, words: "501"),
        Case(plan: .status(503, "Retry-After: 3600"), cause: .serverError, words: "503"),
        Case(
            plan: .status(302, "Location: https://other.example/x?token=s3cret"), cause: .redirected,
            words: "to the server other.example;"),
        Case(plan: .status(308, "Location: http://other.example/"), cause: .redirected, words: "308"),
        Case(plan: .but { $0.ignoresRange = true }, cause: .rangeNotSupported, words: "ignores range"),
        Case(
            plan: .but { $0.contentEncoding = "gzip" }, cause: .rangeNotSupported,
            words: "Content-Encoding: gzip"),
        Case(plan: .but { $0.contentRange = .missing }, cause: .wrongLength, words: "without Content-Range"),
        Case(
            plan: .but { $0.contentRange = .text("bytes 1-1/3000001") }, cause: .wrongLength,
            words: "0-0 were asked for"),
        Case(
            plan: .but { $0.contentRange = .text("bytes 0-1/3000001") }, cause: .wrongLength,
            words: "0-0 were asked for"),
        Case(
            plan: .but { $0.contentRange = .text("bytes 0-0/x") }, cause: .wrongLength, words: "malformed"),
        Case(
            plan: .but { $0.contentRange = .text("bytes 0-0/0") }, cause: .wrongLength, words: "malformed"),
        Case(
            plan: .but { $0.length = .bytes(2) }, cause: .wrongLength, words: "Content-Length says 2"),
        Case(
            plan: .but {
                $0.length = .chunked
                $0.body = .grows(by: 100)
            }, cause: .wrongLength, words: "more bytes came"),
        Case(plan: .but { $0.body = .closes(after: 0) }, cause: .truncated, words: "ended before"),
        Case(plan: .but { $0.body = .resets(after: 0) }, cause: .truncated, words: "ended before"),
        Case(
            plan: .but {
                $0.length = .chunked
                $0.body = .closes(after: 0)
            }, cause: .truncated, words: "ended before"),
        Case(plan: .but { $0.dropsRequest = true }, cause: .truncated, words: "ended before"),
        Case(plan: .but { $0.body = .stalls(after: 0) }, cause: .timedOut, words: "no byte came"),
        Case(plan: .but { $0.delay = .seconds(30) }, cause: .timedOut, words: "no byte came"),
        Case(
            plan: .but { $0.extraFields = ["X-Long: " + String(repeating: "x", count: 70_000)] },
            cause: .serverError, words: "over 65536 bytes"),
    ]

    @Test(arguments: answers.indices)
    func `an answer that is no image has its own cause`(row: Int) async throws {
        let test = Self.answers[row]
        let fixture = try HTTPSFixture(plan: { _ in test.plan })
        let error = try #require(
            await fixture.openingError(timeout: test.timeout) {
                if test.cause == .timedOut { $0.stallTimeout = .milliseconds(300) }
            })
        #expect(error.cause == test.cause, "\(error)")
        #expect(error.message.contains(test.words), "\(error)")
        #expect(!error.message.contains("s3cret"))
        // What cannot get better is not asked for twice.
        if [
            .wrongCredentials, .forbidden, .notFound, .gone, .rangeNotSupported, .redirected, .wrongLength,
            .timedOut,
        ]
        .contains(test.cause) {
            #expect(fixture.server.requestCount == 1)
        }
    }

    @Test func `an empty image is told from one without ranges`() async throws {
        let fixture = try HTTPSFixture(image: [])
        #expect(await fixture.openingError()?.cause == .empty)
        let ignorant = try HTTPSFixture(image: [], plan: { _ in .but { $0.ignoresRange = true } })
        #expect(await ignorant.openingError()?.cause == .empty)
    }

    @Test(arguments: [
        (CertificateAuthority.Profile.expired, "has expired"), (.notYetValid, "not valid yet"),
        (.wrongHost, "not for the name 127.0.0.1"), (.selfSigned, "is self-signed"),
    ])
    func `a certificate that is not right says why`(profile: CertificateAuthority.Profile, words: String)
        async throws
    {
        let fixture = try HTTPSFixture(certificate: profile)
        let error = try #require(await fixture.openingError())
        #expect(error.cause == .untrustedCertificate)
        #expect(error.message.contains(words), "\(error)")
        #expect(fixture.server.requestCount == 0, "no request may follow a bad certificate")
    }

    @Test func `a certificate from an unknown authority names what is trusted`() async throws {
        let other = try CertificateAuthority(name: "another")
        for sendsRoot in [false, true] {
            let fixture = try HTTPSFixture { $0.sendsRootCertificate = sendsRoot }
            let path = fixture.folder.file("other.pem")
            try other.writeCertificate(to: path)
            let error = try #require(await fixture.openingError { $0.caFile = path })
            #expect(error.cause == .untrustedCertificate)
            #expect(error.message.contains(sendsRoot ? "self-signed root" : "unknown authority"), "\(error)")
            #expect(error.message.contains(path))
        }
    }

    @Test func `the system's certificates do not count beside a file of one's own, nor the other way`()
        async throws
    {
        let fixture = try HTTPSFixture()
        let error = await fixture.openingError { $0.caFile = nil }
        #expect(error?.cause == .untrustedCertificate)
    }

    @Test func `an unreadable file of certificates is named`() async throws {
        let fixture = try HTTPSFixture()
        let error = try #require(await fixture.openingError { $0.caFile = "/nowhere/ca.pem" })
        #expect(error.cause == .untrustedCertificate)
        #expect(error.message.contains("cannot be read from /nowhere/ca.pem"), "\(error)")
    }

    @Test(arguments: [
        (HandshakePlan.drops, ImageError.Cause.tlsFailed), (.alerts, .tlsFailed), (.stalls, .timedOut),
    ])
    func `a handshake that fails is no certificate problem`(plan: HandshakePlan, cause: ImageError.Cause)
        async throws
    {
        let fixture = try HTTPSFixture { $0.handshake = plan }
        let error = try #require(await fixture.openingError { $0.connectTimeout = .milliseconds(300) })
        #expect(error.cause == cause, "\(error)")
        if plan == .stalls { #expect(error.message.contains("no connection within"), "\(error)") }
    }

    @Test func `a port where nobody listens refuses at once`() async throws {
        let fixture = try HTTPSFixture()
        let url = fixture.server.url("/disk.img")
        fixture.server.stop()
        let error = try #require(await fixture.openingError(url))
        #expect(error.cause == .connectionRefused, "\(error)")
    }

    @Test func `a name that does not exist is no network trouble`() async throws {
        let fixture = try HTTPSFixture()
        // RFC 6761 §6.4: never resolves, and needs no name server to say so.
        let error = try #require(await fixture.openingError("https://images.invalid/disk.img"))
        #expect(error.cause == .hostNotFound, "\(error)")
        #expect(error.message.contains("images.invalid"))
    }

    @Test func `an address without a route is unreachable`() async throws {
        let fixture = try HTTPSFixture()
        // Class E: the kernel itself refuses to send there.
        let error = try #require(await fixture.openingError("https://255.255.255.255/disk.img"))
        #expect(error.cause == .unreachable, "\(error)")
    }

    @Test func `what is written over an HTTPS image is kept beside it, and the server keeps its own`()
        async throws
    {
        let fixture = try HTTPSFixture()
        let store = try await fixture.open(isReadWrite: true)
        #expect(!store.isReadOnly)
        let written = [UInt8](repeating: 0xA5, count: 1000)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: written.count, alignment: 16)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: written)
        try await store.write(UnsafeRawBufferPointer(buffer), at: 777, isDurable: true)
        #expect(try await store.read(1000, at: 777) == written)
        #expect(try await store.read(777, at: 0) == Array(HTTPSFixture.pattern[..<777]))
        await store.close()
        let again = try await fixture.open()
        #expect(try await again.read(1000, at: 777) == Array(HTTPSFixture.pattern[777..<1777]))
        await again.close()
    }

    @Test func `a server that refuses HEAD is no obstacle`() async throws {
        let fixture = try HTTPSFixture(plan: { $0.isHead ? .status(405) : .right })
        #expect(await fixture.openingError() == nil)
    }

    @Test func `a length left open in Content-Range is asked for by HEAD`() async throws {
        let fixture = try HTTPSFixture(plan: { request in
            .but { if !request.isHead { $0.contentRange = .text("bytes 0-0/*") } }
        })
        let store = try await fixture.open()
        #expect(store.byteCount == UInt64(HTTPSFixture.pattern.count))
        await store.close()
    }

    @Test(arguments: [ResponsePlan.status(405), .but { $0.length = .chunked }])
    func `a length that nobody tells is its own cause`(head: ResponsePlan) async throws {
        let fixture = try HTTPSFixture(plan: { request in
            request.isHead ? head : .but { $0.contentRange = .text("bytes 0-0/*") }
        })
        #expect(await fixture.openingError()?.cause == .lengthUnknown)
    }

    @Test func `a server that is busy for a moment is asked again`() async throws {
        let fixture = try HTTPSFixture(plan: { $0.number < 2 ? .status(503) : .right })
        #expect(await fixture.openingError() == nil)
        #expect(fixture.server.requestCount == 3)
    }

    @Test func `giving up is noticed at once, and leaves nothing`() async throws {
        let fixture = try HTTPSFixture(plan: { _ in .but { $0.delay = .seconds(30) } })
        let task = Task {
            await fixture.openingError(timeout: .seconds(30)) { $0.stallTimeout = .seconds(30) }
        }
        await HTTPSFixture.eventually { fixture.server.requestCount > 0 }
        task.cancel()
        #expect(await task.value?.cause == .cancelled)
    }
}
