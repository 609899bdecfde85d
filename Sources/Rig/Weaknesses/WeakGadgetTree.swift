import Glibc
import Synchronization
internal import VirtualMedia

/// The gadget directory as a service with one of the weaknesses uses it.
final class WeakGadgetTree: GadgetTree {
    private struct State {
        /// By path: what the service believes an attribute to be.
        var believed: [String: String] = [:]
        /// Directories and links that the service takes for removed.
        var hidden: Set<String> = []
        /// Gadgets that nothing is done to any more, until the host lets go.
        var stuck: Set<String> = []
    }

    private let base: any GadgetTree
    private let weakness: Weakness
    private let state = Mutex(State())

    init(_ base: any GadgetTree, _ weakness: Weakness) {
        self.base = base
        self.weakness = weakness
    }

    // MARK: Attributes

    func write(_ value: String, to path: String) async throws(SystemError) {
        try checkIsNotStuck(path)
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        switch (weakness, name) {
        case (.gadgetUnchecked, _):
            do throws(SystemError) {
                try await base.write(value, to: path)
                believe(nil, at: path)
            } catch { believe(value, at: path) }
        case (.protectedWritable, "ro"), (.cdromIgnored, "cdrom"):
            try await base.write("0", to: path)
            believe(value, at: path)
        case (.readWriteIgnored, "ro"):
            try await base.write("1", to: path)
            believe(value, at: path)
        case (.noSerialNumber, "serialnumber"):
            believe(value, at: path)
        case (.hostEjectUnnoticed, "file"):
            try await base.write(value, to: path)
            believe(value, at: path)
        case (.noForcedEject, "file") where value.isEmpty:
            do throws(SystemError) { try await base.write(value, to: path) } catch {
                if error.errno == EBUSY { _ = state.withLock { $0.stuck.insert(gadget(of: path)) } }
                throw error
            }
        default: try await base.write(value, to: path)
        }
    }

    func read(_ path: String) async throws(SystemError) -> String {
        if let believed = state.withLock({ $0.believed[path] }) { return believed }
        return try await base.read(path)
    }

    private func believe(_ value: String?, at path: String) { state.withLock { $0.believed[path] = value } }

    // MARK: Directories and links

    func makeDirectory(_ path: String) async throws(SystemError) {
        if weakness == .gadgetLeft, state.withLock({ $0.hidden.remove(path) != nil }) { return }
        await forget(path)
        try await unchecked { () throws(SystemError) in try await base.makeDirectory(path) }
    }

    func makeLink(at path: String, to target: String) async throws(SystemError) {
        await forget(path)
        try await unchecked { () throws(SystemError) in try await base.makeLink(at: path, to: target) }
    }

    func removeDirectory(_ path: String) async throws(SystemError) {
        try await remove(path) { () throws(SystemError) in try await base.removeDirectory(path) }
    }

    func removeLink(_ path: String) async throws(SystemError) {
        try await remove(path) { () throws(SystemError) in try await base.removeLink(path) }
    }

    func list(_ path: String) async throws(SystemError) -> [String] {
        let names = try await base.list(path)
        let hidden = state.withLock { $0.hidden }
        return names.filter { !hidden.contains(path.isEmpty ? $0 : "\(path)/\($0)") }
    }

    private func remove(_ path: String, _ body: () async throws(SystemError) -> Void)
        async throws(SystemError)
    {
        try checkIsNotStuck(path)
        if weakness == .gadgetLeft, !path.contains("/") {
            _ = state.withLock { $0.hidden.insert(path) }
            return
        }
        do throws(SystemError) {
            try await body()
            await forget(path)
        } catch {
            guard weakness == .cleanupUnchecked, error.errno != ENOENT else { throw error }
            _ = state.withLock { $0.hidden.insert(path) }
        }
    }

    /// What is new or gone has nothing of before in it.
    private func forget(_ path: String) async {
        state.withLock { state in
            state.hidden.remove(path)
            for old in state.believed.keys.sorted() where old.hasPrefix("\(path)/") {
                state.believed[old] = nil
            }
        }
    }

    private func unchecked(_ body: () async throws(SystemError) -> Void) async throws(SystemError) {
        do throws(SystemError) { try await body() } catch {
            guard weakness == .gadgetUnchecked else { throw error }
        }
    }

    // MARK: A host that does not let go

    private func gadget(of path: String) -> String { path.split(separator: "/").first.map(String.init) ?? "" }

    private func checkIsNotStuck(_ path: String) throws(SystemError) {
        guard state.withLock({ $0.stuck.contains(gadget(of: path)) }) else { return }
        throw SystemError(EBUSY, "\(path): the host has locked the medium")
    }
}
