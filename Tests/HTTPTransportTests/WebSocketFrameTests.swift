import NIOCore
import TestSupport
import Testing
import WireFormat

@testable import HTTPTransport

/// Frames taken apart and put together, as bytes.
struct WebSocketFrameTests {
    typealias Frame = WebSocketFrameReader.Frame
    typealias Violation = WebSocketFrameReader.Violation

    static let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
    static var keyWord: UInt32 { key.reversed().reduce(0) { $0 << 8 | UInt32($1) } }

    /// Each byte by itself, as the RFC writes it.
    static func masked(_ bytes: [UInt8], from start: Int = 0) -> [UInt8] {
        bytes.enumerated().map { $1 ^ key[(start + $0) % 4] }
    }

    // MARK: Masks

    @Test(arguments: 0..<8, 0..<8)
    func `a mask is the same at every length and alignment`(sourceShift: Int, targetShift: Int) {
        for count in 0...70 {
            let plain = TemporaryFolder.pattern(count, seed: UInt64(count + 1))
            let source = [UInt8](repeating: 0, count: sourceShift) + plain
            var target = [UInt8](repeating: 0xEE, count: targetShift + count + 8)
            var mask = WebSocketMask(key: Self.keyWord)
            source.withUnsafeBytes { source in
                target.withUnsafeMutableBytes { target in
                    mask.copy(
                        UnsafeRawBufferPointer(rebasing: source[sourceShift...]),
                        to: target.baseAddress! + targetShift)
                }
            }
            let untouched = [UInt8](repeating: 0xEE, count: targetShift)
            #expect(
                target == untouched + Self.masked(plain) + [UInt8](repeating: 0xEE, count: 8), "\(count)")
        }
    }

    @Test(arguments: 0...70)
    func `a mask goes on where it ended, wherever it is cut`(cut: Int) {
        let plain = TemporaryFolder.pattern(140, seed: 5)
        var result = plain
        var mask = WebSocketMask(key: Self.keyWord)
        result.withUnsafeMutableBytes { bytes in
            let start = bytes.baseAddress!
            mask.copy(UnsafeRawBufferPointer(start: start, count: cut), to: start)
            mask.copy(UnsafeRawBufferPointer(start: start + cut, count: 140 - cut), to: start + cut)
        }
        #expect(result == Self.masked(plain))
    }

    // MARK: Frames

    /// Pieces of data joined, however they were cut.
    static func read(_ pieces: [[UInt8]], expectsMask: Bool = true, limit: Int = 1 << 20) throws(Violation)
        -> [Frame]
    {
        var reader = WebSocketFrameReader(expectsMask: expectsMask, maximumFrameBytes: limit)
        var frames: [Frame] = []
        for piece in pieces {
            let result = piece.withUnsafeBytes { bytes in
                Result { () throws(Violation) in
                    try reader.read(bytes) { frame in
                        if case .data(let more) = frame, case .data(let before)? = frames.last {
                            frames[frames.count - 1] = .data(before + more)
                        } else {
                            frames.append(frame)
                        }
                    }
                }
            }
            try result.get()
        }
        return frames
    }

    static func head(_ first: UInt8, _ length: Int) -> [UInt8] {
        switch length {
        case 0...125: [first, 0x80 | UInt8(length)] + key
        case 126...0xFFFF: [first, 0xFE, UInt8(length >> 8), UInt8(length & 0xFF)] + key
        default:
            [first, 0xFF, 0, 0, 0, 0] + (0..<4).map { UInt8(length >> (24 - 8 * $0) & 0xFF) } + key
        }
    }

    static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        head(first, payload.count) + masked(payload)
    }

    /// A message in fragments with control frames between, and a close.
    static let conversation =
        frame(0x02, [1, 2, 3]) + frame(0x89, Array("you?".utf8)) + frame(0x00, [])
        + frame(0x80, [UInt8](repeating: 4, count: 300)) + frame(0x8A, []) + frame(0x82, [9])
        + frame(0x88, [0x03, 0xE8])
    static let told: [Frame] = [
        .data([1, 2, 3]), .ping(Array("you?".utf8)), .data([UInt8](repeating: 4, count: 300)), .pong,
        .data([9]), .close([0x03, 0xE8]),
    ]

    @Test func `frames are the same whole, byte by byte, and cut in two anywhere`() throws {
        #expect(try Self.read([Self.conversation]) == Self.told)
        #expect(try Self.read(Self.conversation.map { [$0] }) == Self.told)
        for cut in 1..<Self.conversation.count {
            let halves = [Array(Self.conversation[..<cut]), Array(Self.conversation[cut...])]
            #expect(try Self.read(halves) == Self.told, "cut at \(cut)")
        }
    }

    @Test(arguments: [0, 1, 31, 32, 33, 125, 126, 127, 65_535, 65_536, 70_001], [false, true])
    func `what is written is read`(length: Int, isMasked: Bool) throws {
        let payload = TemporaryFolder.pattern(length, seed: 3)
        let frame = payload.withUnsafeBytes {
            WebSocketFrameWriter.frame(.binary, $0, isMasked: isMasked)
        }
        let bytes = Array(frame.readableBytesView)
        #expect(try Self.read([bytes], expectsMask: isMasked) == (length == 0 ? [] : [.data(payload)]))
        // The shortest head there is.
        let extended = length < 126 ? 0 : length < 65_536 ? 2 : 8
        #expect(bytes.count == 2 + extended + (isMasked ? 4 : 0) + length)
    }

    @Test(arguments: [
        (frame(0x92, [1]), Violation.malformed("bits that were not agreed on")),
        (frame(0xA2, [1]), .malformed("bits that were not agreed on")),
        (frame(0xC2, [1]), .malformed("bits that were not agreed on")),
        (frame(0x83, [1]), .malformed("an unknown kind of frame")),
        (frame(0x8F, []), .malformed("an unknown kind of frame")),
        ([0x82, 0x01, 7], .malformed("no mask")),
        (frame(0x81, [0x41]), .text),
        (frame(0x01, [0x41]), .text),
        (frame(0x80, [1]), .malformed("parts out of order")),
        (frame(0x02, [1]) + frame(0x82, [2]), .malformed("parts out of order")),
        (frame(0x09, [1]), .malformed("a control frame in parts, or too long")),
        (
            frame(0x89, [UInt8](repeating: 0, count: 126)),
            .malformed("a control frame in parts, or too long")
        ),
        ([0x82, 0xFE, 0, 125] + key, .malformed("a length that is not its shortest")),
        ([0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF] + key, .malformed("a length that is not its shortest")),
        ([0x82, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0] + key, .malformed("a length that is not its shortest")),
        (head(0x82, 1_048_577), .tooLong),
    ])
    func `what breaks the protocol is refused, and what came before it is not lost`(
        bytes: [UInt8], violation: Violation
    ) {
        #expect(throws: violation) { try Self.read([bytes]) }
        var reader = WebSocketFrameReader(expectsMask: true, maximumFrameBytes: 1 << 20)
        var frames: [Frame] = []
        for byte in Self.frame(0x82, [5]) + bytes {
            _ = withUnsafeBytes(of: byte) { byte in
                Result { () throws(Violation) in try reader.read(byte) { frames.append($0) } }
            }
        }
        #expect(frames.first == .data([5]))
    }

    @Test func `a server that masks is refused`() {
        #expect(throws: Violation.malformed("a mask from a server")) {
            try Self.read([Self.frame(0x82, [1])], expectsMask: false)
        }
    }

    // MARK: Boxes

    @Test func `an inbox that is full stops the reading, and tells when it is taken from`() async {
        let (rooms, room) = AsyncStream.makeStream(of: Void.self)
        let inbox = WebSocketInbox(limit: 10) { room.yield() }
        inbox.put([[1, 2, 3]])
        #expect(inbox.mayRead() && !inbox.isReadWithheld)
        inbox.put([[4], [5, 6, 7, 8, 9, 10]])
        #expect(!inbox.mayRead() && inbox.isReadWithheld)
        #expect(await Array(inbox.next().joined()) == Array(1...10))
        var told = rooms.makeAsyncIterator()
        #expect(await told.next() != nil)
        #expect(inbox.mayRead())
        inbox.put([[11]])
        inbox.end()
        inbox.put([[12]])
        #expect(await inbox.next() == [[11]])
        #expect(await inbox.next().isEmpty)
    }

    @Test func `an outbox has room again when half of it is gone, and none after its end`() async {
        let outbox = WebSocketOutbox(limit: 100)
        outbox.began(60)
        #expect(await outbox.hasRoom())
        outbox.began(60)
        let room = Task { await outbox.hasRoom() }
        outbox.ended(60)
        outbox.ended(60)
        #expect(await room.value)
        outbox.began(100)
        let none = Task { await outbox.hasRoom() }
        outbox.end()
        #expect(await none.value == false)
        #expect(await outbox.hasRoom() == false)
    }
}
