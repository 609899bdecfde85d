import Glibc
internal import Threads

/// A program of this machine that runs until it is told to end, or until this process does.
package final class SupervisedProgram: Sendable {
    private struct State {
        var exitStatus: Int32?
        var atDeath: [@Sendable () -> Void] = []
    }

    package let identifier: Int32
    private let state = Monitor(State())

    /// - Parameter log: takes what it says on standard output and error, behind what is there.
    package init(_ arguments: [String], log: String) throws(RigFailure) {
        let file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw RigFailure(log, errno: errno) }
        defer { close(file) }
        let words = ["setpriv", "--pdeathsig", "KILL", "--"] + arguments
        let started = Monitor<Result<Int32, RigFailure>?>(nil)
        let state = self.state
        // The system ends the program with the thread that started it; so that thread has to stay.
        let isStarted = BlockingThread.start("supervise") {
            let child: ChildProgram
            do throws(RigFailure) {
                child = try ChildProgram(words, descriptors: [(file, 1), (file, 2)])
                started.change { $0 = .success(child.identifier) }
            } catch {
                started.change { $0 = .failure(error) }
                return
            }
            var status: CInt = 0
            while waitpid(child.identifier, &status, 0) < 0 && errno == EINTR {}
            let bodies = state.change { state in
                state.exitStatus = ChildProgram.exitStatus(status)
                defer { state.atDeath = [] }
                return state.atDeath
            }
            for body in bodies { body() }
        }
        guard isStarted else { throw RigFailure(.environment, "no thread left") }
        identifier = try started.wait { $0 }.get()
    }

    package var isAlive: Bool { state.withLock { $0.exitStatus == nil } }

    /// Calls `body` once the program has ended; at once when it has.
    package func atDeath(_ body: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            if state.exitStatus == nil { state.atDeath.append(body) }
            return state.exitStatus != nil
        }
        if isLate { body() }
    }

    /// Never to a process that has ended: its number may be somebody else's by then.
    package func signal(_ number: Int32) {
        state.withLock { state in
            if state.exitStatus == nil { kill(identifier, number) }
        }
    }

    package func hasEnded(within limit: Duration) async -> Bool {
        await BlockingThread.value("wait for end") { [state] in
            state.wait(atMost: limit) { $0.exitStatus == nil ? nil : true } ?? false
        } ?? false
    }
}
