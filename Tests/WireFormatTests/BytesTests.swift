import TestSupport
import Testing
import WireFormat

struct BytesTests {
    @Test func `integers come off the front in either byte order`() {
        var buffer = bytes("0102 0304 | big \n 0201 04030201 | little")[...]
        #expect(buffer.takeBigEndian(as: UInt16.self) == 0x0102)
        #expect(buffer.takeBigEndian(as: UInt16.self) == 0x0304)
        #expect(buffer.takeLittleEndian(as: UInt16.self) == 0x0102)
        #expect(buffer.takeLittleEndian(as: UInt32.self) == 0x0102_0304)
        #expect(buffer.isEmpty)
    }

    @Test(arguments: 0...4)
    func `taking more than is there takes nothing`(extraBytes: Int) {
        var buffer = [UInt8](repeating: 7, count: 4)[...]
        let taken = buffer.take(4 + extraBytes)
        #expect((taken?.count == 4) == (extraBytes == 0))
        #expect(buffer.count == (extraBytes == 0 ? 0 : 4))
    }

    @Test(arguments: [0, 1, 0x7F, 0x80, 0xFF, 0x1234_5678_9ABC_DEF0, .max] as [UInt64])
    func `what is appended is taken again`(value: UInt64) {
        var written: [UInt8] = []
        written.appendBigEndian(value)
        written.appendLittleEndian(value)
        var buffer = written[...]
        #expect(buffer.takeBigEndian(as: UInt64.self) == value)
        #expect(buffer.takeLittleEndian(as: UInt64.self) == value)
    }
}

struct HexadecimalTests {
    @Test func `text and bytes turn into each other for every byte value`() {
        let all = Array(UInt8.min...UInt8.max)
        #expect(Hexadecimal.bytes(Hexadecimal.text(all)) == all)
        #expect(Hexadecimal.bytes(Hexadecimal.text(all).uppercased()) == all)
    }

    @Test(arguments: ["0", "0g", "zz", "123", "é1"])
    func `text that is not hexadecimal is refused`(text: String) {
        #expect(Hexadecimal.bytes(text) == nil)
    }

    @Test func `a dump shows offset, bytes and characters, and says what it left out`() {
        let lines = Hexadecimal.dump(Array("MediaRig dumps bytes".utf8)[...], limit: 18).split(
            separator: "\n")
        #expect(lines[0] == "00000000  4d 65 64 69 61 52 69 67 20 64 75 6d 70 73 20 62  |MediaRig dumps b|")
        #expect(lines[1].hasPrefix("00000010  79 74 "))
        #expect(lines[2] == "… 2 more bytes")
    }
}
