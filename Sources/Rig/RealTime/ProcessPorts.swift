internal import DBusProtocol
internal import LinuxPlatform
internal import SimulatedBMC
import Synchronization
internal import VirtualMedia

/// The kernel as one process calls it. A call is a task of the world: when the process dies, the call goes on to its
/// end and only its return is dropped. A dead process calls nothing any more, and what it had connected and not
/// handed over closes with it.
struct ProcessKernel: GadgetTree, DeviceControllerDirectory, NBDDriver, UeventSource {
    let kernel: SimulatedKernel
    let process: EmulatedProcess
    let sockets: ProcessSockets
    /// Of the world.
    let spawner: any Spawner

    private func call<Value: Sendable>(
        _ body: @escaping @Sendable (SimulatedKernel) async throws(SystemError) -> Value
    ) async throws(SystemError) -> Value {
        await process.mustLive()
        let kernel = kernel
        let result = await withCheckedContinuation { continuation in
            spawner.spawn("system call", .shared) {
                do throws(SystemError) {
                    continuation.resume(returning: Result<Value, SystemError>.success(try await body(kernel)))
                } catch { continuation.resume(returning: .failure(error)) }
            }
        }
        return try result.get()
    }

    func makeDirectory(_ path: String) async throws(SystemError) {
        try await call { kernel throws(SystemError) in try await kernel.makeDirectory(path) }
    }
    func removeDirectory(_ path: String) async throws(SystemError) {
        try await call { kernel throws(SystemError) in try await kernel.removeDirectory(path) }
    }
    func makeLink(at path: String, to target: String) async throws(SystemError) {
        try await call { kernel throws(SystemError) in try await kernel.makeLink(at: path, to: target) }
    }
    func removeLink(_ path: String) async throws(SystemError) {
        try await call { kernel throws(SystemError) in try await kernel.removeLink(path) }
    }
    func write(_ value: String, to path: String) async throws(SystemError) {
        try await call { kernel throws(SystemError) in try await kernel.write(value, to: path) }
    }
    func read(_ path: String) async throws(SystemError) -> String {
        try await call { kernel throws(SystemError) in try await kernel.read(path) }
    }
    func list(_ path: String) async throws(SystemError) -> [String] {
        try await call { kernel throws(SystemError) in try await kernel.list(path) }
    }
    func controllers() async throws(SystemError) -> [DeviceController] {
        try await call { kernel throws(SystemError) in try await kernel.controllers() }
    }

    func attach(_ attachment: NBDAttachment, connections: [any ByteChannel]) async throws(SystemError) {
        let sockets = sockets
        try await call { kernel throws(SystemError) in
            try await kernel.attach(attachment, connections: connections)
            sockets.handOver(connections)
        }
    }
    func reconfigure(_ device: String, connections: [any ByteChannel]) async throws(SystemError) {
        let sockets = sockets
        try await call { kernel throws(SystemError) in
            try await kernel.reconfigure(device, connections: connections)
            sockets.handOver(connections)
        }
    }
    func detach(_ device: String) async throws(SystemError) {
        try await call { kernel throws(SystemError) in try await kernel.detach(device) }
    }
    func status(of device: String) async throws(SystemError) -> NBDDeviceStatus {
        try await call { kernel throws(SystemError) in try await kernel.status(of: device) }
    }
    func read(_ byteCount: Int, at offset: UInt64, from device: String) async throws(SystemError) -> [UInt8] {
        try await call { kernel throws(SystemError) in
            try await kernel.read(byteCount, at: offset, from: device)
        }
    }
    func flush(_ device: String) async throws(SystemError) {
        try await call { kernel throws(SystemError) in try await kernel.flush(device) }
    }
    func dropCache(of device: String) async throws(SystemError) {
        try await call { kernel throws(SystemError) in try await kernel.dropCache(of: device) }
    }
    func events() async -> AsyncStream<NBDDriverEvent> { await kernel.events() }
    func uevents() async -> AsyncStream<Uevent> { await kernel.uevents() }
}

/// Local sockets of this machine, which close with the process that connected them, unless the kernel has
/// taken them over.
final class ProcessSockets: LocalSockets {
    private struct State {
        var open: [any ByteChannel] = []
        var isClosed = false
    }
    private let state = Mutex(State())
    private let way: @Sendable (String) async throws(SystemError) -> any ByteChannel

    /// - Parameter way: how the process connects to a path; the system's own way by itself.
    init(
        way: @escaping @Sendable (String) async throws(SystemError) -> any ByteChannel = {
            path throws(SystemError) in try await SystemSockets().connect(to: path)
        }
    ) { self.way = way }

    func connect(to path: String) async throws(SystemError) -> any ByteChannel {
        let channel = try await way(path)
        keep(channel)
        return channel
    }

    func keep(_ channel: any ByteChannel) {
        let isLate = state.withLock { state in
            if !state.isClosed { state.open.append(channel) }
            return state.isClosed
        }
        if isLate { channel.close() }
    }

    func handOver(_ channels: [any ByteChannel]) {
        state.withLock { state in state.open.removeAll { one in channels.contains { $0 === one } } }
    }

    func closeAll() {
        let channels = state.withLock { state in
            state.isClosed = true
            defer { state.open = [] }
            return state.open
        }
        for channel in channels { channel.close() }
    }
}
