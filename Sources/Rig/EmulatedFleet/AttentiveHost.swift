import HostObserver
import SimulatedBMC
import USBMassStorage
import VirtualMedia

/// A medium that a host has read, from its first block on.
package struct HostRead: Equatable, Sendable {
    package let byteCount: UInt64
    package let seconds: Double
    /// What ended it before the last block.
    package let failure: String?
}

/// A host that enumerates whatever is plugged in, as an operating system does; it reads the medium through if it is to,
/// and nothing unasked otherwise.
struct AttentiveHost: Sendable {
    /// How long one wait for a device lasts before it is begun anew.
    private static let patience = Duration.seconds(86_400)

    private let kernel: SimulatedKernel
    private let port: String
    private let clock: any MediaClock
    /// Told of media that were read; `nil` for a host that reads nothing unasked.
    private let told: (@Sendable (HostRead) -> Void)?

    init(
        _ kernel: SimulatedKernel, port: String, clock: any MediaClock,
        told: (@Sendable (HostRead) -> Void)? = nil
    ) {
        self.kernel = kernel
        self.port = port
        self.clock = clock
        self.told = told
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
                if let told { told(await read(unit.capacity, by: observer)) }
            } catch {
                // A device that does not answer is left alone until it goes, as a hub's driver does.
            }
            await device.departed()
        }
    }

    /// Every block in order, as large commands as the host makes.
    private func read(_ capacity: CapacityReply, by observer: HostObserver) async -> HostRead {
        let start = clock.now
        var block: UInt64 = 0
        var failure: String?
        while block < capacity.blockCount, failure == nil {
            let count = UInt32(min(UInt64(observer.blocksPerCommand), capacity.blockCount - block))
            switch await observer.readBlocks(BlockRange(first: block, count: count)) {
            case .passed: block += UInt64(count)
            case .failed(let sense): failure = "\(sense)"
            case .unknown(let error): failure = "\(error)"
            case .gone: failure = "the device is gone"
            }
        }
        return HostRead(
            byteCount: block * UInt64(capacity.blockByteCount), seconds: (clock.now - start) / .seconds(1),
            failure: failure)
    }
}
