import BlockStorage
import Certificates
import HTTPRanges
import ImageSources
import RemoteImages
import RemoteStore
import SimulatedHTTP
import SimulatedTime
import Synchronization
import TestSupport
import VirtualMedia

/// One try at an image: opened, and read once if `reads`. The same in both worlds.
struct Attempt: Sendable {
    var planner: @Sendable (ReceivedRequest) -> ResponsePlan = { _ in .right }
    var change: @Sendable (inout HTTPSOptions) -> Void = { _ in }
    var timeout = Duration.seconds(10)
    var reads = false
    var certificate: CertificateFault?
    var credentials: BasicCredentials?
    var given: BasicCredentials?
    var image = Attempt.pattern

    static let pattern = TemporaryFolder.pattern(3_000_001, seed: 7)

    /// What became of it.
    struct Outcome: Equatable, Sendable, CustomStringConvertible {
        var cause: ImageError.Cause?
        var message: String?
        var requestCount = 0

        var description: String {
            "\(cause.map { "\($0)" } ?? "-") \(requestCount) requests: \(message ?? "")"
        }
    }

    var request: (String) -> ImageRequest {
        { url in
            let credentials = given.map {
                Credentials(user: Array($0.user.utf8), password: Array($0.password.utf8))
            }
            return ImageRequest(
                url: url, credentials: credentials, isReadWrite: false, timeout: timeout)
        }
    }

    func outcome(_ url: String, of opener: any ImageOpener) async -> Outcome {
        var outcome = Outcome()
        do throws(ImageError) {
            let store = try await opener.open(request(url))
            if reads {
                do throws(StorageError) {
                    let bytes = try await store.read(131_072, at: 0)
                    if bytes != Array(image[..<131_072]) { outcome.message = "wrong bytes" }
                } catch { outcome.message = error.message }
            }
            await store.close()
        } catch {
            outcome.cause = error.cause
            outcome.message = error.message
        }
        return outcome
    }

    // MARK: Worlds

    static func options(caFile: String? = nil) -> HTTPSOptions {
        var options = HTTPSOptions(caFile: caFile)
        options.readTimeout = .seconds(15)
        return options
    }

    /// Over sockets and libcurl.
    func inReality() async throws -> Outcome {
        let folder = try TemporaryFolder()
        let authority = try CertificateAuthority()
        try authority.writeCertificate(to: folder.file("ca.pem"))
        var configuration = ImageServer.Configuration()
        configuration.images["/disk.img"] = .file(path: try folder.write(image, to: "disk.img"))
        configuration.planner = planner
        configuration.user = credentials?.user
        configuration.password = credentials?.password
        let profile: CertificateAuthority.Profile =
            switch certificate {
            case nil: .good
            case .expired: .expired
            case .notYetValid: .notYetValid
            case .wrongName: .wrongHost
            case .selfSigned: .selfSigned
            default: throw NoSuchCertificate()
            }
        let server = try ImageServer(authority.issue(profile), root: authority.root, configuration)
        defer { server.stop() }
        var options = Self.options(caFile: folder.file("ca.pem"))
        change(&options)
        var outcome = await outcome(server.url("/disk.img"), of: SystemImageOpener(options: options))
        outcome.requestCount = server.requestCount
        outcome.message = outcome.message?.replacing("127.0.0.1:\(server.port)", with: "SERVER")
            .replacing("127.0.0.1", with: "HOST").replacing("\(folder.path)/ca.pem", with: "CA")
            .replacing(Self.tag, with: "TAG")
        return outcome
    }

    /// Each server makes up its own.
    nonisolated(unsafe) private static let tag = /"2dc6c1-[^"]*"/

    struct NoSuchCertificate: Error {}

    /// On one thread and a virtual clock.
    func inSimulation(seed: UInt64 = 1) throws -> Outcome {
        try Simulation(seed: seed).run { simulation in
            var configuration = SimulatedImageServer.Configuration()
            configuration.network = ServerNetwork(roundTrip: .milliseconds(1))
            configuration.port = 8443
            configuration.planner = planner
            configuration.certificate = certificate
            configuration.credentials = credentials
            let server = SimulatedImageServer(
                configuration, clock: simulation.clock, spawner: simulation.spawner)
            server.publish(image, at: "/disk.img")
            var options = Self.options(caFile: "CA")
            change(&options)
            let opener = RemoteImageOpener(
                connector: SimulatedRangeConnector(to: server), options: options, clock: simulation.clock,
                spawner: simulation.spawner, random: simulation.random.stream("images"))
            var outcome = await outcome(server.url("/disk.img"), of: opener)
            outcome.requestCount = server.requestCount
            outcome.message = outcome.message?.replacing("images.example:8443", with: "SERVER")
                .replacing("images.example", with: "HOST").replacing(Self.tag, with: "TAG")
            return outcome
        }
    }
}

/// A simulated server with one image, and an opener for it.
struct SimulatedFixture: Sendable {
    let simulation: Simulation
    let server: SimulatedImageServer
    let options: HTTPSOptions

    var opener: RemoteImageOpener {
        RemoteImageOpener(
            connector: SimulatedRangeConnector(to: server), options: options, clock: simulation.clock,
            spawner: simulation.spawner, random: simulation.random.stream("images"))
    }

    func open(timeout: Duration = .seconds(10)) async throws(ImageError) -> any BlockStore {
        try await opener.open(
            ImageRequest(
                url: server.url("/disk.img"), credentials: nil, isReadWrite: false, timeout: timeout))
    }
}
