import Foundation
import Synchronization
import TestSupport
import Testing
import Verification

/// An image through the whole path, in every combination that a user can ask for.
struct WholePathTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var mode: VerificationPlan.Mode
        var medium: VerificationPlan.MediumKind
        var isReadWrite: Bool
        var byteCount: Int
        var testDescription: String {
            "\(mode.rawValue) \(medium.rawValue) \(isReadWrite ? "rw" : "ro") \(byteCount)"
        }
    }

    /// 300 CD blocks are the least that a CD gadget takes.
    static let examples: [Example] = VerificationPlan.Mode.allCases.flatMap { mode in
        [512, 1024, 1 << 20, (3 << 20) + 512].flatMap { size in
            [false, true].map { Example(mode: mode, medium: .disk, isReadWrite: $0, byteCount: size) }
        }
            + [300 * 2048, 1 << 20].map {
                Example(mode: mode, medium: .cdrom, isReadWrite: false, byteCount: $0)
            }
    }

    @Test(arguments: examples)
    func `the host sees exactly the image`(example: Example) async throws {
        let folder = try TemporaryFolder()
        var plan = VerificationPlan(image: try folder.writePattern(example.byteCount, to: "image", seed: 7))
        plan.mode = example.mode
        plan.medium = example.medium
        plan.isReadWrite = example.isReadWrite
        plan.randomReads = 8
        let before = try Data(contentsOf: URL(fileURLWithPath: plan.image))
        let report = try await Verification(plan).run()
        #expect(report.outcome == .proven, "\(ReportText.render(report))")
        #expect(report.exitStatus == 0)
        #expect(report.reading?.provenByteCount == UInt64(example.byteCount))
        #expect(report.unit?.inquiry.isCD == (example.medium == .cdrom))
        #expect(report.unit?.isWriteProtected == !example.isReadWrite)
        #expect((report.writing != nil) == example.isReadWrite)
        #expect(report.leftBehind.isEmpty)
        #expect(report.device?.breaches == [])
        #expect(try Data(contentsOf: URL(fileURLWithPath: plan.image)) == before)
    }

    @Test(arguments: [false, true])
    func `a host that imports the device over USB/IP sees the same`(isReadWrite: Bool) async throws {
        let folder = try TemporaryFolder()
        var plan = VerificationPlan(image: try folder.writePattern((3 << 20) + 512, to: "image", seed: 8))
        (plan.isOverUSBIP, plan.isReadWrite, plan.randomReads) = (true, isReadWrite, 8)
        let report = try await Verification(plan).run()
        #expect(report.outcome == .proven, "\(ReportText.render(report))")
        #expect(report.leftBehind.isEmpty)
        #expect(report.stations.contains { $0.name == "usbip" && $0.outcome == .passed })
    }

    @Test(arguments: [(513, 1), (1023, 511), ((1 << 20) + 7, 7)])
    func `bytes that no whole block holds are named and never counted as proven`(byteCount: Int, hidden: Int)
        async throws
    {
        let folder = try TemporaryFolder()
        let report = try await Verification(
            VerificationPlan(image: folder.writePattern(byteCount, to: "odd"))
        ).run()
        #expect(report.outcome == .unproven)
        #expect(report.exitStatus == 5)
        #expect(report.reading?.hiddenByteCount == UInt64(hidden))
        #expect(report.reading?.mismatches == [])
        #expect(report.reading?.provenByteCount == UInt64(byteCount - hidden))
    }

    @Test(arguments: [UInt64(5) << 30, (UInt64(2) << 40) + (1 << 20)])
    func `an image of more than four gibibytes or two tebibytes is right at both ends`(byteCount: UInt64)
        async throws
    {
        let folder = try TemporaryFolder()
        let path = folder.file("sparse")
        let last = TemporaryFolder.pattern(4096, seed: 3)
        try Self.makeSparse(path, byteCount: byteCount, tail: last)
        var plan = VerificationPlan(image: path)
        plan.isSampled = true
        plan.randomReads = 16
        let report = try await Verification(plan).run()
        #expect(report.unit?.byteCount == byteCount)
        #expect(report.randomReading?.verdict == .proven)
        // Sampled is not proven, whatever was seen.
        #expect(report.outcome == .unproven)
        #expect(report.explanation.contains("sampled"))
        #expect(report.leftBehind.isEmpty)
    }

    @Test func `the wrong expectation is told from the right one`() async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(128 << 10, to: "image", seed: 1)
        var other = TemporaryFolder.pattern(128 << 10, seed: 1)
        other[70_000] ^= 0x10
        var plan = VerificationPlan(image: image)
        plan.expectation = .file(try folder.write(other, to: "other"))
        let report = try await Verification(plan).run()
        #expect(report.outcome == .wrong)
        #expect(report.exitStatus == 1)
        #expect(report.reading?.mismatches.first?.firstDifference == 70_000)
        #expect(report.reading?.mismatchedBlockCount == 1)
    }

    @Test(arguments: VerificationPlan.Mode.allCases)
    func `an image that changes during the run is not proven`(mode: VerificationPlan.Mode) async throws {
        let folder = try TemporaryFolder()
        var plan = VerificationPlan(image: try folder.writePattern(1 << 20, to: "image"))
        plan.mode = mode
        let path = plan.image
        let grown = OneTime()
        let report = try await Verification(plan) { _ in
            // Appended to, after the host has read what it could see.
            grown.run {
                let file = FileHandle(forWritingAtPath: path)
                file?.seekToEndOfFile()
                file?.write(Data(repeating: 1, count: 4096))
            }
        }.run()
        #expect(report.outcome == .unproven)
        #expect(report.explanation.contains("changed"), "\(report.explanation)")
        #expect(report.leftBehind.isEmpty)
    }

    @Test(arguments: [true, false])
    func `a digest alone decides too`(isRight: Bool) async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(1 << 20, to: "image", seed: 2)
        let digest = try await ForeignProgram("sha256sum", image).run().output.prefix(64)
        var plan = VerificationPlan(image: image)
        plan.expectation = .sha256(isRight ? String(digest) : String(repeating: "0", count: 64))
        let report = try await Verification(plan).run()
        #expect(report.outcome == (isRight ? .proven : .wrong))
        #expect(report.reading?.sha256 == String(digest))
    }

    @Test(arguments: ["a b ü.img", "50%.img", "what?#&.img"], VerificationPlan.Mode.allCases)
    func `any file name goes through`(name: String, mode: VerificationPlan.Mode) async throws {
        let folder = try TemporaryFolder()
        var plan = VerificationPlan(image: try folder.writePattern(64 << 10, to: name))
        plan.mode = mode
        let report = try await Verification(plan).run()
        #expect(report.outcome == .proven, "\(report.explanation)")
    }

    @Test func `credentials reach the server by a pipe and stay out of the report`() async throws {
        let folder = try TemporaryFolder()
        var plan = VerificationPlan(image: try folder.writePattern(1 << 20, to: "image"))
        plan.mode = .legacy
        plan.userName = "someone"
        plan.password = Array("s3cret-w0rd".utf8)
        let report = try await Verification(plan).run()
        #expect(report.outcome == .proven, "\(report.explanation)")
        let json = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
        #expect(!json.contains("s3cret-w0rd"))
        #expect(!ReportText.render(report).contains("s3cret-w0rd"))
    }

    private static func makeSparse(_ path: String, byteCount: UInt64, tail: [UInt8]) throws {
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.truncate(atOffset: byteCount)
        try file.seek(toOffset: byteCount - UInt64(tail.count))
        try file.write(contentsOf: Data(tail))
        try file.close()
    }
}

/// Runs something once, however often it is asked.
private final class OneTime: Sendable {
    private let hasRun = Atomic(false)
    func run(_ body: () -> Void) { if !hasRun.exchange(true, ordering: .relaxed) { body() } }
}
