import BlockStorage
import NBDProtocol
import Synchronization

/// Everything that one mount holds, and the steps that get and return it.
///
///     image ─▶ store ─▶ export ═ channel ═▶ nbd device ─▶ LUN of a gadget ─▶ controller
///
/// A step that was given up may still end later: what it then brings is given back at once.
final class MediaPath: Sendable {
    struct Held {
        var request: MountRequest
        var store: (any BlockStore)?
        var export: (any ServedExport)?
        /// The connection whose handshake is under way.
        var connecting: (any ByteChannel)?
        /// The device's connections; as many as it was attached with, but for those that died.
        var channels: [any ByteChannel] = []
        /// How many the device was attached with.
        var attachedCount = 0
        /// How many of these the present server allows; fewer are a loss.
        var expectedCount = 0
        /// Live ones, when last seen.
        var liveCount = 0
        var medium: ExportInfo?
        /// Set before the driver is asked, so that an attachment cut short is detached too.
        var mayBeAttached = false
        /// Changes of the gadget tree in the order made.
        var journal: [Gadget.Change] = []
        var isInterrupted = false
        /// Grows when an attempt to reach the source is given up; what that attempt still brings is not kept.
        var attempt: UInt64 = 0
        var isReleased = false
    }

    let slot: SlotConfiguration
    let platform: MediaPlatform
    let controllers: ControllerPool
    let gadget: Gadget
    let held: Mutex<Held>
    let sourceTrouble = SourceTrouble()

    init(
        _ slot: SlotConfiguration, _ request: MountRequest, on platform: MediaPlatform,
        sharing controllers: ControllerPool
    ) {
        self.slot = slot
        self.platform = platform
        self.controllers = controllers
        gadget = Gadget(slot: slot)
        held = Mutex(Held(request: request))
    }

    var request: MountRequest { held.withLock { $0.request } }
    var medium: ExportInfo? { held.withLock { $0.medium } }

    /// Whether the host may not write: by request, by kind, or because the export says so.
    var isWriteProtected: Bool {
        held.withLock {
            !$0.request.isReadWrite || $0.request.kind == .cdrom || $0.medium?.isReadOnly ?? true
        }
    }

    /// Carries out one step. Never throws, always returns once what it waits for does.
    func perform(_ step: SlotStep) async -> SlotMachine.Outcome {
        do throws(SlotFailure) {
            switch step {
            case .sweep: try await Leftovers(slot: slot, platform: platform).remove()
            case .openImage: try await openImage()
            case .connect: try await connect()
            case .attach: try await attach()
            case .prove: try await prove()
            case .buildGadget: try await buildGadget()
            case .bind: try await bind()
            case .observe: return .observed(try await observe())
            case .dropCache: try await dropCache()
            case .reconnect: try await reconnect()
            case .flush: try await flush()
            case .askEject: try await askEject()
            case .forceEject: try await forceEject()
            case .unbind: try await unbind()
            case .removeGadget: try await removeGadget()
            case .detach: try await detach()
            case .release: await release()
            case .sever: try await sever()
            }
            return .done
        } catch {
            return .failed(error)
        }
    }

    /// Makes a handshake in progress fail; a step between two waits stops at its next check.
    func interrupt() {
        held.withLock {
            $0.isInterrupted = true
            return $0.connecting
        }?.close()
    }

    /// Gives up an attempt to reach the source, but not the mount.
    func hangUp() {
        held.withLock {
            $0.attempt += 1
            return $0.connecting
        }?.close()
    }

    /// - Throws: when the mount is being given up.
    func checkInterruption() throws(SlotFailure) {
        if held.withLock({ $0.isInterrupted }) { throw SlotFailure(.cancelled, "cancelled") }
    }

    /// Renames a system error, keeping its cause.
    func system<Result>(_ body: () async throws(SystemError) -> Result) async throws(SlotFailure) -> Result {
        do throws(SystemError) { return try await body() } catch { throw SlotFailure(error) }
    }
}

/// Why the source of a medium could not be read, of which the nbd device only says EIO.
final class SourceTrouble: Sendable {
    private let last = Mutex<ImageError?>(nil)

    func note(_ error: ImageError) { last.withLock { $0 = error } }

    /// - Returns: the source's own failure in place of the device's, if there is one.
    func explain(_ failure: SlotFailure) -> SlotFailure {
        guard failure.code == .inputOutput, let error = last.withLock({ $0 }) else { return failure }
        return SlotFailure(error)
    }
}
