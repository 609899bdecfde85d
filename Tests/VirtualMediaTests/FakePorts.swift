import BlockStorage
import Glibc
import SimulatedTime
import Synchronization
import VirtualMedia

struct FakeGadgetTree: GadgetTree {
    let world: FakeWorld

    private func change(_ operation: String, _ body: (inout FakeTree) -> CInt?) async throws(SystemError) {
        try await world.perform(operation)
        if let number = world.state.withLock({ body(&$0.tree) }) { throw SystemError(number, operation) }
    }

    func makeDirectory(_ path: String) async throws(SystemError) {
        try await change("mkdir \(path)") { $0.makeDirectory(path) }
    }

    func removeDirectory(_ path: String) async throws(SystemError) {
        try await change("rmdir \(path)") { $0.removeDirectory(path) }
    }

    func makeLink(at path: String, to target: String) async throws(SystemError) {
        try await change("ln \(path)") { tree in
            guard tree.nodes[path] == nil else { return EEXIST }
            tree.nodes[path] = .link(target)
            return nil
        }
    }

    func removeLink(_ path: String) async throws(SystemError) {
        try await change("rm \(path)") { $0.removeLink(path) }
    }

    func write(_ value: String, to path: String) async throws(SystemError) {
        try await change("write \(path)=\(value)") { $0.write(value, to: path) }
    }

    func read(_ path: String) async throws(SystemError) -> String {
        try await world.perform("read \(path)")
        guard case .attribute(let value)? = world.state.withLock({ $0.tree.nodes[path] }) else {
            throw SystemError(ENOENT, "read \(path)")
        }
        return value
    }

    func list(_ path: String) async throws(SystemError) -> [String] {
        try await world.perform("list \(path)")
        return world.state.withLock { $0.tree.children(of: path) }
    }
}

struct FakeControllers: DeviceControllerDirectory {
    let world: FakeWorld

    func controllers() async throws(SystemError) -> [DeviceController] {
        try await world.perform("controllers")
        return world.state.withLock { state in
            state.controllers.map { name in
                let gadget = state.tree.boundGadget(to: name)
                return DeviceController(
                    name: name, state: gadget == nil ? "not attached" : state.controllerState,
                    function: gadget ?? "", currentSpeed: "high-speed", maximumSpeed: "high-speed")
            }
        }
    }
}

struct FakeDriver: NBDDriver {
    let world: FakeWorld

    func attach(_ attachment: NBDAttachment, connections: [any ByteChannel]) async throws(SystemError) {
        try await world.perform("attach \(attachment.device)")
        let isFree = world.state.withLock { state in
            guard state.devices[attachment.device] == nil else { return false }
            state.devices[attachment.device] = FakeWorld.FakeDevice(
                attachment: attachment, channels: connections.map { $0 as! FakeChannel })
            return true
        }
        if !isFree { throw SystemError(EBUSY, "attach \(attachment.device)") }
    }

    func reconfigure(_ device: String, connections: [any ByteChannel]) async throws(SystemError) {
        try await world.perform("reconfigure \(device)")
        world.state.withLock { state in
            state.devices[device]?.channels.removeAll(where: \.isClosed)
            state.devices[device]?.channels += connections.map { $0 as! FakeChannel }
        }
    }

    func detach(_ device: String) async throws(SystemError) {
        try await world.perform("detach \(device)")
        let channels = world.state.withLock { $0.devices.removeValue(forKey: device) }?.channels ?? []
        for channel in channels { channel.close() }
    }

    func status(of device: String) async throws(SystemError) -> NBDDeviceStatus {
        try await world.perform("status \(device)")
        return world.state.withLock { state in
            guard let found = state.devices[device] else {
                return NBDDeviceStatus(
                    isAttached: false, liveConnections: 0, byteCount: 0, isReadOnly: false,
                    backendIdentifier: nil, readBytes: 0, writtenBytes: 0)
            }
            return NBDDeviceStatus(
                isAttached: true, liveConnections: found.channels.filter { !$0.isClosed }.count,
                byteCount: found.attachment.byteCount, isReadOnly: false,
                backendIdentifier: found.attachment.backendIdentifier, readBytes: found.readBytes,
                writtenBytes: 0)
        }
    }

    func read(_ byteCount: Int, at offset: UInt64, from device: String) async throws(SystemError) -> [UInt8] {
        try await world.perform("pread \(device) \(offset)")
        return [UInt8](repeating: 0, count: byteCount)
    }

    func flush(_ device: String) async throws(SystemError) { try await world.perform("flush \(device)") }

    func dropCache(of device: String) async throws(SystemError) {
        try await world.perform("drop \(device)")
        world.state.withLock { $0.devices[device]?.isCacheWarm = false }
    }

    func events() async -> AsyncStream<NBDDriverEvent> { world.nbdEvents.stream }
}

struct FakeEvents: UeventSource {
    let world: FakeWorld
    func uevents() async -> AsyncStream<Uevent> { world.uevents.stream }
}

struct FakeSockets: LocalSockets {
    let world: FakeWorld

    func connect(to path: String) async throws(SystemError) -> any ByteChannel {
        try await world.perform("connect \(path)")
        if let number = world.state.withLock({ $0.socketErrno }) {
            throw SystemError(number, "connect \(path)")
        }
        return FakeChannel(world: world)
    }
}

struct FakeExports: ExportServer {
    let world: FakeWorld

    func serve(_ store: any BlockStore, for slot: String) async throws(SystemError) -> any ServedExport {
        try await world.perform("serve \(slot)")
        world.state.withLock { $0.servedExports += 1 }
        return Served(world: world)
    }

    private struct Served: ServedExport {
        let world: FakeWorld
        func connect() async throws(SystemError) -> any ByteChannel {
            try await world.perform("connect export")
            return FakeChannel(world: world)
        }
        func stop() async {
            try? await world.perform("stop export")
            world.state.withLock { $0.servedExports -= 1 }
        }
    }
}

struct FakeImages: ImageOpener {
    let world: FakeWorld

    func open(_ request: ImageRequest) async throws(ImageError) -> any BlockStore {
        do { try await world.perform("open image") } catch { throw ImageError(.serverError, "\(error)") }
        let (error, byteCount) = world.state.withLock { state in
            state.seenAuthorities.append(request.authorities)
            if let credentials = request.credentials {
                state.seenPasswords.append(credentials.withPassword { Array($0) })
            }
            return (state.imageError, state.imageBytes)
        }
        if let error { throw error }
        world.state.withLock {
            $0.openStores += 1
            $0.openedImages += 1
        }
        let isReadOnly = !request.isReadWrite || world.state.withLock { $0.isImageReadOnly }
        return FakeStore(world: world, byteCount: byteCount, isReadOnly: isReadOnly)
    }
}

struct FakeSecrets: SecretReader {
    let world: FakeWorld

    /// Gives one portion a second; an empty portion is the end, and with none left nothing comes.
    func read(_ descriptor: CInt, maximumBytes: Int, timeout: Duration) async throws(SystemError) -> [UInt8] {
        let portion = world.state.withLock { state in
            state.secrets.isEmpty ? nil : state.secrets.removeFirst()
        }
        let pause: Duration = portion == nil ? timeout : .seconds(1)
        try? await world.simulation.clock.sleep(for: pause)
        guard let portion else { throw SystemError(ETIMEDOUT, "read") }
        return Array(portion.prefix(maximumBytes))
    }
}

/// A store that is only counted; nobody reads it.
final class FakeStore: BlockStore {
    private let world: FakeWorld
    let byteCount: UInt64
    let isReadOnly: Bool
    let capabilities: StoreCapabilities = []
    private let isClosed = Mutex(false)

    init(world: FakeWorld, byteCount: UInt64, isReadOnly: Bool) {
        self.world = world
        self.byteCount = byteCount
        self.isReadOnly = isReadOnly
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) async throws(StorageError) {}
    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    {}
    func flush() async throws(StorageError) {}
    func trim(at offset: UInt64, byteCount: UInt64) async throws(StorageError) {}
    func writeZeroes(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    {}
    func extents(at offset: UInt64, byteCount: UInt64) async throws(StorageError) -> [Extent] { [] }

    func close() async {
        let isFirst = isClosed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        if isFirst { world.state.withLock { $0.openStores -= 1 } }
    }
}
