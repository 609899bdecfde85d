import TestSupport
import Testing
import USBMassStorage
import WireFormat

@testable import USBIPProtocol

/// Client and server, back to back, with bytes cut at random between them.
struct BothEndsTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `every transfer ends once, with what the device gave or as cancelled`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var client = try USBIPClientSessionTests.attached()
        var server = USBIPServerSession()
        _ = try USBIPServerSessionTests.events(of: [USBIPServerSessionTests.importRequest[...]], in: &server)
        var upstream: [UInt8] = []
        var downstream: [UInt8] = []
        /// At the device, by its own number: the room there is.
        var atDevice: [(TransferID, room: Int, isCancelled: Bool)] = []
        var ends: [TransferID: USBIPClientSession.Completion] = [:]
        var cancelled: Set<TransferID> = []
        var submitted: UInt64 = 0
        var steps = 0
        while steps < 2000 || ends.count < submitted {
            steps += 1
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where steps < 2000 && submitted - UInt64(ends.count) < 50:
                submitted += 1
                let byteCount = Int.random(in: 0...600, using: &random)
                let transfer: USBTransfer =
                    Bool.random(using: &random)
                    ? .bulkIn(endpoint: 1, byteCount: byteCount)
                    : .bulkOut(endpoint: 1, [UInt8](repeating: 7, count: byteCount)[...])
                upstream += client.submit(transfer, as: TransferID(rawValue: submitted))!.flatMap { $0 }
            case 1 where submitted > 0:
                let number = TransferID(rawValue: UInt64.random(in: 1...submitted, using: &random))
                let command = client.cancel(number)
                if !command.isEmpty { cancelled.insert(number) }
                upstream += command.flatMap { $0 }
            case 2:
                let count = Int.random(in: 0...min(200, upstream.count), using: &random)
                server.receive(upstream.prefix(count))
                upstream.removeFirst(count)
                while let event = try server.nextEvent() {
                    switch event {
                    case .submitted(let number, .bulkIn(_, let room)): atDevice.append((number, room, false))
                    case .submitted(let number, .bulkOut(_, let data)):
                        atDevice.append((number, data.count, false))
                    case .cancelled(let number):
                        let index = atDevice.firstIndex { $0.0 == number }
                        if let index { atDevice[index].isCancelled = true }
                    case .send(let pieces): downstream += pieces.flatMap { $0 }
                    default: Issue.record("seed \(seed): \(event)")
                    }
                }
            case 3 where !atDevice.isEmpty:
                let work = atDevice.remove(at: Int.random(in: 0..<atDevice.count, using: &random))
                let outcome: TransferOutcome =
                    work.isCancelled && Bool.random(using: &random)
                    ? .cancelled
                    : Bool.random(using: &random)
                        ? .stalled : .data([[UInt8](repeating: 9, count: work.room)[...]])
                downstream += server.completed(work.0, outcome).flatMap { $0 }
            default:
                let count = Int.random(in: 0...min(200, downstream.count), using: &random)
                client.receive(downstream.prefix(count))
                downstream.removeFirst(count)
                while let event = try client.nextEvent() {
                    guard case .completed(let number, let completion) = event else {
                        Issue.record("seed \(seed): \(event)")
                        continue
                    }
                    #expect(ends[number] == nil, "seed \(seed): \(number) ended twice")
                    ends[number] = completion
                }
            }
        }
        #expect(ends.count == Int(submitted), "seed \(seed)")
        for (number, end) in ends where end == .outcome(.cancelled) {
            #expect(cancelled.contains(number), "seed \(seed): nobody cancelled \(number)")
        }
        #expect(server.end().isEmpty && client.end().isEmpty, "seed \(seed)")
    }
}
