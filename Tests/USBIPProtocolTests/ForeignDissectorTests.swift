import TestSupport
import Testing
import USBMassStorage
import WireFormat

@testable import USBIPProtocol

/// Wireshark's dissector reads what both ends of ours say.
struct ForeignDissectorTests {
    private static let tools = Capability.tools("tshark", "text2pcap")

    /// A conversation, each message by its sender.
    private static func conversation() throws -> [(isFromHost: Bool, bytes: [UInt8])] {
        var client = USBIPClientSession()
        var server = USBIPServerSession()
        var messages: [(Bool, [UInt8])] = []
        let device = USBIPServerSessionTests.device
        func say(_ isFromHost: Bool, _ bytes: [UInt8]) throws -> [USBIPServerSession.Event] {
            messages.append((isFromHost, bytes))
            if isFromHost {
                server.receive(bytes[...])
                var events: [USBIPServerSession.Event] = []
                while let event = try server.nextEvent() { events.append(event) }
                return events
            }
            client.receive(bytes[...])
            while try client.nextEvent() != nil {}
            return []
        }
        _ = try say(true, client.requestImport(busID: "1-2"))
        _ = try say(false, server.importReply(device))
        let setup = SetupPacket(requestType: 0x80, request: 6, value: 0x0100, index: 0, length: 18)
        let descriptor = bytes("12010002 00000040 6b1d0401 01060102 0301")
        let transfers: [(USBTransfer, TransferOutcome)] = [
            (.control(setup, data: []), .data([descriptor[...]])),
            (.bulkOut(endpoint: 1, [UInt8](repeating: 0x55, count: 31)[...]), .accepted(byteCount: 31)),
            (.bulkIn(endpoint: 1, byteCount: 13), .stalled),
            (.bulkIn(endpoint: 1, byteCount: 13), .cancelled),
        ]
        for (index, (transfer, outcome)) in transfers.enumerated() {
            let number = TransferID(rawValue: UInt64(index) + 1)
            let submit = client.submit(transfer, as: number)!.flatMap { $0 }
            guard case .submitted(let atDevice, transfer)? = try say(true, submit).first else {
                Issue.record("\(transfer) did not arrive")
                continue
            }
            if case .cancelled = outcome { _ = try say(true, client.cancel(number).flatMap { $0 }) }
            _ = try say(false, server.completed(atDevice, outcome).flatMap { $0 })
        }
        return messages
    }

    @Test(.enabled(if: tools.isUsable, "tshark and text2pcap are not installed"))
    func `a foreign dissector finds the same fields`() async throws {
        let folder = try TemporaryFolder()
        var text = ""
        for message in try Self.conversation() {
            // Host to exporter is outbound.
            text += message.isFromHost ? "O\n" : "I\n"
            for start in stride(from: 0, to: message.bytes.count, by: 16) {
                let row = message.bytes[start..<min(start + 16, message.bytes.count)]
                let offset = Hexadecimal.text([
                    UInt8(start >> 16), UInt8(start >> 8 & 255), UInt8(start & 255),
                ])
                text += offset + " " + row.map { Hexadecimal.text([$0]) }.joined(separator: " ") + "\n"
            }
            text += "\n"
        }
        let dump = try folder.write(Array(text.utf8), to: "dump.txt")
        let capture = folder.file("usbip.pcap")
        // Linux's end is port 3240; text2pcap has the first port for what is inbound.
        let converted = try await ForeignProgram(
            "text2pcap", "-q", "-D", "-4", "127.0.0.1,127.0.0.1", "-T", "3240,40000", dump, capture
        ).run()
        #expect(converted.status == 0, "\(converted.error)")
        let result = try await ForeignProgram(
            "tshark", "-d", "tcp.port==3240,usbip", "-r", capture, "-Y", "usbip", "-T", "fields", "-E",
            "separator=|",
            "-e", "usbip.operation", "-e", "usbip.urb", "-e", "usbip.sequence_no", "-e", "usbip.status",
            "-e", "usbip.busid", "-e", "usbip.speed", "-e", "usbip.transfer_buffer_length",
            "-e", "usbip.actual_length", "-e", "usb.setup.bRequest", "-e", "usb.idVendor",
            "-e", "_ws.malformed"
        ).run()
        #expect(result.status == 0, "\(result.error)")
        let expected = """
            0x8003|||0|1-2||||||
            0x0003|||0|1-2|3|||||
            |0x00000001|1||||18||6||
            |0x00000003|1|0||||18||0x1d6b|
            |0x00000001|2||||31||||
            |0x00000003|2|0||||31|||
            |0x00000001|3||||13||||
            |0x00000003|3|-32||||0|||
            |0x00000001|4||||13||||
            |0x00000002|5,4||||||||
            |0x00000004|5|-104|||||||
            """
        #expect(result.output.trimming() == expected)
    }
}

extension String {
    fileprivate func trimming() -> String {
        var text = self[...]
        while text.last?.isNewline == true { text.removeLast() }
        return String(text)
    }
}
