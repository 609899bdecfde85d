import Foundation
import TestSupport
import Testing

/// Headless Chromium, driven line by line through browser.py.
///
/// It trusts the one key that it is told of, besides what the system does; nothing else is switched off.
final class Browser: Sendable {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
    static let capabilities = [Capability.tool("chromium"), Capability.pythonModule("websockets")]
    static let isUsable = capabilities.allSatisfy(\.isUsable)
    static let comment: Comment = "chromium or python3-websockets is not installed"

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private struct Answer: Decodable {
        var value: Value?
        var error: String?
    }

    enum Value: Decodable, Equatable {
        case text(String), number(Double), flag(Bool), list([Value]), nothing

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let flag = try? container.decode(Bool.self) {
                self = .flag(flag)
            } else if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let list = try? container.decode([Value].self) {
                self = .list(list)
            } else {
                self = .nothing
            }
        }

        var text: String { if case .text(let text) = self { text } else { "" } }
        var number: Double { if case .number(let number) = self { number } else { .nan } }
        var list: [Value] { if case .list(let list) = self { list } else { [] } }
    }

    private let process: Process
    private let input: FileHandle
    private let output: FileHandle

    /// - Parameters:
    ///   - certificate: PEM; its key is trusted.
    ///   - folder: for profile and downloads.
    init(trusting certificate: String, folder: String) async throws {
        let hash = try await ForeignProgram(
            "/bin/sh",
            [
                "-c",
                "openssl x509 -in \"$0\" -pubkey -noout | openssl pkey -pubin -outform der"
                    + " | openssl dgst -sha256 -binary | openssl base64", certificate,
            ]
        ).run().output.trimmingCharacters(in: .whitespacesAndNewlines)
        let (toProgram, fromProgram) = (Pipe(), Pipe())
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["\(Self.folder)/browser.py", hash, folder]
        process.standardInput = toProgram
        process.standardOutput = fromProgram
        // The program ends, and its browser with it, at the end of its input.
        (input, output) = (toProgram.fileHandleForWriting, fromProgram.fileHandleForReading)
        try process.run()
        _ = try await answer()
    }

    deinit { try? input.close() }

    /// Ends the browser, and waits for that.
    func end() async {
        try? input.close()
        let process = process
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                process.waitUntilExit()
                continuation.resume()
            }
        }
    }

    @discardableResult
    func tell(_ action: String, _ parameters: [String: String] = [:], _ numbers: [String: Int] = [:])
        async throws -> Value
    {
        var command: [String: Any] = ["do": action]
        command.merge(parameters) { $1 }
        command.merge(numbers) { $1 }
        let line = try JSONSerialization.data(withJSONObject: command) + Data([UInt8(ascii: "\n")])
        try input.write(contentsOf: line)
        return try await answer()
    }

    func open(_ url: String) async throws { try await tell("open", ["url": url]) }

    @discardableResult
    func evaluate(_ script: String) async throws -> Value { try await tell("evaluate", ["script": script]) }

    /// Waits until a script's value is true.
    @discardableResult
    func wait(_ script: String, seconds: Int = 60) async throws -> Value {
        try await tell("wait", ["script": script], ["seconds": seconds])
    }

    private func answer() async throws -> Value {
        let output = output
        let line: Data = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try Self.line(of: output) }) }
        }
        let answer = try JSONDecoder().decode(Answer.self, from: line)
        if let error = answer.error { throw Failure(description: error) }
        return answer.value ?? .nothing
    }

    private static func line(of file: FileHandle) throws -> Data {
        var line = Data()
        while let byte = try file.read(upToCount: 1)?.first {
            if byte == UInt8(ascii: "\n") { return line }
            line.append(byte)
        }
        throw Failure(description: "the browser has ended")
    }
}
