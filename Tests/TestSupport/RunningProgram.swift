import Foundation
import Synchronization

/// A program that runs until it is told to end.
package final class RunningProgram: Sendable {
    private let process: Mutex<Process>
    private let output: FileHandle

    package init(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        output = pipe.fileHandleForReading
        self.process = Mutex(process)
    }

    package var processIdentifier: Int32 { process.withLock { $0.processIdentifier } }

    deinit {
        process.withLock { if $0.isRunning { kill($0.processIdentifier, SIGKILL) } }
    }

    /// Waits for the first line of output, which is how our servers say that they are ready.
    ///
    /// - Throws: when the output ends without one.
    package func firstLine() async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { [self] in
                continuation.resume(with: Result { try readLine() })
            }
        }
    }

    private func readLine() throws -> String {
        var line: [UInt8] = []
        while let byte = try output.read(upToCount: 1)?.first {
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        throw ForeignProgram.Failure(description: "ended after '\(String(decoding: line, as: UTF8.self))'")
    }

    /// Asks it to end (SIGTERM) and waits.
    ///
    /// - Returns: its exit status.
    package func stop() async -> Int32 {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [self] in continuation.resume(returning: end()) }
        }
    }

    private func end() -> Int32 {
        process.withLock { process in
            process.terminate()
            process.waitUntilExit()
            return process.terminationStatus
        }
    }
}
