package import DBusProtocol
import Glibc
import Synchronization
package import VirtualMedia

/// Pipes with secrets in them, in a world without descriptors: a number stands for the end to read.
package final class SimulatedPipes: SecretReader {
    private struct State {
        var contents: [CInt: [UInt8]] = [:]
        /// Numbers that no real descriptor has.
        var next: CInt = 1_000_000
        /// Made for a process that has died since: what it had open is closed, whatever keeps its memory.
        var lost: Set<CInt> = []
    }
    private let state = Mutex(State())

    package init() {}

    /// A pipe whose writer has written everything and closed it.
    package func pipe(holding bytes: [UInt8]) -> PassedDescriptor {
        let number = state.withLock { state in
            state.next += 1
            state.contents[state.next] = bytes
            return state.next
        }
        return PassedDescriptor(number) { [weak self] number in
            self?.state.withLock {
                $0.contents[number] = nil
                $0.lost.remove(number)
            }
        }
    }

    package func read(_ descriptor: CInt, maximumBytes: Int, timeout: Duration)
        async throws(SystemError) -> [UInt8]
    {
        let bytes = state.withLock { state -> [UInt8]? in
            guard let bytes = state.contents[descriptor] else { return nil }
            state.contents[descriptor] = Array(bytes.dropFirst(maximumBytes))
            return Array(bytes.prefix(maximumBytes))
        }
        guard let bytes else { throw SystemError(EBADF, "read descriptor \(descriptor)") }
        return bytes
    }

    /// Pipes that nobody has closed.
    package var openCount: Int { state.withLock { $0.contents.count - $0.lost.count } }

    /// Whoever was to read the pipes there are has died; a call that was held back may still bring one to
    /// the next process.
    package func readerDied() { state.withLock { $0.lost = Set($0.contents.keys) } }
}
