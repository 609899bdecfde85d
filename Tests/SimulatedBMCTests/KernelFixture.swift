import FaultPoints
import Synchronization
import VirtualMedia

@testable import SimulatedBMC

/// A clock that a test moves by hand.
final class ManualClock: MediaClock {
    private let time = Mutex(Duration.zero)
    var now: Duration { time.withLock { $0 } }
    func advance(by span: Duration) { time.withLock { $0 += span } }
    /// Nobody sleeps on it: the kernel's parts only read it.
    func sleep(until deadline: Duration) async throws(CancellationError) { throw CancellationError() }
}

/// The parts of a kernel, driven synchronously.
struct KernelFixture {
    let clock = ManualClock()
    let kernel: KernelState

    init(
        profile: KernelProfile = .linux6_1, chips: [ControllerChip] = ControllerChip.dummies(2),
        running steps: [Step] = [], faults: any FaultInjector = NoFaults()
    ) {
        kernel = KernelState(
            timers: KernelTimers(clock: clock), profile: profile, chips: chips, faults: faults)
        kernel.files["/images/disk.img"] = MemoryFile(Array(repeating: 7, count: 1 << 20), isReadOnly: false)
        kernel.files["/images/other.img"] = MemoryFile(Array(repeating: 9, count: 1 << 20), isReadOnly: false)
        kernel.files["/images/locked.img"] = MemoryFile(Array(repeating: 8, count: 1 << 20), isReadOnly: true)
        kernel.files["/images/empty.img"] = MemoryFile([], isReadOnly: false)
        kernel.files["/images/short.img"] = MemoryFile(Array(repeating: 1, count: 511), isReadOnly: false)
        for step in steps {
            if let error = run(step) { preconditionFailure("\(step): errno \(error.rawValue)") }
        }
    }

    /// - Returns: the error it ended with.
    func run(_ step: Step) -> Errno? {
        do throws(Errno) {
            let files = kernel.tree.files
            switch step {
            case .mkdir(let path): try files.makeDirectory(path)
            case .rmdir(let path): try files.removeDirectory(path)
            case .link(let path, let target): try files.makeLink(at: path, to: target)
            case .unlink(let path): try files.removeLink(path)
            case .write(let path, let value): try files.write(value, to: path)
            case .read(let path): _ = try files.read(path)
            case .list(let path): _ = try files.list(path)
            }
            return nil
        } catch { return error }
    }

    func read(_ path: String) -> String? { try? kernel.tree.files.read(path) }
    func list(_ path: String) -> [String]? { try? kernel.tree.files.list(path) }
}

/// One system call on configfs.
enum Step: Sendable, CustomStringConvertible {
    case mkdir(String), rmdir(String), link(String, to: String), unlink(String)
    case write(String, String), read(String), list(String)

    var description: String {
        switch self {
        case .mkdir(let path): "mkdir \(path)"
        case .rmdir(let path): "rmdir \(path)"
        case .link(let path, let target): "ln -s \(target) \(path)"
        case .unlink(let path): "rm \(path)"
        case .write(let path, let value): "echo \(value.prefix(40)) > \(path)"
        case .read(let path): "cat \(path)"
        case .list(let path): "ls \(path)"
        }
    }
}

/// Gadgets in the states that the rules tell apart, each built as the service builds them.
enum GadgetState: String, CaseIterable, Sendable {
    case nothing, empty, assembled, loaded, bound, boundLoaded

    var steps: [Step] {
        switch self {
        case .nothing: []
        case .empty: [.mkdir("g1")]
        case .assembled: Self.assembly("g1")
        case .loaded: Self.assembly("g1") + [Self.load("g1")]
        case .bound: Self.assembly("g1") + [.write("g1/UDC", "dummy_udc.0")]
        case .boundLoaded: Self.assembly("g1") + [Self.load("g1"), .write("g1/UDC", "dummy_udc.0")]
        }
    }

    /// Identifiers, strings, configuration, function, link.
    static func assembly(_ gadget: String) -> [Step] {
        [
            .mkdir(gadget),
            .write("\(gadget)/idVendor", "0x1d6b"), .write("\(gadget)/idProduct", "0x0104"),
            .mkdir("\(gadget)/strings/0x409"), .write("\(gadget)/strings/0x409/manufacturer", "OpenBMC"),
            .mkdir("\(gadget)/configs/c.1"), .mkdir("\(gadget)/configs/c.1/strings/0x409"),
            .mkdir("\(gadget)/functions/mass_storage.0"),
            .mkdir("\(gadget)/functions/mass_storage.0/lun.1"),
            .link("\(gadget)/configs/c.1/mass_storage.0", to: "\(gadget)/functions/mass_storage.0"),
        ]
    }

    static func load(_ gadget: String) -> Step {
        .write("\(gadget)/functions/mass_storage.0/lun.0/file", "/images/disk.img")
    }
}
