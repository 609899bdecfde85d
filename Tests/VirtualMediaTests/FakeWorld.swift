import BlockStorage
import Glibc
import SimulatedTime
import Synchronization
import VirtualMedia

/// A BMC of a few dictionaries: every port in one place, every operation counted, each able to fail
/// or to hang, and every resource accounted for.
final class FakeWorld: Sendable {
    enum Fault: Equatable, Sendable {
        case fail(CInt)
        /// Never returns, whatever happens.
        case hang
        /// Returns once its task is cancelled or the device is detached, as blocked I/O does.
        case hangUntilCut
    }

    struct State {
        var operations: [String] = []
        /// What every operation takes, whether its task is cancelled or not.
        var latency = Duration.zero
        /// By number of the operation, from 1.
        var faults: [Int: Fault] = [:]
        var blocked: [CheckedContinuation<Void, Never>] = []

        var tree = FakeTree()
        var controllers = ["udc.0", "udc.1"]
        var controllerState = "configured"
        var devices: [String: FakeDevice] = [:]
        var openChannels = 0
        var channels: [FakeChannel] = []
        var openStores = 0
        var servedExports = 0
        var openedImages = 0

        var imageBytes: UInt64 = 1 << 20
        var imageError: ImageError?
        var isImageReadOnly = false
        var socketErrno: CInt?
        /// What servers do with a client: shake hands, stay silent, hang up, or talk another protocol.
        var server = FakeServer.healthy
        var isServerStalled = false
        var allowsSeveralConnections = true
        /// What servers were given to write, in the order it came.
        var writtenRanges: [Range<UInt64>] = []
        var secrets: [[UInt8]] = []
        var seenPasswords: [[UInt8]] = []
        var seenAuthorities: [String?] = []
    }

    struct FakeDevice {
        var attachment: NBDAttachment
        var channels: [FakeChannel]
        var readBytes: UInt64 = 0
        var isCacheWarm = false
    }

    enum FakeServer: Equatable, Sendable { case healthy, silent, hangsUp, nonsense }

    let state = Mutex(State())
    let simulation: Simulation
    let uevents = AsyncStream<Uevent>.makeStream()
    let nbdEvents = AsyncStream<NBDDriverEvent>.makeStream()

    init(_ simulation: Simulation) { self.simulation = simulation }

    var platform: MediaPlatform {
        MediaPlatform(
            gadgets: FakeGadgetTree(world: self), controllers: FakeControllers(world: self),
            nbd: FakeDriver(world: self), uevents: FakeEvents(world: self),
            sockets: FakeSockets(world: self), exports: FakeExports(world: self),
            images: FakeImages(world: self), clock: simulation.clock, spawner: simulation.spawner,
            secrets: FakeSecrets(world: self))
    }

    /// Counts an operation, and fails or hangs if that is its fate.
    func perform(_ operation: String) async throws(SystemError) {
        let (fault, latency) = state.withLock { state in
            state.operations.append(operation)
            return (state.faults[state.operations.count], state.latency)
        }
        if latency > .zero { await sleepRegardless(latency) }
        switch fault {
        case nil: return
        case .fail(let number): throw SystemError(number, operation)
        case .hang:
            await withCheckedContinuation { continuation in
                state.withLock { $0.blocked.append(continuation) }
            }
        case .hangUntilCut:
            let clock = simulation.clock
            for _ in 0..<10_000 {
                do { try await clock.sleep(for: .milliseconds(100)) } catch {
                    throw SystemError(EINTR, operation)
                }
            }
        }
    }

    private func sleepRegardless(_ span: Duration) async {
        let clock = simulation.clock
        let end = clock.now + span
        await simulation.spawner.spawn("latency") { try? await clock.sleep(until: end) }.finished()
    }

    /// Lets everything that hangs go on.
    func unblock() {
        let blocked = state.withLock { state in
            defer { state.blocked = [] }
            return state.blocked
        }
        for continuation in blocked { continuation.resume() }
    }

    /// What is still there, in words; empty when all was given back.
    var leftovers: [String] {
        state.withLock { state in
            var found: [String] = state.tree.gadgets.map { "gadget \($0)" }
            found += state.devices.keys.sorted().map { "device \($0)" }
            if state.openChannels > 0 { found.append("\(state.openChannels) channels") }
            if state.openStores > 0 { found.append("\(state.openStores) stores") }
            if state.servedExports > 0 { found.append("\(state.servedExports) exports") }
            return found
        }
    }

    /// The server or its machine dies: every connection ends.
    func killConnections() {
        let channels = state.withLock { state in state.devices.values.flatMap(\.channels) }
        for channel in channels { channel.close() }
    }

    func closeAllChannels() {
        for channel in state.withLock({ $0.channels }) { channel.close() }
    }

    func hostReads() {
        state.withLock { state in
            for device in state.devices.keys where state.devices[device]?.isCacheWarm == false {
                state.devices[device]?.readBytes += 4096
                state.devices[device]?.isCacheWarm = true
            }
        }
    }
}

/// A gadget directory with the rules that matter here.
struct FakeTree {
    enum Node: Equatable {
        case directory(isDefault: Bool)
        case attribute(String)
        case link(String)
    }
    var nodes: [String: Node] = [:]
    var isLocked = false
    var hasForcedEject = true

    var gadgets: [String] { nodes.keys.filter { !$0.contains("/") }.sorted() }

    func children(of path: String) -> [String] {
        let prefix = path.isEmpty ? "" : path + "/"
        return nodes.keys.filter { $0.hasPrefix(prefix) && $0 != path }
            .map { $0.dropFirst(prefix.count) }.filter { !$0.contains("/") }.map(String.init).sorted()
    }

    func boundGadget(to controller: String) -> String? {
        gadgets.first { nodes["\($0)/UDC"] == .attribute(controller) }
    }

    mutating func makeDirectory(_ path: String) -> CInt? {
        guard nodes[path] == nil else { return EEXIST }
        let parts = path.split(separator: "/")
        let defaults: [String]
        let attributes: [String]
        switch (parts.count, parts.dropFirst().first) {
        case (1, _):
            (defaults, attributes) = (["strings", "configs", "functions"], ["UDC", "idVendor", "idProduct"])
        case (3, "strings"): (defaults, attributes) = ([], ["manufacturer", "product", "serialnumber"])
        case (3, "configs"): (defaults, attributes) = (["strings"], ["MaxPower"])
        case (5, "configs"): (defaults, attributes) = ([], ["configuration"])
        case (3, "functions"):
            defaults = ["lun.0"]
            attributes =
                ["stall"] + ["file", "ro", "cdrom", "removable", "inquiry_string"].map { "lun.0/\($0)" }
        default: return EPERM
        }
        nodes[path] = .directory(isDefault: false)
        for name in defaults { nodes["\(path)/\(name)"] = .directory(isDefault: true) }
        for name in attributes { nodes["\(path)/\(name)"] = .attribute("") }
        return nil
    }

    mutating func removeDirectory(_ path: String) -> CInt? {
        guard case .directory(let isDefault)? = nodes[path] else { return ENOENT }
        if isDefault { return EPERM }
        if nodes.values.contains(.link(path)) { return EBUSY }
        let inside = nodes.filter { $0.key.hasPrefix(path + "/") }
        guard !inside.values.contains(where: { isUserMade($0) }) else { return ENOTEMPTY }
        for key in inside.keys { nodes[key] = nil }
        nodes[path] = nil
        return nil
    }

    private func isUserMade(_ node: Node) -> Bool {
        switch node {
        case .directory(let isDefault): !isDefault
        case .link: true
        case .attribute: false
        }
    }

    mutating func write(_ value: String, to path: String) -> CInt? {
        if path.hasSuffix("/forced_eject") {
            guard hasForcedEject else { return ENOENT }
            isLocked = false
            nodes[path.dropLast("forced_eject".count) + "file"] = .attribute("")
            return nil
        }
        guard case .attribute(let old)? = nodes[path] else { return ENOENT }
        if path.hasSuffix("/UDC") {
            if value.isEmpty, old.isEmpty { return ENODEV }
            if !value.isEmpty, !old.isEmpty || boundGadget(to: value) != nil { return EBUSY }
        }
        if path.hasSuffix("lun.0/file"), isLocked, !old.isEmpty { return EBUSY }
        if path.hasSuffix("/ro") || path.hasSuffix("/cdrom") {
            let file = path.split(separator: "/").dropLast().joined(separator: "/") + "/file"
            if nodes[file] != .attribute("") { return EBUSY }
        }
        nodes[path] = .attribute(value)
        return nil
    }

    mutating func removeLink(_ path: String) -> CInt? {
        guard case .link? = nodes[path] else { return ENOENT }
        nodes[path] = nil
        // Unlinking a bound function unbinds the gadget.
        nodes["\(path.prefix { $0 != "/" })/UDC"] = .attribute("")
        return nil
    }
}
