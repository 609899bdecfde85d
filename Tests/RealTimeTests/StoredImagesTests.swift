import Foundation
import HostObserver
import LinuxPlatform
import Scenarios
import Testing

@testable import RealTime

struct StoredImagesTests {
    static func bytes(_ image: (any ExpectedImage)?) throws -> [UInt8] {
        let image = try #require(image)
        return try [UInt8](unsafeUninitializedCapacity: Int(image.byteCount)) { buffer, count in
            count = try image.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
    }

    static func modificationTime(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mtim.tv_sec : -1
    }

    @Test func `an image is what its recipe says, changes as a whole, and comes back as the same file`()
        throws
    {
        let folder = try PrivateFolder()
        let topology = Scenario.Topology(images: [
            .init("a.img", 70_001, seed: 3), .init("s.img", 18 << 20, content: .sparse, seed: 5),
            .init("z.img", 4096, content: .zeros),
        ])
        let images = try StoredImages(topology, in: folder)
        func snapshot(_ name: String) -> ImageSnapshot? { ImageSnapshot(path: images.path(of: name)) }
        let original = SeededPattern.bytes(seed: 3, at: 0, byteCount: 70_001)
        let before = snapshot("a.img")
        let firstTime = Self.modificationTime(images.path(of: "a.img"))
        #expect(try Self.bytes(before) == original)
        #expect(try Self.bytes(snapshot("z.img")) == [UInt8](repeating: 0, count: 4096))
        let sparse = try Self.bytes(snapshot("s.img"))
        #expect(sparse[(1 << 20)..<(16 << 20)].allSatisfy { $0 == 0 })
        #expect(
            Array(sparse[(16 << 20)..<(16 << 20) + 512])
                == SeededPattern.bytes(seed: 5, at: 16 << 20, byteCount: 512))

        try images.change(.init("a.img", .replace, seed: 9))
        #expect(try Self.bytes(snapshot("a.img")) == SeededPattern.bytes(seed: 9, at: 0, byteCount: 70_001))
        #expect(Self.modificationTime(images.path(of: "a.img")) > firstTime + 1)
        try images.change(.init("a.img", .resize, byteCount: 512))
        #expect(try Self.bytes(snapshot("a.img")) == Array(original.prefix(512)))
        try images.change(.init("a.img", .remove))
        #expect(snapshot("a.img") == nil)
        // Whoever looked before sees what was there then.
        #expect(try Self.bytes(before) == original)
        try images.change(.init("a.img", .restore))
        #expect(try Self.bytes(snapshot("a.img")) == original)
        #expect(Self.modificationTime(images.path(of: "a.img")) == firstTime)
        try images.change(.init("a.img", .restore))
        #expect(try Self.bytes(snapshot("a.img")) == original)
    }

    @Test(arguments: [(nil, 0), (100, 0), (9000, 0), (nil, 7)] as [(UInt64?, Int64)])
    func `a snapshot shows a file as the store does`(byteCount: UInt64?, generation: Int64) throws {
        let folder = try PrivateFolder()
        let images = try StoredImages(Scenario.Topology(images: [.init("a.img", 4096)]), in: folder)
        let plain = try Self.bytes(ImageSnapshot(path: images.path(of: "a.img")))
        let shown = try Self.bytes(
            ImageSnapshot(
                path: images.path(of: "a.img"), as: .init(byteCount: byteCount, generation: generation)))
        #expect(shown.count == Int(byteCount ?? 4096))
        if generation == 0 {
            let shared = min(shown.count, plain.count)
            #expect(shown.prefix(shared) == plain.prefix(shared))
            #expect(shown.dropFirst(shared).allSatisfy { $0 == 0 })
        } else {
            #expect(shown != plain)
        }
    }
}
