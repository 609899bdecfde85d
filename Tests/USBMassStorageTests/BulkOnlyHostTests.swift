import TestSupport
import Testing
import WireFormat

@testable import USBMassStorage

struct BulkOnlyHostTests {
    private func status(tag: UInt32 = 1, residue: UInt32 = 0, _ status: UInt8 = 0) -> [UInt8] {
        var bytes: [UInt8] = Array("USBS".utf8)
        bytes.appendLittleEndian(tag)
        bytes.appendLittleEndian(residue)
        return bytes + [status]
    }

    /// A host that has sent READ of 512 bytes.
    private func reading() -> BulkOnlyHost {
        var host = BulkOnlyHost()
        _ = host.begin(.read(at: 0, count: 1), lun: 0, direction: .toHost, byteCount: 512)
        #expect(host.handle(.done) == .receiveData(byteCount: 512))
        return host
    }

    private let data = [UInt8](repeating: 5, count: 512)

    @Test func `a read goes wrapper, data, status`() {
        var host = reading()
        #expect(host.handle(.received([data[...]])) == .receiveStatus(byteCount: 13))
        #expect(
            host.handle(.received([status()[...]]))
                == .finish(.init(hasPassed: true, movedByteCount: 512, data: [data[...]])))
    }

    @Test func `tags count up and wrap`() {
        var host = BulkOnlyHost(firstTag: .max)
        guard
            case .sendWrapper(let first) = host.begin(.testUnitReady, lun: 3, direction: .none, byteCount: 0)
        else { return }
        #expect(first == bytes("55534243 ffffffff 00000000 00 03 06 00000000000000000000000000000000"))
        #expect(host.handle(.done) == .receiveStatus(byteCount: 13))
        _ = host.handle(.received([status(tag: .max)[...]]))
        guard
            case .sendWrapper(let second) = host.begin(.testUnitReady, lun: 0, direction: .none, byteCount: 0)
        else { return }
        #expect(second[4..<8] == [0, 0, 0, 0])
    }

    @Test func `a stall in the data stage is cleared and the status fetched`() {
        var host = reading()
        #expect(host.handle(.stalled) == .clearHalt(.bulkIn))
        #expect(host.handle(.done) == .receiveStatus(byteCount: 13))
        #expect(
            host.handle(.received([status(residue: 512, 1)[...]]))
                == .finish(.init(hasPassed: false, movedByteCount: 0, data: [])))
    }

    @Test func `a stalled status is tried once more, then the device recovered`() {
        var host = reading()
        _ = host.handle(.received([data[...]]))
        #expect(host.handle(.stalled) == .clearHalt(.bulkIn))
        #expect(host.handle(.done) == .receiveStatus(byteCount: 13))
        var other = host
        guard case .finish = other.handle(.received([status()[...]])) else {
            Issue.record("the second status is good")
            return
        }
        #expect(host.handle(.stalled) == .recover)
        #expect(host.handle(.done) == .fail(.statusStalled))
    }

    @Test func `a stalled wrapper and a timeout lead to recovery`() {
        var host = BulkOnlyHost()
        _ = host.begin(.testUnitReady, lun: 0, direction: .none, byteCount: 0)
        #expect(host.handle(.stalled) == .recover)
        #expect(host.handle(.done) == .fail(.wrapperStalled))
        var slow = reading()
        #expect(slow.handle(.timedOut) == .recover)
        #expect(slow.handle(.timedOut) == .fail(.timedOut(.data)), "even if the recovery fails too")
        _ = slow.begin(.testUnitReady, lun: 0, direction: .none, byteCount: 0)
    }

    @Test func `each fault of a status wrapper is told apart`() {
        let cases: [([UInt8], TransportFault?)] = [
            (status(), nil), (status(residue: 512), nil), (status(1), nil),
            (Array(status().dropLast()), .invalidStatus(Array(status().dropLast()))),
            (status() + [0], .invalidStatus(status() + [0])),
            (status(3), .invalidStatus(status(3))),
            ([0] + status().dropFirst(), .invalidStatus([0] + status().dropFirst())),
            (status(tag: 2), .wrongTag(expected: 1, found: 2)), (status(2), .phaseError),
            (status(residue: 513), .residueTooLarge(residue: 513, byteCount: 512)),
            (status(residue: .max), .residueTooLarge(residue: .max, byteCount: 512)),
        ]
        for (bytes, fault) in cases {
            var host = reading()
            _ = host.handle(.received([data[...]]))
            let action = host.handle(.received([bytes[...]]))
            if let fault {
                #expect(action == .recover)
                #expect(host.handle(.done) == .fail(fault))
            } else if case .finish = action {
            } else {
                Issue.record("\(bytes) is good")
            }
        }
    }

    @Test func `an empty status is read once more, and then a fault`() {
        var host = reading()
        _ = host.handle(.received([data[...]]))
        #expect(host.handle(.received([])) == .receiveStatus(byteCount: 13))
        var other = host
        guard case .finish = host.handle(.received([status()[...]])) else {
            Issue.record("the second status is good")
            return
        }
        #expect(other.handle(.received([])) == .recover)
        #expect(other.handle(.done) == .fail(.invalidStatus([])))
    }

    @Test func `short data with a residue is fine, without one a fault, padding is cut`() {
        var short = reading()
        _ = short.handle(.received([data.prefix(100)]))
        #expect(
            short.handle(.received([status(residue: 412)[...]]))
                == .finish(.init(hasPassed: true, movedByteCount: 100, data: [data.prefix(100)])))
        var lying = reading()
        _ = lying.handle(.received([data.prefix(100)]))
        #expect(lying.handle(.received([status()[...]])) == .fail(.dataShort(received: 100, claimed: 512)))
        var padded = reading()
        _ = padded.handle(.received([data.prefix(300), data.suffix(212)]))
        #expect(
            padded.handle(.received([status(residue: 400)[...]]))
                == .finish(.init(hasPassed: true, movedByteCount: 112, data: [data.prefix(112)])))
    }

    @Test func `a status in place of the data is taken for what it is`() {
        var host = reading()
        #expect(
            host.handle(.received([status(residue: 512, 1)[...]]))
                == .finish(.init(hasPassed: false, movedByteCount: 0, data: [])))
        // With another tag they are thirteen bytes of data.
        var other = reading()
        #expect(other.handle(.received([status(tag: 2)[...]])) == .receiveStatus(byteCount: 13))
    }

    @Test func `a write stalls on the other pipe`() {
        var host = BulkOnlyHost()
        _ = host.begin(.write(at: 0, count: 1), lun: 0, direction: .fromHost, byteCount: 512)
        #expect(host.handle(.done) == .sendData)
        #expect(host.handle(.stalled) == .clearHalt(.bulkOut))
        #expect(host.handle(.done) == .receiveStatus(byteCount: 13))
    }

    @Test func `builders choose the command that fits`() {
        #expect(
            CommandDescriptorBlock.read(at: 0xFFFF_FFFF, count: 0xFFFF).bytes == bytes("2800ffffffff00ffff00")
        )
        #expect(
            CommandDescriptorBlock.read(at: 0x1_0000_0000, count: 1).bytes
                == bytes("88000000000100000000000000010000"))
        #expect(CommandDescriptorBlock.read(at: 0, count: 0x10000).opcode == .read16)
        #expect(
            CommandDescriptorBlock.write(at: 1, count: 2, isForced: true).bytes
                == bytes("2a080000000100000200"))
        #expect(CommandDescriptorBlock.testUnitReady.padded(to: 12).bytes == [UInt8](repeating: 0, count: 12))
        #expect(CommandDescriptorBlock.inquiry(page: 0x83, allocation: 255).bytes == bytes("12018300ff00"))
        #expect(
            CommandDescriptorBlock.startStop(starts: false, movesMedium: true).bytes == bytes("1b0000000200"))
    }
}
