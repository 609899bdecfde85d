import CFuse
import Synchronization

/// The numbers under which the kernel knows the files of a mount, and the paths they stand for.
final class NodeTable: Sendable {
    private struct Name: Hashable {
        let parent: UInt64
        let name: String
    }

    private struct Node {
        /// `nil` once its name stands for something else, or for nothing.
        var name: Name?
        let device: UInt
        let inode: UInt
        /// How many times the kernel was told of it and has not forgotten it.
        var lookupCount: UInt64
    }

    private struct State {
        var nodes: [UInt64: Node] = [:]
        var numbers: [Name: UInt64] = [:]
        var last = UInt64(FUSE_ROOT_ID)
    }
    private let state = Mutex(State())

    /// - Returns: `nil` for what has no name any more.
    func path(of number: UInt64) -> String? {
        state.withLock { state in
            var parts: [String] = []
            var current = number
            while current != UInt64(FUSE_ROOT_ID) {
                guard let name = state.nodes[current]?.name else { return nil }
                parts.append(name.name)
                current = name.parent
            }
            return parts.reversed().joined(separator: "/")
        }
    }

    func path(of name: String, in parent: UInt64) -> String? {
        path(of: parent).map { $0.isEmpty ? name : "\($0)/\(name)" }
    }

    /// The number of what was found under a name. Another file under the old name gets a new one.
    func found(_ name: String, in parent: UInt64, device: UInt, inode: UInt) -> UInt64 {
        state.withLock { state in
            let key = Name(parent: parent, name: name)
            if let number = state.numbers[key], let node = state.nodes[number] {
                if node.device == device, node.inode == inode {
                    state.nodes[number]?.lookupCount += 1
                    return number
                }
                state.nodes[number]?.name = nil
            }
            state.last += 1
            state.nodes[state.last] = Node(name: key, device: device, inode: inode, lookupCount: 1)
            state.numbers[key] = state.last
            return state.last
        }
    }

    func forget(_ number: UInt64, count: UInt64) {
        state.withLock { state in
            guard let node = state.nodes[number] else { return }
            if node.lookupCount > count {
                state.nodes[number]?.lookupCount -= count
                return
            }
            state.nodes[number] = nil
            if let name = node.name, state.numbers[name] == number { state.numbers[name] = nil }
        }
    }

    func removed(_ name: String, in parent: UInt64) {
        state.withLock { state in
            guard let number = state.numbers.removeValue(forKey: Name(parent: parent, name: name)) else {
                return
            }
            state.nodes[number]?.name = nil
        }
    }

    func renamed(_ name: String, in parent: UInt64, to newName: String, in newParent: UInt64) {
        removed(newName, in: newParent)
        state.withLock { state in
            guard let number = state.numbers.removeValue(forKey: Name(parent: parent, name: name)) else {
                return
            }
            let key = Name(parent: newParent, name: newName)
            state.numbers[key] = number
            state.nodes[number]?.name = key
        }
    }
}
