import FaultPoints
import Glibc
import TestSupport
import Testing

@testable import FaultyFiles

struct ReadingTests {
    @Test(
        arguments: [0, 1, 511, 512, 4095, 4096, 65_535, 65_536, 70_000] as [UInt64],
        [1, 512, 513, 4096, 65_536])
    func `without faults every byte is right, up to the end`(offset: UInt64, byteCount: Int) throws {
        let fixture = try Fixture()
        let file = try fixture.tree.open("disk.img", flags: O_RDONLY)
        let expected = fixture.content.dropFirst(Int(offset)).prefix(byteCount)
        #expect(try fixture.read(file, byteCount, at: offset) == Array(expected))
    }

    @Test func `a read far past the end is empty, whatever the number`() throws {
        let fixture = try Fixture()
        let file = try fixture.tree.open("disk.img", flags: O_RDONLY)
        #expect(try fixture.read(file, 16, at: UInt64(Int64.max) - 4) == [])
    }

    @Test(arguments: [EIO, ESTALE, EACCES, EINTR, ETIMEDOUT, EDQUOT])
    func `a read fails with the errno that was injected`(number: CInt) throws {
        let fixture = try Fixture()
        let file = try fixture.tree.open("disk.img", flags: O_RDONLY)
        fixture.faults.set(.read, .fail(errno: number))
        #expect(throws: Errno(number)) { try fixture.read(file, 512, at: 0) }
        fixture.faults.set(.read, .failAfterwards(errno: number))
        #expect(throws: Errno(number)) { try fixture.read(file, 512, at: 0) }
    }

    @Test(arguments: [(1, 4095), (4095, 1), (4096, 1), (9999, 1)])
    func `a short read gives so many bytes less, but never none`(missing: Int, expected: Int) throws {
        let fixture = try Fixture(Scripted([.read: [.short(byteCount: missing)]]))
        let file = try fixture.tree.open("disk.img", flags: O_RDONLY)
        #expect(try fixture.read(file, 4096, at: 512) == Array(fixture.content[512..<512 + expected]))
    }

    @Test func `a flipped bit is the only difference`() throws {
        let fixture = try Fixture(Scripted([.read: [.corrupt(.bitFlip(bit: 8 * 1000 + 3))]]))
        let file = try fixture.tree.open("disk.img", flags: O_RDONLY)
        var expected = Array(fixture.content[4096..<8192])
        expected[1000] ^= 8
        #expect(try fixture.read(file, 4096, at: 4096) == expected)
        #expect(try fixture.kept() == fixture.content)
    }

    @Test func `shifted data comes from further on, and is zero past the end`() throws {
        let fixture = try Fixture(Scripted([.read: [.corrupt(.shift(byteCount: 512))]]))
        let file = try fixture.tree.open("disk.img", flags: O_RDONLY)
        #expect(try fixture.read(file, 4096, at: 4096) == Array(fixture.content[4608..<8704]))
        let last = try fixture.read(file, 1024, at: 65_536 - 1024)
        #expect(last == fixture.content[(65_536 - 512)...] + Array(repeating: 0, count: 512))
    }

    @Test func `zeroed, swapped and torn sectors are whole sectors`() throws {
        let fixture = try Fixture()
        let file = try fixture.tree.open("disk.img", flags: O_RDONLY)
        let right = Array(fixture.content[..<2048])
        let zeroes = [UInt8](repeating: 0, count: 512)
        fixture.faults.set(.read, .corrupt(.zero(at: 512)))
        #expect(try fixture.read(file, 2048, at: 0) == Array(right[..<512]) + zeroes + Array(right[1024...]))
        fixture.faults.set(.read, .corrupt(.swap(0, 3)))
        var swapped = right
        swapped.replaceSubrange(0..<512, with: right[1536...])
        swapped.replaceSubrange(1536..<2048, with: right[..<512])
        #expect(try fixture.read(file, 2048, at: 0) == swapped)
        fixture.faults.set(.read, .torn(sectors: 0b1011))
        #expect(try fixture.read(file, 2048, at: 0) == Array(right[..<1024]) + zeroes + Array(right[1536...]))
    }

    @Test func `stale data is what the last write replaced`() throws {
        let fixture = try Fixture()
        let file = try fixture.tree.open("disk.img", flags: O_RDWR)
        try fixture.write(file, [UInt8](repeating: 0xAA, count: 1024), at: 512)
        fixture.faults.set(.read, .corrupt(.stale))
        #expect(try fixture.read(file, 4096, at: 0) == Array(fixture.content[..<4096]))
        fixture.faults.set(.read)
        #expect(try fixture.read(file, 512, at: 512) == [UInt8](repeating: 0xAA, count: 512))
    }

    @Test func `an image that shrinks or grows does so only for those who look through the store`() throws {
        let fixture = try Fixture(isReadOnly: true)
        let file = try fixture.tree.open("disk.img", flags: O_RDONLY)
        fixture.faults.set(.read, .special("truncate", 1000))
        #expect(try fixture.read(file, 4096, at: 0) == Array(fixture.content[..<1000]))
        fixture.faults.set(.read)
        #expect(try fixture.tree.attributes(of: "disk.img").st_size == 1000)
        fixture.tree.heal()
        #expect(try fixture.tree.attributes(of: file).st_size == 65_536)
        fixture.faults.set(.getattr, .special("grow", 512))
        let plan = fixture.tree.plan(.getattr, on: "disk.img")
        #expect(try fixture.tree.attributes(of: "disk.img", plan).st_size == 65_536 + 512)
        #expect(try fixture.read(file, 1024, at: 65_536) == [UInt8](repeating: 0, count: 512))
        #expect(try fixture.kept() == fixture.content)
    }

    @Test func `lies about attributes change nothing but the answer`() throws {
        let fixture = try Fixture()
        fixture.faults.set(
            .getattr, .lie(field: "size", value: 4_000_000_000_000), .lie(field: "mtime", value: 7))
        let told = try fixture.tree.attributes(of: "disk.img", fixture.tree.plan(.getattr, on: "disk.img"))
        #expect(told.st_size == 4_000_000_000_000 && told.st_mtim.tv_sec == 7)
        #expect(try fixture.tree.attributes(of: "disk.img").st_size == 65_536)
        fixture.faults.set(.statfs, .lie(field: "free", value: 0))
        #expect(try fixture.tree.fileSystemStatus(fixture.tree.plan(.statfs, on: "")).f_bavail == 0)
    }

    @Test func `a replaced image is another one as a whole, and itself again once it is healed`() throws {
        let fixture = try Fixture()
        let file = try fixture.tree.open("disk.img", flags: O_RDWR)
        let before = try fixture.tree.attributes(of: file).st_mtim
        fixture.faults.set(.read, .special("replace", 3))
        let whole = try fixture.read(file, 65_536, at: 0)
        fixture.faults.set(.read)
        #expect(whole.count == 65_536 && whole != fixture.content)
        for (offset, count) in [(0, 7), (1, 512), (4095, 3), (65_530, 6)] {
            let part = try fixture.read(file, count, at: UInt64(offset))
            #expect(part == Array(whole[offset..<offset + count]))
        }
        let after = try fixture.tree.attributes(of: file).st_mtim
        #expect(after.tv_sec != before.tv_sec || after.tv_nsec != before.tv_nsec)
        try fixture.write(file, [1, 2, 3], at: 5)
        #expect(try fixture.read(file, 3, at: 5) == [1, 2, 3])
        fixture.faults.set(.read, .special("replace", 4))
        #expect(try fixture.read(file, 512, at: 1024) != Array(whole[1024..<1536]))
        fixture.faults.set(.read)
        fixture.tree.heal()
        #expect(try fixture.read(file, 512, at: 1024) == Array(fixture.content[1024..<1536]))
    }

    @Test func `a file that lies about its size when it is opened also ends there`() throws {
        let fixture = try Fixture(Scripted([.open: [.lie(field: "size", value: 100)]]))
        let plan = fixture.tree.plan(.open, on: "disk.img")
        let file = try fixture.tree.open("disk.img", flags: O_RDONLY, plan)
        #expect(try fixture.tree.attributes(of: file).st_size == 100)
        #expect(try fixture.read(file, 512, at: 40) == Array(fixture.content[40..<100]))
        #expect(try fixture.read(file, 512, at: 200) == [])
        #expect(try fixture.tree.attributes(of: "disk.img").st_size == 65_536)
    }

    @Test func `a folder lists its names in order, and a link shows what it points to`() throws {
        let fixture = try Fixture()
        try #require(symlink("/etc/passwd", fixture.folder.file("link")) == 0)
        #expect(try fixture.tree.entries(of: "").map(\.name) == [".", "..", "disk.img", "link"])
        #expect(try fixture.tree.attributes(of: "link").st_mode & S_IFMT == S_IFREG)
        #expect(throws: Errno(ENOENT)) { try fixture.tree.open("nothing", flags: O_RDONLY) }
    }

    @Test func `a read-only store refuses every change`() throws {
        let fixture = try Fixture(isReadOnly: true)
        let tree = fixture.tree
        #expect(throws: Errno(EROFS)) { try tree.open("disk.img", flags: O_RDWR) }
        #expect(throws: Errno(EROFS)) { try tree.create("new", flags: O_RDWR, mode: 0o644) }
        #expect(throws: Errno(EROFS)) { try tree.removeFile("disk.img") }
        #expect(throws: Errno(EROFS)) { try tree.rename("disk.img", to: "b") }
        #expect(throws: Errno(EROFS)) { try tree.setSize(0, of: "disk.img") }
        #expect(throws: Errno(EROFS)) { try tree.makeFolder("f", mode: 0o755) }
        #expect(try fixture.kept() == fixture.content)
    }
}
