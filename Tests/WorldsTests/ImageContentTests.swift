import HostObserver
import Scenarios
import Testing

@testable import Worlds

struct ImageContentTests {
    @Test func `an image is its pattern, zeroes, or both by turns, and another version differs`() throws {
        let pattern = Scenario.Image("a", 70_001, seed: 3)
        let bytes = try ImageContent.bytes(of: pattern)
        #expect(bytes == SeededPattern.bytes(seed: 3, at: 0, byteCount: 70_001))
        #expect(try ImageContent.bytes(of: pattern, seed: 4) != bytes)
        let zeros = try ImageContent.bytes(of: Scenario.Image("z", 4096, content: .zeros))
        #expect(zeros == [UInt8](repeating: 0, count: 4096))
        let sparse = try ImageContent.bytes(of: Scenario.Image("s", 18 << 20, content: .sparse, seed: 5))
        #expect(sparse.count == 18 << 20)
        #expect(
            Array(sparse[(16 << 20)..<(16 << 20) + 512])
                == SeededPattern.bytes(seed: 5, at: 16 << 20, byteCount: 512))
        #expect(sparse[(1 << 20)..<(16 << 20)].allSatisfy { $0 == 0 })
    }

    @Test func `an image too large for memory is refused with what to do`() {
        let large = Scenario.Image("dvd", 4 << 30)
        #expect(throws: WorldFailure.self) { try ImageContent.bytes(of: large) }
    }
}
