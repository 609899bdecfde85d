import FaultPoints
import Glibc
import TestSupport
import Testing

@testable import FaultyFiles

struct WritingTests {
    @Test(arguments: [ENOSPC, EDQUOT, EFBIG, EIO])
    func `a write that fails changes nothing`(number: CInt) throws {
        let fixture = try Fixture(Scripted([.write: [.fail(errno: number)]]))
        let file = try fixture.tree.open("disk.img", flags: O_RDWR)
        #expect(throws: Errno(number)) { try fixture.write(file, [1, 2, 3], at: 10) }
        #expect(try fixture.kept() == fixture.content)
    }

    @Test func `a write that fails afterwards was done, and one that is pretended was not`() throws {
        let fixture = try Fixture()
        let file = try fixture.tree.open("disk.img", flags: O_RDWR)
        fixture.faults.set(.write, .failAfterwards(errno: EIO))
        #expect(throws: Errno(EIO)) { try fixture.write(file, [1, 2, 3], at: 0) }
        #expect(try fixture.kept().prefix(3) == [1, 2, 3])
        fixture.faults.set(.write, .pretend)
        #expect(try fixture.write(file, [9, 9, 9], at: 0) == 3)
        #expect(try fixture.kept().prefix(3) == [1, 2, 3])
    }

    @Test func `a torn write leaves the other sectors as they were`() throws {
        let fixture = try Fixture(Scripted([.write: [.torn(sectors: 0b0101)]]))
        let file = try fixture.tree.open("disk.img", flags: O_RDWR)
        let new = [UInt8](repeating: 0xEE, count: 2048)
        #expect(try fixture.write(file, new, at: 4096) == 2048)
        var expected = fixture.content
        for start in [4096, 5120] { expected.replaceSubrange(start..<start + 512, with: new[..<512]) }
        #expect(try fixture.kept() == expected)
    }

    @Test func `a short write says how little it wrote`() throws {
        let fixture = try Fixture(Scripted([.write: [.short(byteCount: 100)]]))
        let file = try fixture.tree.open("disk.img", flags: O_RDWR)
        #expect(try fixture.write(file, [UInt8](repeating: 1, count: 512), at: 0) == 412)
        #expect(try fixture.kept()[412..<512] == fixture.content[412..<512])
    }

    @Test func `a corrupted write puts the corruption on the disk`() throws {
        let fixture = try Fixture(Scripted([.write: [.corrupt(.bitFlip(bit: 0))]]))
        let file = try fixture.tree.open("disk.img", flags: O_RDWR)
        try fixture.write(file, [0x10, 0x20], at: 0)
        #expect(try fixture.kept().prefix(2) == [0x11, 0x20])
        fixture.faults.set(.write, .corrupt(.stale))
        try fixture.write(file, [0x77, 0x77], at: 0)
        #expect(try fixture.kept().prefix(2) == [0x11, 0x20])
    }

    /// The oracle keeps two copies: what was written, and what was there at the last sync.
    @Test(arguments: 1...25 as ClosedRange<UInt64>)
    func `a crash loses exactly what no sync had followed`(seed: UInt64) throws {
        let fixture = try Fixture(byteCount: 8192)
        var random = SeededGenerator(seed: seed)
        let file = try fixture.tree.open("disk.img", flags: O_RDWR)
        var written = fixture.content
        var synced = fixture.content
        for _ in 0..<40 {
            if UInt8.random(in: 0..<8, using: &random) == 0 {
                try fixture.tree.sync(file)
                synced = written
                continue
            }
            let offset = Int.random(in: 0..<9000, using: &random)
            let bytes = (0..<Int.random(in: 1...1500, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            try fixture.write(file, bytes, at: UInt64(offset))
            let missing = max(0, offset + bytes.count - written.count)
            written += [UInt8](repeating: 0, count: missing)
            written.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            #expect(try fixture.kept() == written, "seed \(seed)")
        }
        fixture.tree.crash()
        #expect(try fixture.kept() == synced, "seed \(seed)")
    }

    @Test func `some of the unsynced writes can survive, oldest first`() throws {
        let fixture = try Fixture()
        let file = try fixture.tree.open("disk.img", flags: O_RDWR)
        for value in 1...3 as ClosedRange<UInt8> { try fixture.write(file, [value], at: UInt64(value)) }
        fixture.tree.crash(survivors: 2)
        #expect(try fixture.kept()[1...3] == [1, 2, fixture.content[3]])
    }

    @Test func `a pretended sync keeps nothing, a failed one neither`() throws {
        for action in [FaultAction.pretend, .fail(errno: EIO)] {
            let fixture = try Fixture(Scripted([.fsync: [action]]))
            let file = try fixture.tree.open("disk.img", flags: O_RDWR)
            try fixture.write(file, [1, 2, 3, 4], at: 0)
            try? fixture.tree.sync(file, fixture.tree.plan(.fsync, on: "disk.img"))
            fixture.tree.crash()
            #expect(try fixture.kept() == fixture.content)
        }
    }

    @Test func `what is written to a file opened for synchronous writing survives`() throws {
        let fixture = try Fixture()
        let file = try fixture.tree.open("disk.img", flags: O_RDWR | O_DSYNC)
        try fixture.write(file, [1, 2, 3], at: 0)
        fixture.tree.crash()
        #expect(try fixture.kept().prefix(3) == [1, 2, 3])
    }

    @Test func `a crashed store answers nobody, and after its restart old files are stale`() throws {
        let fixture = try Fixture()
        let file = try fixture.tree.open("disk.img", flags: O_RDONLY)
        fixture.tree.crash()
        #expect(throws: Errno(ENOTCONN)) { try fixture.read(file, 1, at: 0) }
        #expect(throws: Errno(ENOTCONN)) { try fixture.tree.attributes(of: "disk.img") }
        #expect(throws: Errno(ENOTCONN)) { try fixture.tree.open("disk.img", flags: O_RDONLY) }
        fixture.tree.restart()
        #expect(throws: Errno(ESTALE)) { try fixture.read(file, 1, at: 0) }
        let fresh = try fixture.tree.open("disk.img", flags: O_RDONLY)
        #expect(try fixture.read(fresh, 2, at: 0) == Array(fixture.content[..<2]))
    }

    @Test func `a crash before a write prevents it, a crash after a write loses it, and a survivor stays`()
        throws
    {
        for (action, survives) in [
            (FaultAction.special("crash-before", 0), false), (.special("crash-after", 0), false),
            (.special("crash-after", 1), true),
        ] {
            let fixture = try Fixture(Scripted([.write: [action]]))
            let file = try fixture.tree.open("disk.img", flags: O_RDWR)
            #expect(throws: Errno(ENOTCONN)) { try fixture.write(file, [7, 7], at: 0) }
            #expect(fixture.tree.isCrashed)
            #expect(try (fixture.kept().prefix(2) == [7, 7]) == survives)
        }
    }

    @Test func `names are made, renamed and removed`() throws {
        let fixture = try Fixture()
        let tree = fixture.tree
        try tree.makeFolder("sub", mode: 0o755)
        let file = try tree.create("sub/new", flags: O_RDWR, mode: 0o644)
        try fixture.write(file, [1, 2], at: 0)
        try tree.rename("sub/new", to: "moved")
        #expect(try fixture.kept("moved") == [1, 2])
        try tree.setSize(1, of: "moved")
        #expect(try fixture.kept("moved") == [1])
        try tree.removeFile("moved")
        try tree.removeFolder("sub")
        #expect(try tree.entries(of: "").map(\.name) == [".", "..", "disk.img"])
    }
}
