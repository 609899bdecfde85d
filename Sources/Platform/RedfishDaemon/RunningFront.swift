import DBusProtocol
import DaemonShell
import FrontPlatform
import Glibc
import HTTPTransport
import LinuxPlatform
import RedfishServer
import VirtualMedia
import WebFront

/// Everything of a front that runs.
struct RunningFront: Sendable {
    var port: Int { server.port }

    private let redfish: RedfishService
    private let server: WebServer
    private let threads: WebThreads
    private let serving: any SpawnedTask
    private let proxying: any SpawnedTask
    private let telling: any SpawnedTask

    /// - Throws: ``StoreFailure`` or ``WebServerFailure``, with what to do.
    static func start(
        _ settings: RedfishDaemonSettings, clock: SystemClock, spawner: SystemSpawner, log: DaemonLog
    ) async throws -> RunningFront {
        let state = try StateFolder(at: settings.stateFolder)
        let identity = try Self.identity(settings)
        var configuration = RedfishConfiguration(
            initialAccounts: try await Self.firstAccount(settings, state, log), uuid: try await state.uuid())
        Self.set(settings, in: &configuration)
        configuration.hostName = settings.hostName ?? Self.machineName
        configuration.systemID = settings.systemID
        configuration.managerID = settings.managerID
        configuration.firmwareVersion = settings.firmwareVersion
        configuration.sessionTimeout = .seconds(settings.sessionTimeoutSeconds)
        configuration.mediaBusName = settings.mediaBusName
        configuration.mediaRootPath = settings.mediaRootPath
        let (chronicle, bus) = (FrontChronicle(log: log), settings.bus)
        let redfish = try await RedfishService(
            configuration,
            on: RedfishPlatform(
                bus: ChronicledBus(log) { () async throws(BusError) in try await Self.connect(to: bus) },
                clock: clock, wallClock: SystemWallClock(), spawner: spawner, entropy: SystemEntropy(),
                passwords: ScryptHashing(), accounts: state.accounts, secrets: SystemPipes(),
                settings: state.settings,
                delivery: CurlEventDelivery(authorityFile: settings.eventAuthorities),
                audit: { chronicle.audit($0) }))
        let proxies = ImageProxies(redfish, listeners: SystemListeners(), clock: clock, spawner: spawner)
        let threads = WebThreads()
        let server: WebServer
        do throws(WebServerFailure) {
            server = try await WebServer.start(
                FrontApplication(redfish, proxies), identity: identity, host: settings.address,
                port: settings.port, on: threads, limits: settings.limits)
        } catch {
            await threads.stop()
            throw error
        }
        let port = server.port
        await redfish.reconfigure { $0.httpsPort = port }
        let changes = await redfish.followSlots()
        return RunningFront(
            redfish: redfish, server: server, threads: threads,
            serving: spawner.spawn("redfish", .shared) { await redfish.run() },
            proxying: spawner.spawn("proxies", .shared) { await proxies.run() },
            telling: spawner.spawn("chronicle", .shared) { await chronicle.follow(changes) })
    }

    /// Media of clients first, while they still serve; then everything else.
    func stop() async {
        proxying.cancel()
        await proxying.finished()
        await server.stop()
        serving.cancel()
        await serving.finished()
        telling.cancel()
        await telling.finished()
        await threads.stop()
    }

    /// - Throws: for a certificate that cannot be used; everything is as before then.
    func reload(_ settings: RedfishDaemonSettings) async throws(WebServerFailure) {
        try server.present(try Self.identity(settings))
        await redfish.reconfigure { Self.set(settings, in: &$0) }
    }

    /// Returns when the service has answered.
    func prove() async { _ = await redfish.keepAlive(sessionID: "") }

    /// What a reload changes.
    private static func set(_ settings: RedfishDaemonSettings, in configuration: inout RedfishConfiguration) {
        configuration.imageSources = settings.imageSources
        configuration.maximumSessions = settings.maximumSessions
        configuration.maximumSessionsPerUser = settings.maximumSessionsPerUser
        configuration.shortWait = .seconds(settings.shortWaitSeconds)
    }

    private static func connect(to bus: DaemonBus) async throws(BusError) -> any BusConnection {
        switch bus {
        case .system: try await SocketBusConnection.system()
        case .session: try await SocketBusConnection.session()
        case .address(let address): try await SocketBusConnection.connect(to: address)
        }
    }

    // MARK: First start

    private static func identity(_ settings: RedfishDaemonSettings) throws(WebServerFailure)
        -> WebServer.Identity
    {
        guard let certificate = settings.certificateFile, let key = settings.keyFile else {
            let names =
                settings.names.isEmpty ? [machineName, "localhost", "127.0.0.1", "::1"] : settings.names
            var seen: Set<String> = []
            return try IdentityFolder(path: settings.stateFolder).identity(
                names: names.filter { seen.insert($0).inserted })
        }
        guard let chain = try IdentityFolder.read(certificate) else {
            throw WebServerFailure("there is no \(certificate)")
        }
        guard let keyText = try IdentityFolder.read(key) else {
            throw WebServerFailure("there is no \(key)")
        }
        return WebServer.Identity(certificateChain: chain, privateKey: keyText)
    }

    private static var machineName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.isEmpty ? "localhost" : text
    }

    /// The administrator of a BMC that never had an account.
    private static func firstAccount(
        _ settings: RedfishDaemonSettings, _ state: StateFolder, _ log: DaemonLog
    ) async throws(StoreFailure) -> [RedfishConfiguration.InitialAccount] {
        guard try await state.accounts.load() == nil else { return [] }
        guard Account.isValid(userName: settings.userName) else {
            throw StoreFailure("'\(settings.userName)' cannot be the name of an account")
        }
        if let file = settings.passwordFile {
            return [.init(settings.userName, password: try password(in: file))]
        }
        let (password, isNew) = try await state.initialPassword()
        log(.notice, "the password of \(settings.userName) is in \(state.initialPasswordPath)")
        // Never into a log: only to somebody who looks at this very moment.
        if isNew, isatty(STDOUT_FILENO) == 1 { print("user \(settings.userName), password \(password)") }
        return [.init(settings.userName, password: password)]
    }

    private static func password(in file: String) throws(StoreFailure) -> String {
        let text: [UInt8]
        do throws(ConfigurationText.Problem) { text = try ConfigurationText.bytes(of: file) } catch {
            throw StoreFailure(error.description)
        }
        let line = String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        let range = RedfishLimits.minimumPasswordCharacters...RedfishLimits.maximumPasswordCharacters
        guard range.contains(line.count) else {
            throw StoreFailure(
                "\(file): the password in its first line has to have \(range.lowerBound) to \(range.upperBound) characters"
            )
        }
        return line
    }
}
