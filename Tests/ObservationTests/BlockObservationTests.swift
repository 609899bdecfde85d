import Foundation
import HostObserver
import TestSupport
import Testing

@testable import Observation

struct BlockObservationTests {
    private static func observe(
        _ path: String, _ expected: ObservationPlan.Expected,
        change: (inout ObservationPlan) -> Void = { _ in }
    ) async -> ObservationReport {
        var plan = ObservationPlan(target: .block(path: path), expected: expected)
        plan.randomReads = 20
        change(&plan)
        return await Observation(plan).run()
    }

    @Test(arguments: [512, 1 << 20, (3 << 20) + 512])
    func `a medium that is the image is proven`(byteCount: Int) async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(byteCount, to: "image")
        let device = try folder.writePattern(byteCount, to: "device")
        let report = await Self.observe(device, .file(path: image))
        #expect(report.outcome == .proven, "\(report.explanation)")
        #expect(report.reading?.provenByteCount == UInt64(byteCount))
        #expect(report.block?.byteCount == UInt64(byteCount))
        #expect(report.randomReading?.verdict == .proven)
        #expect(report.writing == nil)
    }

    @Test func `a digest proves the whole, and another refutes it`() async throws {
        let folder = try TemporaryFolder()
        let bytes = TemporaryFolder.pattern(1 << 20)
        let device = try folder.write(bytes, to: "device")
        let digest = SHA256.text(bytes[...])
        #expect(await Self.observe(device, .sha256(digest)).outcome == .proven)
        let wrong = await Self.observe(device, .sha256(String(digest.reversed())))
        #expect(wrong.outcome == .wrong)
        #expect(wrong.outcome.exitStatus == 1)
    }

    @Test(arguments: [0, 511, 512, 700_000, (1 << 20) - 1])
    func `one wrong byte anywhere is found and named`(offset: Int) async throws {
        let folder = try TemporaryFolder()
        var bytes = TemporaryFolder.pattern(1 << 20)
        let image = try folder.write(bytes, to: "image")
        bytes[offset] ^= 0x10
        let report = await Self.observe(try folder.write(bytes, to: "device"), .file(path: image))
        #expect(report.outcome == .wrong)
        let mismatch = try #require(report.reading?.mismatches.first)
        #expect(mismatch.firstDifference == UInt64(offset))
        #expect(mismatch.kind == .corrupted(bitCount: 1))
        #expect(report.randomReading == nil, "what is known to be wrong is not read further")
    }

    @Test(arguments: [-512, 512])
    func `another size is wrong`(difference: Int) async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(1 << 20, to: "image")
        let device = try folder.writePattern((1 << 20) + difference, to: "device")
        let report = await Self.observe(device, .file(path: image))
        #expect(report.outcome == .wrong)
        #expect(report.explanation.contains("capacity"))
    }

    @Test func `a tail that no block holds is not proven`() async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(10_000, to: "image")
        let report = await Self.observe(image, .file(path: image))
        #expect(report.outcome == .unproven)
        #expect(report.reading?.hiddenByteCount == 10_000 % 512)
        #expect(report.outcome.exitStatus == 5)
    }

    @Test func `written blocks are on the medium`() async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(1 << 20, to: "image")
        let device = try folder.writePattern(1 << 20, to: "device")
        let report = await Self.observe(device, .file(path: image)) {
            $0.isReadWrite = true
            $0.seed = 9
        }
        #expect(report.outcome == .proven, "\(report.explanation)")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: device))
        for range in try #require(report.writing?.ranges) {
            let expected = SeededPattern.bytes(seed: 9, at: range.byteOffset, byteCount: range.byteCount)
            // Later ranges may lie over earlier ones, with the same bytes for the same place.
            #expect(Array(bytes[Int(range.byteOffset)...].prefix(range.byteCount)) == expected)
        }
    }

    @Test func `what cannot be opened is the machine's fault, and named`() async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(512, to: "image")
        let missing = await Self.observe(folder.file("none"), .file(path: image))
        #expect(missing.outcome == .environmentMissing)
        #expect(missing.explanation.contains("none"))
        let empty = await Self.observe(try folder.write([], to: "empty"), .file(path: image))
        #expect(empty.outcome == .unproven)
        #expect(empty.explanation.contains("no medium"))
    }

    @Test func `the report is complete as JSON, text and JUnit`() async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(1 << 16, to: "image")
        let report = await Self.observe(image, .file(path: image))
        let decoded = try JSONDecoder().decode(ObservationReport.self, from: JSONEncoder().encode(report))
        #expect(decoded.reading == report.reading && decoded.block == report.block)
        let text = ObservationText.render(report)
        #expect(text.contains("PROVEN") && text.contains("65536 bytes equal of 65536"))
        let junit = ObservationText.junit(report)
        #expect(junit.contains("tests=\"4\" failures=\"0\"") && !junit.contains("<failure"))
        let wrong = ObservationText.junit(await Self.observe(folder.file("<none>"), .file(path: image)))
        #expect(wrong.contains("<failure") && wrong.contains("&lt;none&gt;"))
    }
}
