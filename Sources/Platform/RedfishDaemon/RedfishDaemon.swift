import DBusProtocol
package import DaemonShell
import FrontPlatform
import Glibc
import HTTPTransport
import LinuxPlatform
import RedfishServer
import VirtualMedia
import WebFront

/// The front as a process of its own: HTTPS on one side, a virtual media service on the message bus on the other.
package actor RedfishDaemon {
    private let source: SettingsSource
    private let settings: RedfishDaemonSettings
    private let supervisor: Supervisor
    private let log: DaemonLog
    private let clock = SystemClock()
    private let spawner = SystemSpawner()
    private let endings: AsyncStream<DaemonEnding>
    private let endingsInlet: AsyncStream<DaemonEnding>.Continuation

    /// - Throws: for a configuration with an error, which has been logged.
    package init(_ source: SettingsSource, supervisor: Supervisor, log: DaemonLog) throws(DaemonFailure) {
        self.source = source
        self.supervisor = supervisor
        self.log = log
        (endings, endingsInlet) = AsyncStream.makeStream(of: DaemonEnding.self)
        do throws(SettingsReader.Problem) { settings = try source.settings() } catch {
            for line in error.lines { log(.error, line) }
            throw DaemonFailure(ending: .configuration)
        }
    }

    /// Returns once a signal asked for it and every client's medium is down, or at a failure that stays.
    package func run() async -> DaemonEnding {
        let front: RunningFront
        do {
            front = try await RunningFront.start(settings, clock: clock, spawner: spawner, log: log)
        } catch {
            log(.error, "\(error)")
            return .failed
        }
        log(.notice, "serving on \(settings.address) port \(front.port)")
        supervisor.tell(.ready)
        let signals = spawner.spawn("signals", .shared) { [self] in
            await heed(ProcessSignals.stream(), front)
        }
        let watchdog = supervisor.watchdogInterval.map { interval in
            spawner.spawn("watchdog", .shared) { [self] in await showLife(of: front, every: interval / 2) }
        }
        var ending = DaemonEnding.asked
        for await first in endings {
            ending = first
            break
        }
        signals.cancel()
        watchdog?.cancel()
        return ending
    }

    // MARK: Signals

    private func heed(_ signals: AsyncStream<CInt>, _ front: RunningFront) async {
        var isEnding = false
        for await signal in signals {
            switch signal {
            case SIGHUP where !isEnding: await reload(front)
            case SIGTERM, SIGINT:
                guard !isEnding else {
                    log(
                        .error, "ending at once, at the second signal; clients' media may stay in their slots"
                    )
                    endingsInlet.yield(.failed)
                    return
                }
                isEnding = true
                log(.notice, "ending: taking the media of clients down")
                supervisor.tell(.stopping)
                spawner.spawn("shut down", .shared) { [endingsInlet, log] in
                    await front.stop()
                    log(.notice, "ended")
                    endingsInlet.yield(.asked)
                }
            default: break
            }
        }
    }

    private func reload(_ front: RunningFront) async {
        supervisor.tell(.reloading)
        defer { supervisor.tell(.ready) }
        let changed: RedfishDaemonSettings
        do throws(SettingsReader.Problem) { changed = try source.settings() } catch {
            for line in error.lines { log(.error, line) }
            log(.error, "everything stays as it was")
            return
        }
        do throws(WebServerFailure) { try await front.reload(changed) } catch {
            log(.error, "\(error); everything stays as it was")
            return
        }
        log(.notice, "reloaded: certificate, image sources, numbers of sessions, short wait")
    }

    /// The service answers, so its actor runs; a sign of life from elsewhere would prove nothing.
    private func showLife(of front: RunningFront, every interval: Duration) async {
        while (try? await clock.sleep(until: clock.now + interval)) != nil {
            await front.prove()
            supervisor.tell(.alive)
        }
    }
}

/// Where settings come from, at the start and at each reload: defaults, then the file, then options.
package struct SettingsSource: Sendable {
    private let file: String?
    private let options: @Sendable (inout RedfishDaemonSettings) -> Void

    /// - Parameter file: `nil` for the usual one, which need not be there.
    package init(file: String?, options: @escaping @Sendable (inout RedfishDaemonSettings) -> Void) {
        self.file = file
        self.options = options
    }

    func settings() throws(SettingsReader.Problem) -> RedfishDaemonSettings {
        var settings = RedfishDaemonSettings()
        let path = file ?? RedfishDaemonSettings.usualFile
        if file != nil || access(path, F_OK) == 0 {
            let text: [UInt8]
            do throws(ConfigurationText.Problem) { text = try ConfigurationText.bytes(of: path) } catch {
                throw SettingsReader.Problem(lines: [error.description])
            }
            try SettingsReader.read(text, file: path, into: &settings)
        }
        options(&settings)
        return settings
    }
}
