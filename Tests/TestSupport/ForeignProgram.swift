import Foundation
import Synchronization

/// A foreign program run to its end, within a limit.
package struct ForeignProgram: Sendable {
    package struct Result: Sendable {
        package let status: Int32
        package let output: String
        package let error: String
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private let program: String
    private let arguments: [String]
    package var environment: [String: String] = [:]

    package init(_ program: String, _ arguments: String...) {
        self.init(program, arguments)
    }

    package init(_ program: String, _ arguments: [String]) {
        self.program = program
        self.arguments = arguments
    }

    /// Waits, without holding a thread of the test runner's small pool, until the program ends; kills it at
    /// the limit.
    ///
    /// - Throws: ``Failure`` when it cannot be started or does not end in time.
    package func run(input: String? = nil, within seconds: Double = 60) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Swift.Result { try runBlocking(input: input, within: seconds) })
            }
        }
    }

    /// The same for callers that are not asynchronous: set-up of a few milliseconds.
    package func runBlocking(input: String? = nil, within seconds: Double = 60) throws -> Result {
        guard let path = program.contains("/") ? program : Capability.path(ofTool: program) else {
            throw Failure(description: "\(program): not found")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let output = Pipe()
        let error = Pipe()
        let standardInput = Pipe()
        process.standardOutput = output
        process.standardError = error
        process.standardInput = standardInput
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        try process.run()
        // Threads of their own: the global queue's are those that run Swift's tasks, and two blocked reads would
        // stop every test there is.
        let outputText = Reader(output.fileHandleForReading)
        let errorText = Reader(error.fileHandleForReading)
        if let input { standardInput.fileHandleForWriting.write(Data(input.utf8)) }
        try standardInput.fileHandleForWriting.close()
        guard ended.wait(timeout: .now() + seconds) == .success else {
            kill(process.processIdentifier, SIGKILL)
            throw Failure(
                description: "\(program) \(arguments.joined(separator: " ")): not done in \(seconds) s")
        }
        return Result(status: process.terminationStatus, output: outputText.text(), error: errorText.text())
    }

    /// What comes out of a pipe until its end, read on a thread of its own.
    private final class Reader: Sendable {
        private let read = Mutex("")
        private let ended = DispatchSemaphore(value: 0)

        init(_ pipe: FileHandle) {
            Thread.detachNewThread { [self] in
                let text = String(decoding: pipe.readDataToEndOfFile(), as: UTF8.self)
                read.withLock { $0 = text }
                ended.signal()
            }
        }

        /// Waits for the end. To be called once.
        func text() -> String {
            ended.wait()
            return read.withLock { $0 }
        }
    }
}
