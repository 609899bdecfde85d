/// Monotonic time since some fixed moment; real, or virtual under a seed.
package protocol MediaClock: Sendable {
    var now: Duration { get }
    /// Returns at `deadline` or later; at once when it has passed.
    func sleep(until deadline: Duration) async throws(CancellationError)
}

/// The only way that service code starts a task, so that a simulation can own every one of them.
package protocol Spawner: Sendable {
    /// - Parameter name: Names the task in traces and deadlock reports: "Slot_0 effects".
    @discardableResult
    func spawn(_ name: String, _ placement: TaskPlacement, _ body: @escaping @Sendable () async -> Void)
        -> any SpawnedTask

    /// The same for what can be refused to its caller.
    ///
    /// - Returns: `nil` when the system has no thread left for it.
    func spawnIfPossible(
        _ name: String, _ placement: TaskPlacement, _ body: @escaping @Sendable () async -> Void
    ) -> (any SpawnedTask)?
}

extension Spawner {
    /// For spawners that never run out of threads, because they need none.
    package func spawnIfPossible(
        _ name: String, _ placement: TaskPlacement, _ body: @escaping @Sendable () async -> Void
    ) -> (any SpawnedTask)? {
        spawn(name, placement, body)
    }
}

package enum TaskPlacement: Sendable {
    /// Never blocks its thread.
    case shared
    /// May block in a system call, so it gets a thread of its own where threads are real.
    case ownThread
}

package protocol SpawnedTask: Sendable {
    func cancel()
    /// Returns once the body has.
    func finished() async
}

/// Everything the service needs from outside, in one value.
package struct MediaPlatform: Sendable {
    package var gadgets: any GadgetTree
    package var controllers: any DeviceControllerDirectory
    package var nbd: any NBDDriver
    package var uevents: any UeventSource
    package var sockets: any LocalSockets
    package var exports: any ExportServer
    package var images: any ImageOpener
    package var clock: any MediaClock
    package var spawner: any Spawner
    package var secrets: any SecretReader

    package init(
        gadgets: any GadgetTree, controllers: any DeviceControllerDirectory, nbd: any NBDDriver,
        uevents: any UeventSource, sockets: any LocalSockets, exports: any ExportServer,
        images: any ImageOpener, clock: any MediaClock, spawner: any Spawner,
        secrets: any SecretReader = NoSecretReader()
    ) {
        self.gadgets = gadgets
        self.controllers = controllers
        self.nbd = nbd
        self.uevents = uevents
        self.sockets = sockets
        self.exports = exports
        self.images = images
        self.clock = clock
        self.spawner = spawner
        self.secrets = secrets
    }
}
