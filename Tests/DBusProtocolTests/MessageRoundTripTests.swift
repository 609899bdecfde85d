import TestSupport
import Testing

@testable import DBusProtocol

/// Every type once, containers empty and full.
let sampleValues: [Value] = [
    .byte(0), .byte(255), .boolean(false), .boolean(true), .int16(.min), .uint16(.max), .int32(.min),
    .uint32(.max), .int64(.min), .uint64(.max), .double(-0.5), .string(""), .string("grüße\u{1F4BF}"),
    .objectPath("/"), .objectPath("/a/b_1"), .signature(""), .signature("a{s(iv)}"),
    .variant(.variant(.byte(1))), .structure([.byte(1), .structure([.uint64(2)])]),
    .array(element: "t", []), .array(element: "ay", [.array(element: "y", [.byte(1), .byte(2)])]),
    .array(element: "(yt)", [.structure([.byte(1), .uint64(2)]), .structure([.byte(3), .uint64(4)])]),
    .dictionary(key: "s", value: "v", []),
    .dictionary(
        key: "y", value: "a{sv}",
        [
            .init(.byte(1), .dictionary(key: "s", value: "v", [.init(.string("k"), .variant(.int16(-2)))])),
            .init(.byte(2), .dictionary(key: "s", value: "v", [])),
        ]),
]

func sampleCall(_ body: [Value] = []) -> Message {
    var call = Message.methodCall(
        destination: "org.example.Service", path: "/org/example", interface: "org.example.Face",
        member: "Do", body: body)
    call.serial = 7
    return call
}

struct MessageRoundTripTests {
    @Test(arguments: sampleValues)
    func `each value comes back from the wire as it went`(value: Value) throws {
        let message = sampleCall([.byte(9), value, .string("after")])
        let packet = try MessageEncoder.encode(message)
        var decoder = MessageDecoder()
        decoder.append(packet.bytes)
        #expect(try decoder.next()?.message() == message)
        #expect(decoder.bufferedBytes == 0)
    }

    @Test(arguments: 0...2)
    func `messages come out whole however their bytes arrive`(way: Int) throws {
        var first = sampleCall(sampleValues)
        first.flags = [.noAutoStart, .noReplyExpected]
        var second = Message.signal(path: "/", interface: "a.b", member: "C")
        second.serial = .max
        second.sender = ":1.0"
        let stream = try MessageEncoder.encode(first).bytes + MessageEncoder.encode(second).bytes
        var decoder = MessageDecoder()
        var decoded: [Message] = []
        for portion in portions(of: stream, seed: 42)[way] {
            decoder.append(portion)
            while let envelope = try decoder.next() { decoded.append(try envelope.message()) }
        }
        #expect(decoded == [first, second])
    }

    @Test func `a call on the wire is laid out as the specification says`() throws {
        var call = Message.methodCall(
            destination: nil, path: "/", interface: nil, member: "Hi", body: [.uint16(5)])
        call.serial = 2
        let expected = bytes(
            """
            6c 01 00 01              | little-endian, method call, no flags, version 1
            02000000 02000000        | 2 bytes of body, serial 2
            27000000                 | 39 bytes of header fields
            01 01 6f 00 01000000 2f00 000000000000     | path, o
            03 01 73 00 02000000 4869 00 0000000000    | member, s
            08 01 67 00 01 71 00 00  | signature, g; then padding to 8
            0500                     | 5
            """)
        #expect(try MessageEncoder.encode(call).bytes == expected)
    }

    @Test func `descriptors go with the message that announces them`() throws {
        let descriptor = PassedDescriptor(99) { _ in }
        var message = sampleCall([.unixFD(0)])
        message.descriptors = [descriptor]
        let packet = try MessageEncoder.encode(message)
        var decoder = MessageDecoder()
        decoder.append(packet.bytes, descriptors: packet.descriptors)
        #expect(try decoder.next()?.message().descriptors == [descriptor])
        var starved = MessageDecoder()
        starved.append(packet.bytes)
        #expect(throws: WireViolation.self) { try starved.next() }
    }
}
