package import BlockStorage
package import FaultPoints
package import HTTPRanges
package import RemoteImages
import Synchronization
package import VirtualMedia

/// An HTTPS image server in memory, with the way to it, on a clock that is given. What it answers is
/// decided by the same code as the answers of the server on sockets (``HTTPRanges/ImageResponse``).
///
/// Before each step it asks a ``FaultInjector`` what goes wrong: see ``carriedOut``.
package final class SimulatedImageServer: Sendable {
    package struct Configuration: Sendable {
        package var host = "images.example"
        package var port: UInt16 = 443
        package var network = ServerNetwork()
        /// Clients must name these.
        package var credentials: BasicCredentials?
        /// What is wrong with the server's certificate.
        package var certificate: CertificateFault?
        /// How requests are answered before faults change it.
        package var planner: @Sendable (ReceivedRequest) -> ResponsePlan = { _ in .right }

        package init() {}
    }

    private struct State {
        var network: ServerNetwork
        var certificate: CertificateFault?
        var isListening = true
        /// Everything waits for it while the server stands still.
        var pause: FaultHold?
        /// Released, and another, with each stop, which ends all connections.
        var end = FaultHold()
        var connectionCount = 0
        var requestCount = 0
        var sentBytes: UInt64 = 0
    }

    package let host: String
    package let port: UInt16
    /// What is served, and what ever was.
    package let archive = ImageArchive()
    let clock: any MediaClock
    let spawner: any Spawner
    let link = SharedLink()
    let credentials: BasicCredentials?
    let planner: @Sendable (ReceivedRequest) -> ResponsePlan
    private let faults: any FaultInjector
    private let state: Mutex<State>

    package init(
        _ configuration: Configuration = Configuration(), clock: any MediaClock, spawner: any Spawner,
        faults: any FaultInjector = NoFaults()
    ) {
        host = configuration.host
        port = configuration.port
        credentials = configuration.credentials
        planner = configuration.planner
        self.clock = clock
        self.spawner = spawner
        self.faults = faults
        state = Mutex(State(network: configuration.network, certificate: configuration.certificate))
    }

    package func url(_ path: String) -> String {
        "https://\(host)\(port == 443 ? "" : ":\(port)")\(path)"
    }

    package func publish(
        _ store: any BlockStore, at path: String, validators: ImageValidators = .entityTagAndDate
    ) { archive.publish(store, at: path, validators: validators) }

    package func publish(
        _ bytes: [UInt8], at path: String, validators: ImageValidators = .entityTagAndDate
    ) { publish(MemoryStore(bytes, isReadOnly: true), at: path, validators: validators) }

    /// Counts from the start of the run; retried requests count each time.
    package var requestCount: Int { state.withLock { $0.requestCount } }
    package var connectionCount: Int { state.withLock { $0.connectionCount } }
    /// Of heads and bodies, without TLS.
    package var sentBytes: UInt64 { state.withLock { $0.sentBytes } }

    package var network: ServerNetwork {
        get { state.withLock { $0.network } }
        set { state.withLock { $0.network = newValue } }
    }

    /// What is wrong with the certificate from the next connection on.
    package var certificate: CertificateFault? {
        get { state.withLock { $0.certificate } }
        set { state.withLock { $0.certificate = newValue } }
    }

    /// Ends every connection and refuses new ones, until ``start()``.
    package func stop() {
        let end = state.withLock { state in
            state.isListening = false
            defer { state.end = FaultHold() }
            return state.end
        }
        end.release()
    }

    package func start() { state.withLock { $0.isListening = true } }

    /// Ends every connection, and takes new ones.
    package func dropConnections() {
        stop()
        start()
    }

    /// Stands still, as a stopped process does: nothing is answered, nothing refused, until ``resume()``.
    package func pause() { state.withLock { if $0.pause == nil { $0.pause = FaultHold() } } }

    package func resume() { state.withLock { $0.pause.take() }?.release() }

    // MARK: For connections

    var pauseHold: FaultHold? { state.withLock { $0.pause } }

    var isListening: Bool { state.withLock { $0.isListening } }
    /// Released when the server ends the connections that it has now.
    var end: FaultHold { state.withLock { $0.end } }

    func nextConnectionNumber() -> Int {
        state.withLock { state in
            defer { state.connectionCount += 1 }
            return state.connectionCount
        }
    }

    func nextRequestNumber() -> Int {
        state.withLock { state in
            defer { state.requestCount += 1 }
            return state.requestCount
        }
    }

    func noteSent(_ byteCount: Int) { state.withLock { $0.sentBytes += UInt64(byteCount) } }

    /// Traps on an action that is not in ``carriedOut``.
    func faults(
        _ layer: FaultLayer, _ operation: String, on target: String, connection: Int? = nil,
        bytes: Range<UInt64>? = nil
    ) -> [FaultAction] {
        let actions = faults.meet(
            FaultOccasion(
                layer, operation, on: target, connection: connection, bytes: bytes, at: clock.now))
        if !actions.isEmpty { Self.carriedOut.check(actions, on: operation, of: layer) }
        return actions
    }
}
