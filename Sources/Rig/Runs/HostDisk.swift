internal import BlockStorage
internal import HostObserver
internal import USBMassStorage
internal import VirtualMedia
internal import WireFormat
internal import Worlds

/// One device on the host's bus: one command at a time, as on a bulk-only pipe.
actor HostDisk {
    nonisolated let port: String
    /// What this device has told of its medium.
    nonisolated let news = MediumNews()
    private let observer: HostObserver
    private let device: any HostDevice
    private let turn = AsyncLock()

    init(_ device: any HostDevice, port: String, profile: HostProfile, clock: any MediaClock) {
        self.device = device
        self.port = port
        observer = HostObserver(
            connection: device, profile: profile, now: { clock.now },
            pause: { try? await clock.sleep(until: clock.now + $0) })
    }

    /// - Returns: the serial number, "" if it has none.
    func enumerate() async -> Result<String, ObserverError> {
        await turn.whileHeld {
            do throws(ObserverError) {
                return .success(try await observer.enumerate().serialNumber ?? "")
            } catch { return .failure(error) }
        }
    }

    /// Asks for capacity and kind anew.
    func examine() async -> Result<UnitReport, ObserverError> {
        await turn.whileHeld {
            do throws(ObserverError) { return .success(try await observer.examineUnit()) } catch {
                return .failure(error)
            }
        }
    }

    var unit: UnitReport? { observer.unit }
    var blocksPerCommand: UInt32 { observer.blocksPerCommand }

    /// Runs a command and what has to be noted of it without another in between.
    func read(_ range: BlockRange, _ note: (BlockOutcome) async -> Void) async {
        await turn.whileHeld {
            let outcome = await observer.readBlocks(range)
            noteAttentions()
            await note(outcome)
        }
    }

    func write(
        _ range: BlockRange, _ bytes: Bytes, isForced: Bool, _ note: (BlockOutcome) async -> Void
    ) async {
        await turn.whileHeld { await note(await observer.writeBlocks(range, bytes, isForced: isForced)) }
    }

    func synchronize(_ note: (BlockOutcome) async -> Void) async {
        await turn.whileHeld { await note(await observer.synchronizeBlocks()) }
    }

    func eject() async -> ObserverError? {
        await attempt { observer throws(ObserverError) in try await observer.eject() }
    }

    func setRemovalPrevented(_ isPrevented: Bool) async -> ObserverError? {
        await attempt { observer throws(ObserverError) in try await observer.setRemovalPrevented(isPrevented)
        }
    }

    /// Starts a device anew that the host has given up, as unplugging and plugging it in would.
    ///
    /// - Returns: whether it was given up, and what became of it.
    func revive() async -> (wasGivenUp: Bool, error: ObserverError?) {
        guard observer.isOffline else { return (false, nil) }
        if let error = await reset() { return (true, error) }
        guard case .failure(let error) = await enumerate() else { return (true, nil) }
        return (true, error)
    }

    /// A device may miss a reset; a hub driver resets it again before it gives the port up (Linux: 5).
    static let resetAttempts = 3

    /// Resets the port, and configures the device again as a host must.
    func reset() async -> ObserverError? {
        for _ in 1..<Self.resetAttempts {
            let error = await attempt { observer throws(ObserverError) in try await observer.resetPort() }
            guard error != nil else { return nil }
        }
        return await attempt { observer throws(ObserverError) in try await observer.resetPort() }
    }

    private func noteAttentions() {
        let isNews = observer.takeUnitAttentions().contains {
            $0 == .mediumMayHaveChanged || $0 == .resetOccurred
        }
        if isNews { news.changeAnnounced() }
    }

    private func attempt(_ body: (HostObserver) async throws(ObserverError) -> Void) async -> ObserverError? {
        await turn.whileHeld {
            do throws(ObserverError) {
                try await body(observer)
                return nil
            } catch { return error }
        }
    }
}
