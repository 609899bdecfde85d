import DBusProtocol
package import DaemonShell
import Glibc
import ImageSources
import KernelDevices
import LinuxPlatform
import Synchronization
package import VirtualMedia

/// The virtual media service as a process: this machine's kernel, its bus, its signals.
package actor VirtualMediaDaemon {
    /// Before a bus that has gone, or is not there yet, is sought again.
    private static let reconnectPause = Duration.seconds(1)

    private let settings: DaemonSettings
    private let supervisor: Supervisor
    private let log: DaemonLog
    private let clock = SystemClock()
    private let spawner = SystemSpawner()
    private let service: VirtualMediaService
    private let endings: AsyncStream<DaemonEnding>
    private let endingsInlet: AsyncStream<DaemonEnding>.Continuation

    /// - Parameter adapt: lets a rig put something between the service and this machine.
    /// - Throws: for a configuration with an error, which has been logged.
    package init(
        _ settings: DaemonSettings, supervisor: Supervisor, log: DaemonLog,
        adapt: (MediaPlatform) -> MediaPlatform = { $0 }
    ) throws(DaemonFailure) {
        let configuration: MediaConfiguration
        do throws(ConfigurationFile.Problem) {
            configuration = try ConfigurationFile.read(settings.configurationFile) { log(.warning, $0) }
        } catch {
            for line in error.lines { log(.error, line) }
            throw DaemonFailure(ending: .configuration)
        }
        self.settings = settings
        self.supervisor = supervisor
        self.log = log
        (endings, endingsInlet) = AsyncStream.makeStream(of: DaemonEnding.self)
        let chronicle = SlotChronicle(log: log)
        service = VirtualMediaService(
            configuration, on: adapt(Self.platform(settings, clock, spawner)),
            machineID: MachineIdentity.text(),
            busName: settings.busName
        ) { news in
            switch news {
            case .serving:
                log(.notice, "serving \(configuration.slots.count) slots as \(settings.busName)")
                supervisor.tell(.ready)
            case .slot(let name, let notice): chronicle.tell(name, notice)
            }
        }
    }

    private static func platform(
        _ settings: DaemonSettings, _ clock: SystemClock, _ spawner: SystemSpawner
    ) -> MediaPlatform {
        MediaPlatform(
            gadgets: ConfigFSGadgetTree(), controllers: SysfsControllerDirectory(),
            nbd: KernelNBDDriver(mode: settings.nbdMode, clock: clock, spawner: spawner),
            uevents: UdevUevents(), sockets: SystemSockets(), exports: SocketExportServer(),
            images: SystemImageOpener(
                options: settings.https, allowsLocalFiles: settings.allowsLocalFiles,
                scratchFolder: settings.scratchFolder, clock: clock, spawner: spawner),
            clock: clock, spawner: spawner, secrets: PipeSecretReader())
    }

    /// Returns once a signal asked for it and every medium is down, or at a failure that stays.
    package func run() async -> DaemonEnding {
        let signals = spawner.spawn("signals", .shared) { [self] in await heed(ProcessSignals.stream()) }
        let bus = spawner.spawn("bus", .shared) { [self] in await keepServing() }
        let watchdog = supervisor.watchdogInterval.map { interval in
            spawner.spawn("watchdog", .shared) { [self] in await showLife(every: interval / 2) }
        }
        var ending = DaemonEnding.asked
        for await first in endings {
            ending = first
            break
        }
        for task in [signals, bus, watchdog] { task?.cancel() }
        return ending
    }

    // MARK: Bus

    private func keepServing() async {
        var lastFailure: String?
        while !Task.isCancelled {
            do throws(BusError) {
                let connection = try await connect()
                lastFailure = nil
                log(.info, "connected to the bus as \(connection.uniqueName)")
                try await service.serve(on: connection)
                if !Task.isCancelled { log(.warning, "the bus has gone; media stay as they are") }
            } catch {
                if Task.isCancelled { return }
                if error.name == VirtualMediaService.nameIsTaken || error.name == ErrorName.accessDenied {
                    log(.error, "\(error.message); is another service running, does the bus have our policy?")
                    endingsInlet.yield(.failed)
                    return
                }
                if lastFailure != error.message { log(.error, "no bus: \(error.message)") }
                lastFailure = error.message
            }
            guard (try? await clock.sleep(until: clock.now + Self.reconnectPause)) != nil else { return }
        }
    }

    private func connect() async throws(BusError) -> WiredBusConnection {
        switch settings.bus {
        case .system: try await SocketBusConnection.system()
        case .session: try await SocketBusConnection.session()
        case .address(let address): try await SocketBusConnection.connect(to: address)
        }
    }

    // MARK: Signals

    private func heed(_ signals: AsyncStream<CInt>) async {
        var isEnding = false
        for await signal in signals {
            switch signal {
            case SIGHUP where !isEnding: await reload()
            case SIGTERM, SIGINT:
                if isEnding {
                    log(
                        .error, "ending at once, at the second signal; the next start takes down what is left"
                    )
                    endingsInlet.yield(.failed)
                    return
                }
                isEnding = true
                spawner.spawn("shut down", .shared) { [self] in await shutDown() }
            default: break
            }
        }
    }

    private func shutDown() async {
        log(.notice, "ending: taking every medium down")
        supervisor.tell(.stopping)
        await service.shutDown()
        log(.notice, "ended")
        endingsInlet.yield(.asked)
    }

    private func reload() async {
        supervisor.tell(.reloading)
        defer { supervisor.tell(.ready) }
        let configuration: MediaConfiguration
        do throws(ConfigurationFile.Problem) {
            configuration = try ConfigurationFile.read(settings.configurationFile) { log(.warning, $0) }
        } catch {
            for line in error.lines { log(.error, line) }
            log(.error, "the configuration stays as it was")
            return
        }
        let changes = await service.reload(configuration)
        if changes.isEmpty { log(.notice, "reloaded: every slot is as it was") }
        for change in changes {
            let level: LogLevel = change.kind == .inUse ? .warning : .notice
            let advice =
                change.kind == .inUse ? ", keeps its configuration; reload again once it is empty" : ""
            log(level, "reloaded: \(change.slot) \(change.kind.rawValue)\(advice)")
        }
    }

    // MARK: Watchdog

    /// The service answers, so its actor runs; a sign of life from elsewhere would prove nothing.
    private func showLife(every interval: Duration) async {
        while (try? await clock.sleep(until: clock.now + interval)) != nil {
            _ = await service.reports()
            supervisor.tell(.alive)
        }
    }
}
