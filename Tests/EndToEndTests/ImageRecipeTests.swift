import Foundation
import TestSupport
import Testing

/// `images/make` with what it needs.
enum ImageRecipes {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../images").standardizedFileURL.path
    static let tools = Capability.tools("gcc", "ld", "objcopy", "xorriso", "mkfs.vfat", "mcopy")

    struct Image: Codable, Sendable {
        let name: String
        let byteCount: UInt64
        let edge: UInt64?
    }

    static func manifest() throws -> [Image] {
        struct Manifest: Codable { let images: [Image] }
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/manifest.json"))
        return try JSONDecoder().decode(Manifest.self, from: data).images
    }

    static func make(_ names: String..., in folder: TemporaryFolder) async throws {
        let result = try await make(["--out", folder.path] + names)
        #expect(result.status == 0, "\(result.error)")
    }

    static func make(_ arguments: [String]) async throws -> ForeignProgram.Result {
        try await ForeignProgram("\(self.folder)/make", arguments).run()
    }
}

@Suite(.enabled(if: ImageRecipes.tools.isUsable, "the tools of images/make are not installed"))
struct ImageRecipeTests {
    @Test func `every image of the manifest is made, with its size and digest`() async throws {
        let folder = try TemporaryFolder()
        // The script itself compares digests with the manifest, and fails where they differ.
        try await ImageRecipes.make(in: folder)
        for image in try ImageRecipes.manifest() {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.file(image.name))
            #expect(attributes[.size] as? UInt64 == image.byteCount, "\(image.name)")
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(left.count == (try ImageRecipes.manifest().count), "\(left)")
    }

    @Test func `the pattern is the one that tests expect`() async throws {
        let folder = try TemporaryFolder()
        try await ImageRecipes.make("odd-512.img", "over-2t.img", in: folder)
        let odd = try Data(contentsOf: URL(fileURLWithPath: folder.file("odd-512.img")))
        #expect(Array(odd) == TemporaryFolder.pattern(1_048_676))
        let sparse = try FileHandle(forReadingFrom: URL(fileURLWithPath: folder.file("over-2t.img")))
        for offset: UInt64 in [0, 2_199_023_255_544, 2_199_023_255_552, 2_199_024_304_120] {
            try sparse.seek(toOffset: offset)
            let word = try #require(try sparse.read(upToCount: 8))
            #expect(word.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } == offset)
        }
    }

    @Test func `an image that is not in the manifest is a usage error`() async throws {
        let result = try await ImageRecipes.make(["nothing.iso"])
        #expect(result.status == 2)
        #expect(result.error.contains("hybrid.iso"))
    }
}
