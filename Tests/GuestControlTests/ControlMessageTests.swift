import GuestControl
import TestSupport
import Testing
import WireFormat

struct ControlMessageTests {
    static let request = CommandRequest(
        ["sh", "-c", "echo \"ä\""], environment: ["PATH=/bin", "EMPTY="], folder: "/tmp/a b",
        terminal: .init(rows: 24, columns: 80))

    static let all: [ControlMessage] = [
        .hello(session: .max, version: 1), .run(request), .run(CommandRequest(["true"])),
        .input([]), .input([1, 2, 3]), .endOfInput, .signal(15), .resize(rows: 1, columns: 65_535), .powerOff,
        .ready(session: 7, version: 1, kernel: "6.1.0-56-amd64"), .room(byteCount: 262_144),
        .output(.error, Array("oh\n".utf8)), .output(.output, []), .ended(.exited(255)),
        .ended(.killed(signal: 9)), .refused(errno: 2, reason: "no such file"),
    ]

    @Test func `all messages come out of one stream, however it is cut`() throws {
        let stream = Self.all.flatMap(\.encoded)
        for pieces in portions(of: stream) {
            var decoder = ControlDecoder()
            var found: [ControlMessage] = []
            for piece in pieces {
                decoder.append(piece)
                while let message = try decoder.next() { found.append(message) }
            }
            #expect(found == Self.all)
        }
    }

    @Test func `bytes are as documented`() {
        let expected = bytes(
            """
            4D52 43 00 00000004 | output, 4 bytes
            02 6F680A           | standard error, "oh\\n"
            """)
        #expect(ControlMessage.output(.error, Array("oh\n".utf8)).encoded == expected)
    }

    static let broken: [(String, [UInt8], ControlViolation)] = [
        ("magic", bytes("4D53 04 00 00000000"), .badMagic(0x4D53)),
        ("reserved byte", bytes("4D52 04 01 00000000"), .malformed(kind: 4)),
        ("length", bytes("4D52 03 00 00100001"), .tooLong(kind: 3, byteCount: 0x10_0001)),
        ("kind", bytes("4D52 30 00 00000000"), .unknownKind(0x30)),
        ("payload left over", bytes("4D52 04 00 00000001 00"), .malformed(kind: 4)),
        ("payload too short", bytes("4D52 42 00 00000003 000000"), .malformed(kind: 0x42)),
        (
            "text longer than its frame", bytes("4D52 45 00 00000009 00000002 00000005 41"),
            .malformed(kind: 0x45)
        ),
        ("no UTF-8", bytes("4D52 45 00 00000009 00000002 00000001 FF"), .malformed(kind: 0x45)),
        ("stream 3", bytes("4D52 43 00 00000001 03"), .malformed(kind: 0x43)),
        (
            "a list of four billion", bytes("4D52 02 00 0000000D 0000 0000 00 00000000 FFFFFFFF"),
            .malformed(kind: 2)
        ),
        (
            "a command of no words", bytes("4D52 02 00 00000011 0000 0000 00 00000000 00000000 00000000"),
            .malformed(kind: 2)
        ),
    ]

    @Test(arguments: broken)
    func `a broken frame is refused, not guessed at`(
        name: String, frame: [UInt8], violation: ControlViolation
    ) {
        for pieces in portions(of: frame) {
            var decoder = ControlDecoder()
            var found: ControlViolation?
            for piece in pieces where found == nil {
                decoder.append(piece)
                do throws(ControlViolation) { _ = try decoder.next() } catch { found = error }
            }
            #expect(found == violation, "\(name)")
        }
    }

    @Test func `every frame cut short waits for the rest`() throws {
        for message in Self.all {
            let frame = message.encoded
            for count in 0..<frame.count {
                var decoder = ControlDecoder()
                decoder.append(frame.prefix(count))
                #expect(try decoder.next() == nil, "\(message) of \(count) bytes")
            }
        }
    }
}
