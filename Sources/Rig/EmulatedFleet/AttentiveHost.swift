import HostObserver
import SimulatedBMC
import USBMassStorage
import VirtualMedia

/// A host that enumerates whatever is plugged in, as an operating system does; it reads the medium through if it is to,
/// and nothing unasked otherwise.
struct AttentiveHost: Sendable {
    /// How long one wait for a device lasts before it is begun anew.
    private static let patience = Duration.seconds(86_400)

    private let kernel: SimulatedKernel
    private let port: String
    private let clock: any MediaClock
    private let readsMedia: Bool

    init(_ kernel: SimulatedKernel, port: String, clock: any MediaClock, readsMedia: Bool) {
        self.kernel = kernel
        self.port = port
        self.clock = clock
        self.readsMedia = readsMedia
    }

    /// Returns when cancelled, once the device that is there has gone.
    func watch() async {
        while !Task.isCancelled {
            guard let device = try? await kernel.device(on: port, timeout: Self.patience) else { continue }
            let clock = self.clock
            let observer = HostObserver(
                connection: device, profile: .linux(speed: .superSpeed), now: { clock.now },
                pause: { try? await clock.sleep(until: clock.now + $0) })
            do throws(ObserverError) {
                _ = try await observer.enumerate()
                let unit = try await observer.examineUnit()
                if readsMedia { await read(unit.capacity.blockCount, through: observer) }
            } catch {
                // A device that does not answer is left alone until it goes, as a hub's driver does.
            }
            await device.departed()
        }
    }

    /// From the first block to the last, as far as it goes.
    private func read(_ blockCount: UInt64, through observer: HostObserver) async {
        let step = UInt64(observer.blocksPerCommand)
        var block: UInt64 = 0
        while block < blockCount, !Task.isCancelled {
            let range = BlockRange(first: block, count: UInt32(min(step, blockCount - block)))
            guard case .passed = await observer.readBlocks(range) else { return }
            block += UInt64(range.count)
        }
    }
}
