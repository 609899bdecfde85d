import FaultPoints
import Glibc
import Synchronization
package import VirtualMedia

/// The local sockets of a machine in memory: paths, and who listens there.
package final class MemorySockets: LocalSockets {
    /// The longest path that fits `sun_path` with its terminator (unix(7)).
    package static let maximumPathBytes = 107

    private enum Node {
        case listener(MemoryListener)
        /// A socket whose listener has gone, as a killed server leaves it.
        case stale
        case file
    }

    private struct State {
        var nodes: [String: Node] = [:]
        var forbidden: Set<String> = []
        /// Connections so far, by path.
        var connectionCounts: [String: Int] = [:]
    }

    package let surroundings: NetworkSurroundings
    private let state = Mutex(State())

    package init(_ surroundings: NetworkSurroundings) { self.surroundings = surroundings }

    // MARK: The client's side

    package func connect(to path: String) async throws(SystemError) -> any ByteChannel {
        try await connect(toPath: path)
    }

    package func connect(toPath path: String) async throws(SystemError) -> MemoryChannel {
        let operation = "connect to socket \(path)"
        guard path.utf8.count <= Self.maximumPathBytes else { throw SystemError(ENAMETOOLONG, operation) }
        let listener = try state.withLock { state throws(SystemError) in
            switch state.nodes[path] {
            case nil: throw SystemError(ENOENT, operation)
            case .file: throw SystemError(ENOTSOCK, operation)
            case _ where state.forbidden.contains(path): throw SystemError(EACCES, operation)
            case .stale: throw SystemError(ECONNREFUSED, operation)
            case .listener(let listener): return listener
            }
        }
        let number = state.withLock { state in
            defer { state.connectionCounts[path, default: 0] += 1 }
            return state.connectionCounts[path, default: 0]
        }
        return try await listener.connect(number: number, surroundings, operation)
    }

    // MARK: The server's side

    /// Listens at a path; a socket that a killed server left there is replaced.
    ///
    /// - Parameters:
    ///   - slot: names the slot in faults.
    ///   - options: of every connection made here.
    /// - Throws: EADDRINUSE while somebody listens there or a file is in the way, ENAMETOOLONG.
    package func listen(
        at path: String, slot: String? = nil, backlog: Int = MemoryListener.usualBacklog,
        options: MemoryLink.Options = MemoryLink.Options()
    ) throws(SystemError) -> MemoryListener {
        let operation = "listen at \(path)"
        guard path.utf8.count <= Self.maximumPathBytes else { throw SystemError(ENAMETOOLONG, operation) }
        let listener = MemoryListener(path: path, slot: slot, backlog: backlog, options: options)
        let isFree = state.withLock { state in
            switch state.nodes[path] {
            case nil, .stale: state.nodes[path] = .listener(listener)
            case .file, .listener: return false
            }
            return true
        }
        guard isFree else { throw SystemError(EADDRINUSE, operation) }
        listener.onClose { [weak self, unowned listener] leavesFile in
            self?.closed(listener, leavesFile: leavesFile)
        }
        return listener
    }

    private func closed(_ listener: MemoryListener, leavesFile: Bool) {
        state.withLock { state in
            guard case .listener(let present)? = state.nodes[listener.path], present === listener else {
                return
            }
            state.nodes[listener.path] = leavesFile ? .stale : nil
        }
    }

    // MARK: The file system

    /// Puts a file there that is no socket.
    package func putFile(at path: String) { state.withLock { $0.nodes[path] = .file } }

    /// Puts a socket there at which nobody listens.
    package func putStaleSocket(at path: String) { state.withLock { $0.nodes[path] = .stale } }

    /// Whoever listens there does not notice, but cannot be found any more.
    package func remove(_ path: String) { state.withLock { $0.nodes[path] = nil } }

    /// Whether clients may connect to a path, whatever is there.
    package func permit(_ path: String, _ isPermitted: Bool) {
        state.withLock { state in
            if isPermitted { state.forbidden.remove(path) } else { state.forbidden.insert(path) }
        }
    }

    /// Every path at which something is, sorted.
    package var paths: [String] { state.withLock { $0.nodes.keys.sorted() } }
}
