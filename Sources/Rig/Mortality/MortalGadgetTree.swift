import Synchronization
package import VirtualMedia

/// A gadget tree whose owner dies right after one of its changes, so that what it leaves is what the next one finds.
///
/// After change N is before change N + 1: deaths at 1, 2, 3 and so on leave every state that there can be.
package final class MortalGadgetTree: GadgetTree {
    /// Which changes count.
    package enum Counting: String, Sendable, CaseIterable {
        /// All of them: the clearing away of what an earlier one left comes first.
        case start
        /// From the first directory that is made: building a gadget, and taking it down again.
        case build
    }

    private struct State {
        var isCounting: Bool
        var changeCount = 0
    }

    private let base: any GadgetTree
    private let last: Int
    private let die: @Sendable (_ change: String) -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - last: the change after which it ends, from 1.
    ///   - die: is told which change that was; does not come back, except in a test.
    package init(
        _ base: any GadgetTree, last: Int, counting: Counting,
        die: @escaping @Sendable (_ change: String) -> Void
    ) {
        self.base = base
        self.last = last
        self.die = die
        state = Mutex(State(isCounting: counting == .start))
    }

    package func makeDirectory(_ path: String) async throws(SystemError) {
        state.withLock { $0.isCounting = true }
        try await base.makeDirectory(path)
        changed("mkdir \(path)")
    }

    package func removeDirectory(_ path: String) async throws(SystemError) {
        try await base.removeDirectory(path)
        changed("rmdir \(path)")
    }

    package func makeLink(at path: String, to target: String) async throws(SystemError) {
        try await base.makeLink(at: path, to: target)
        changed("link \(path)")
    }

    package func removeLink(_ path: String) async throws(SystemError) {
        try await base.removeLink(path)
        changed("unlink \(path)")
    }

    package func write(_ value: String, to path: String) async throws(SystemError) {
        try await base.write(value, to: path)
        changed("write \(path)")
    }

    package func read(_ path: String) async throws(SystemError) -> String { try await base.read(path) }

    package func list(_ path: String) async throws(SystemError) -> [String] { try await base.list(path) }

    private func changed(_ change: String) {
        let isLast = state.withLock { state in
            guard state.isCounting else { return false }
            state.changeCount += 1
            return state.changeCount == last
        }
        if isLast { die(change) }
    }
}
