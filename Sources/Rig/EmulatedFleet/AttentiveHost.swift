import HostObserver
import SimulatedBMC
import USBMassStorage
import VirtualMedia

/// A host that enumerates whatever is plugged in, as an operating system does, and reads nothing unasked.
struct AttentiveHost: Sendable {
    /// How long one wait for a device lasts before it is begun anew.
    private static let patience = Duration.seconds(86_400)

    private let kernel: SimulatedKernel
    private let port: String
    private let clock: any MediaClock

    init(_ kernel: SimulatedKernel, port: String, clock: any MediaClock) {
        self.kernel = kernel
        self.port = port
        self.clock = clock
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
                _ = try await observer.examineUnit()
            } catch {
                // A device that does not answer is left alone until it goes, as a hub's driver does.
            }
            await device.departed()
        }
    }
}
