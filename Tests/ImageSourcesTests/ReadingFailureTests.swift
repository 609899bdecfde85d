import BlockStorage
import Certificates
import HTTPRanges
import RemoteImages
import RemoteStore
import Synchronization
import TestSupport
import Testing
import VirtualMedia

@testable import ImageSources

/// What goes wrong once the image is open: never a wrong byte, and no wait beyond the deadline.
struct ReadingFailureTests {
    /// Right until the image is open, then `plan`.
    static func late(_ plan: ResponsePlan) -> @Sendable (ReceivedRequest) -> ResponsePlan {
        { $0.number == 0 ? .right : plan }
    }

    static let permanent: [(ResponsePlan, String)] = [
        (.status(401), "401"), (.status(403), "403"), (.status(404), "404"), (.status(410), "410"),
        (.status(302), "302"), (.status(416), "416"), (.status(412), "412"),
        (.but { $0.ignoresRange = true }, "ignores range requests"),
        (.but { $0.contentEncoding = "br" }, "Content-Encoding: br"),
        (.but { $0.contentRange = .missing }, "without Content-Range"),
        (.but { $0.contentRange = .text("bytes 131072-262143/3000001") }, "were asked for"),
        (.but { $0.length = .bytes(131_073) }, "Content-Length says 131073"),
        (.but { $0.length = .bytes(131_071) }, "Content-Length says 131071"),
        (
            .but {
                $0.length = .chunked
                $0.body = .grows(by: 1)
            }, "more bytes came"
        ),
        (.simple { $0.entityTag = "\"other\"" }, "is \"other\""), (.simple { $0.entityTag = "" }, "is gone"),
        (
            .but { $0.contentRange = .text("bytes 0-131071/3000002") },
            "its size was 3000001 bytes and is 3000002"
        ),
    ]

    @Test(arguments: permanent.indices)
    func `an answer that cannot be believed fails the read at once`(row: Int) async throws {
        let (plan, words) = Self.permanent[row]
        let fixture = try HTTPSFixture(plan: Self.late(plan))
        let store = try await fixture.open { $0.readTimeout = .seconds(60) }
        let error = try #require(await readError(store))
        #expect(error.code == .io)
        #expect(error.message.contains(words), "\(error)")
        #expect(fixture.server.requestCount == 2, "asking again cannot help")
        await store.close()
    }

    static let transient: [ResponsePlan] = [
        .status(408), .status(429, "Retry-After: 0"), .status(500), .status(502), .status(503), .status(504),
        .but { $0.body = .closes(after: 100_000) }, .but { $0.body = .resets(after: 100_000) },
        .but { $0.dropsRequest = true },
        .but {
            $0.dropsRequest = true
            $0.sendsCloseNotify = false
        },
        .but { $0.body = .stalls(after: 100_000) },
        .but {
            $0.length = .chunked
            $0.body = .closes(after: 131_072)
        },
        .but {
            $0.closesAfterwards = true
            $0.sendsCloseNotify = false
        },
    ]

    @Test(arguments: transient.indices)
    func `a fault that passes is not seen by the reader`(row: Int) async throws {
        let plan = Self.transient[row]
        let fixture = try HTTPSFixture(plan: { (1...2).contains($0.number) ? plan : .right })
        let store = try await fixture.open { $0.stallTimeout = .milliseconds(400) }
        let bytes = try await store.read(131_072, at: 0)
        #expect(bytes == Array(HTTPSFixture.pattern[..<131_072]))
        #expect(fixture.server.requestCount >= 2)
        await store.close()
    }

    /// With limits of ten minutes for everything else, only the read's own deadline can end it in time.
    @Test(.timeLimit(.minutes(1)))
    func `a fault that stays fails the read by its deadline`() async throws {
        for plan in [
            ResponsePlan.status(503), .but { $0.body = .stalls(after: 7) }, .but { $0.dropsRequest = true },
        ] {
            let fixture = try HTTPSFixture(plan: Self.late(plan))
            let store = try await fixture.open {
                $0.readTimeout = .milliseconds(700)
                $0.stallTimeout = .seconds(600)
                $0.requestTimeout = .seconds(600)
            }
            #expect(await readError(store) != nil)
            await store.close()
        }
    }

    @Test func `once changed, the image stays unreadable`() async throws {
        let fixture = try HTTPSFixture(plan: { $0.number == 1 ? .but { $0.entityTag = "\"2\"" } : .right })
        let store = try await fixture.open()
        let first = try #require(await readError(store))
        #expect(first.message.contains("changed while in use"))
        #expect(await readError(store) == first)
        #expect(fixture.server.requestCount == 2)
        await store.close()
    }

    @Test func `the server is told to refuse when the image is another by now`() async throws {
        let seen = Mutex<[String?]>([])
        let fixture = try HTTPSFixture(plan: { request in
            seen.withLock { $0.append(request.head.value("if-match")) }
            return .right
        })
        let store = try await fixture.open()
        _ = try await store.read(10, at: 0)
        try fixture.folder.write(Array(HTTPSFixture.pattern.reversed()), to: "disk.img")
        let error = try #require(await readError(store, at: 2_000_000))
        #expect(error.message.contains("412"), "\(error)")
        let conditions = seen.withLock { $0 }
        #expect(conditions.first == .some(nil))
        #expect(conditions.count > 1 && conditions.dropFirst().allSatisfy { $0 != nil })
        await store.close()
    }

    @Test func `without an ETag the date of change is compared`() async throws {
        let fixture = try HTTPSFixture(plan: { request in
            .but {
                $0.entityTag = ""
                if request.number > 0 { $0.lastModified = "Sun, 06 Nov 1994 08:49:37 GMT" }
            }
        })
        let store = try await fixture.open()
        let error = try #require(await readError(store))
        #expect(error.message.contains("Last-Modified"), "\(error)")
        await store.close()
    }

    @Test func `a certificate that turns bad while in use is never accepted`() async throws {
        let folder = try TemporaryFolder()
        let authority = try CertificateAuthority()
        try authority.writeCertificate(to: folder.file("ca.pem"))
        var configuration = ImageServer.Configuration()
        configuration.images["/disk.img"] = .file(path: try folder.writePattern(300_000, to: "disk.img"))
        let good = try ImageServer(authority: authority, configuration)
        var options = HTTPSOptions(caFile: folder.file("ca.pem"))
        options.readTimeout = .seconds(5)
        let store = try await SystemImageOpener(options: options).open(
            ImageRequest(
                url: good.url("/disk.img"), credentials: nil, isReadWrite: false, timeout: .seconds(5)))
        good.stop()
        configuration.port = good.port
        let bad = try ImageServer(authority.issue(.expired), configuration)
        let error = try #require(await readError(store))
        #expect(error.message.contains("has expired"), "\(error)")
        #expect(bad.requestCount == 0)
        await store.close()
        bad.stop()
    }

    @Test func `a server that restarts is waited for`() async throws {
        let folder = try TemporaryFolder()
        let authority = try CertificateAuthority()
        try authority.writeCertificate(to: folder.file("ca.pem"))
        var configuration = ImageServer.Configuration()
        configuration.images["/disk.img"] = .file(path: try folder.writePattern(300_000, to: "disk.img"))
        let first = try ImageServer(authority: authority, configuration)
        let store = try await SystemImageOpener(options: HTTPSOptions(caFile: folder.file("ca.pem"))).open(
            ImageRequest(
                url: first.url("/disk.img"), credentials: nil, isReadWrite: false, timeout: .seconds(5)))
        configuration.port = first.port
        first.stop()
        async let bytes = store.read(300_000, at: 0)
        let second = try ImageServer(authority: authority, configuration)
        #expect(try await bytes == TemporaryFolder.pattern(300_000))
        await store.close()
        second.stop()
    }

    @Test func `closing ends a read that waits, at once`() async throws {
        let fixture = try HTTPSFixture(plan: Self.late(.but { $0.body = .stalls(after: 5) }))
        let store = try await fixture.open {
            $0.stallTimeout = .seconds(60)
            $0.readTimeout = .seconds(60)
        }
        let reading = Task { await readError(store) }
        await HTTPSFixture.eventually { fixture.server.requestCount >= 2 }
        await store.close()
        #expect(await reading.value?.code == .shuttingDown)
    }

    @Test func `a read outside the image is refused without a request`() async throws {
        let fixture = try HTTPSFixture()
        let store = try await fixture.open()
        for offset in [UInt64(HTTPSFixture.pattern.count), .max] {
            #expect(await readError(store, at: offset, count: 1)?.code == .invalid)
        }
        #expect(fixture.server.requestCount == 1)
        await store.close()
    }

    func readError(_ store: any BlockStore, at offset: UInt64 = 0, count: Int = 131_072) async
        -> StorageError?
    {
        do throws(StorageError) {
            _ = try await store.read(count, at: offset)
            return nil
        } catch {
            return error
        }
    }
}

extension ResponsePlan {
    /// A server that knows no conditions: only comparing shows that the image changed.
    static func simple(_ change: (inout ResponsePlan) -> Void) -> ResponsePlan {
        .but {
            $0.ignoresPreconditions = true
            change(&$0)
        }
    }
}
