import Foundation
import Glibc
import Synchronization
internal import VirtualMachine
internal import VirtualMedia
internal import Worlds

/// The virtual media service as a process of this machine: the program that ships on a BMC.
final class KernelService: Sendable {
    /// From SIGTERM until everything is taken down.
    static let stopLimit = Duration.seconds(30)

    let process: SupervisedProgram
    private let secrets: SecretPipes

    /// - Parameters:
    ///   - program: `virtual-mediad`.
    ///   - configuration: of the slots, as a file.
    ///   - log: of what it says; is added to.
    init(
        _ program: String, configuration: String, bus: String, certificate: String, scratch: String,
        log: String, secrets: SecretPipes
    ) throws(WorldFailure) {
        self.secrets = secrets
        do throws(RigFailure) {
            process = try SupervisedProgram(
                [
                    program, "--config", configuration, "--address", bus, "--cafile", certificate,
                    "--scratch", scratch, "--log-level", "debug",
                ], log: log)
        } catch { throw WorldFailure("the service: \(error)") }
    }

    var isAlive: Bool { process.isAlive }
    func atDeath(_ body: @escaping @Sendable () -> Void) { process.atDeath(body) }
    func kill() { process.signal(SIGKILL) }
    func pause() { process.signal(SIGSTOP) }
    func resume() { process.signal(SIGCONT) }

    /// As SIGTERM: everything is taken down in order, by the process itself.
    func shutDown() async {
        process.signal(SIGCONT)
        process.signal(SIGTERM)
        if await !process.hasEnded(within: Self.stopLimit) { process.signal(SIGKILL) }
    }

    /// Pipes with secrets that it has open.
    var openSecretCount: Int { isAlive ? secrets.openCount(ofProcess: process.identifier) : 0 }
}

/// The slots as the configuration file of the service, in OpenBMC's format.
enum ServiceDocument {
    static func text(_ configuration: MediaConfiguration) -> [UInt8] {
        var points: [String: Any] = [:]
        for slot in configuration.slots {
            var point: [String: Any] = [
                "EndpointId": slot.endpoint, "Mode": Int(slot.mode.rawValue), "NBDDevice": slot.device,
                "UnixSocket": slot.socket, "Timeout": Int(slot.timeoutSeconds),
                "BlockSize": Int(slot.blockBytes), "Medium": slot.kind.rawValue,
                "InactivityTimeout": Int(slot.inactivitySeconds ?? 0),
                "IOFailurePolicy": [
                    "StallSeconds": Int(slot.failurePolicy.stallSeconds),
                    "ErrorSeconds": Int(slot.failurePolicy.errorSeconds),
                ],
                "RequestTimeout": Int(slot.requestTimeoutSeconds), "ReadAheadKiB": slot.readAheadBytes >> 10,
                "Controllers": slot.controllers, "Connections": slot.connectionCount,
            ]
            if let serial = slot.usb.serialNumber { point["USB"] = ["SerialNumber": serial] }
            if slot.controllers.isEmpty { point["Controllers"] = nil }
            points[slot.name] = point
        }
        let document: [String: Any] = ["MountPoints": points]
        let data = try? JSONSerialization.data(
            withJSONObject: document, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        return Array(data ?? Data())
    }
}
