import FrontPlatform
import Glibc
package import HTTPTransport
import LinuxPlatform
import RedfishServer
import Synchronization

/// What the BMCs of one process share. Nothing of it lets one of them see another: threads, the certificate that
/// they show, and how passwords are made hard to guess.
package final class FleetCommons: Sendable {
    let threads = WebThreads()
    let credentials: WebServer.Credentials
    let passwords: ScryptHashing
    private let kernelThreads: [ThreadExecutor]
    private let kernels = Atomic(0)
    /// Hashes of the passwords that BMCs begin with.
    private let initialHashes = InitialHashes()

    package static let usualPasswordCost = 14

    /// - Parameters:
    ///   - passwordCost: Work that one log-in costs, as a power of two.
    ///   - bmcs: How many are expected; there may be more.
    /// - Throws: for a certificate or key that cannot be used.
    package init(identity: WebServer.Identity, passwordCost: Int, bmcs: Int = 1) throws(WebServerFailure) {
        credentials = try WebServer.Credentials(identity)
        passwords = ScryptHashing(cost: ScryptHashing.Cost(logarithm: passwordCost))
        let processors = max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))))
        kernelThreads = (0..<max(1, min(bmcs, processors))).map { ThreadExecutor(name: "kernel \($0)") }
    }

    /// Only after every BMC that shares this.
    package func stop() async {
        await threads.stop()
        for thread in kernelThreads { thread.stop() }
    }

    /// For the kernel of one more BMC: they take turns.
    func nextKernelThread() -> ThreadExecutor {
        let number = kernels.wrappingAdd(1, ordering: .relaxed).oldValue
        return kernelThreads[number % kernelThreads.count]
    }

    /// The administrator whom a new BMC begins with.
    ///
    /// BMCs that begin with the same password begin with the same hash: the work is done once for all of them.
    func accounts(_ userName: String, password: String) async -> [Account] {
        [
            Account(
                userName: userName, role: .administrator,
                passwordHash: await initialHashes.hash(of: password, passwords))
        ]
    }

    private actor InitialHashes {
        private var hashes: [String: Task<String, Never>] = [:]

        func hash(of password: String, _ hashing: ScryptHashing) async -> String {
            if let known = hashes[password] { return await known.value }
            let work = Task { await hashing.hash(Array(password.utf8)) }
            hashes[password] = work
            return await work.value
        }
    }
}
