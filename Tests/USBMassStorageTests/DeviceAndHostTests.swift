import TestSupport
import Testing

@testable import USBMassStorage

/// Device and host against each other: random commands, transfers cut at random, cancels, resets,
/// ejects and media that answer late. Whatever passes must be right; nothing may stay stuck.
struct DeviceAndHostTests {
    @Test(arguments: GadgetConfiguration.Profile.allCases, 1...12 as ClosedRange<UInt64>)
    func `random operations never read a wrong byte nor get stuck`(
        profile: GadgetConfiguration.Profile, seed: UInt64
    ) {
        var random = SeededGenerator(seed: seed)
        var configuration = GadgetConfiguration()
        configuration.profile = profile
        configuration.mayStall = seed.isMultiple(of: 2)
        configuration.speed = BusSpeed.allCases[Int(seed % 3)]
        var model = TemporaryFolder.pattern(256 << 10, seed: seed)
        var bench = Bench(configuration)
        bench.insert(model)
        bench.configure()
        var player = HostPlayer()
        var passed = 0
        for _ in 0..<150 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0...4:
                let range = Self.range(&random)
                let result = player.run(
                    .read(at: range.first, count: range.count), .toHost, range.byteCount, nil, &bench, &random
                )
                if let data = result {
                    #expect(data == Array(model[range.bytes]), "seed \(seed)")
                    passed += 1
                }
            case 5...7:
                let range = Self.range(&random)
                let data = TemporaryFolder.pattern(range.byteCount, seed: random.next())
                if player.run(
                    .write(at: range.first, count: range.count), .fromHost, range.byteCount, data, &bench,
                    &random) != nil
                {
                    model.replaceSubrange(range.bytes, with: data)
                    passed += 1
                } else {
                    // It may have been carried out in part: from here on that is the truth.
                    model = bench.images[0]!
                }
            case 8: _ = player.run(.synchronizeCache, .none, 0, nil, &bench, &random)
            case 9:
                bench.feed(.busReset)
                bench.configure()
            case 10:
                bench.forceEject()
                bench.insert(model)
            default:
                // The host dies after its wrapper; the next one resets the transport.
                _ = bench.sendWrapper(bytes("28000000000000001000"), host: 8192, isIn: true)
                let transfer = bench.submit { .bulkIn($0, endpoint: 1, byteCount: 100 * 512) }
                bench.feed(.cancel(transfer))
                _ = bench.control(0x21, 0xFF)
                _ = bench.control(0x02, 1, index: 0x81)
                _ = bench.control(0x02, 1, index: 0x01)
            }
        }
        #expect(passed > 20)
        _ = bench.scsi("000000000000")
        #expect(bench.scsi("000000000000").status == 0)
        #expect(bench.images[0] == model)
    }

    struct Range {
        var first: UInt64
        var count: UInt32
        var byteCount: Int { Int(count) * 512 }
        var bytes: Swift.Range<Int> { Int(first) * 512..<Int(first) * 512 + byteCount }
    }

    static func range(_ random: inout SeededGenerator) -> Range {
        let first = UInt64.random(in: 0..<512, using: &random)
        return Range(first: first, count: UInt32.random(in: 1...UInt32(min(64, 512 - first)), using: &random))
    }
}

/// Carries out what ``BulkOnlyHost`` asks for.
private struct HostPlayer {
    private var host = BulkOnlyHost(firstTag: 7)

    /// - Returns: the data of a command that passed.
    mutating func run(
        _ block: CommandDescriptorBlock, _ direction: CommandBlockWrapper.Direction, _ byteCount: Int,
        _ data: [UInt8]?, _ bench: inout Bench, _ random: inout SeededGenerator
    ) -> [UInt8]? {
        bench.isMediumStalled = Bool.random(using: &random)
        var action = host.begin(block, lun: 0, direction: direction, byteCount: byteCount)
        while true {
            let event: BulkOnlyHost.Event
            switch action {
            case .finish(let completion):
                bench.release()
                guard !completion.hasPassed else { return flat(completion.data) }
                _ = bench.scsi("030000001200", toHost: 18)
                return nil
            case .fail:
                bench.release()
                return nil
            case .sendWrapper(let wrapper): event = Self.event(bench.out(wrapper))
            case .sendData: event = send(data!, &bench, &random)
            case .receiveData(let count): event = receive(count, &bench, &random)
            case .receiveStatus(let count): event = receive(count, &bench, &random)
            case .clearHalt(let pipe):
                _ = bench.control(0x02, 1, index: pipe == .bulkIn ? 0x81 : 0x01)
                event = .done
            case .recover:
                _ = bench.control(0x21, 0xFF)
                _ = bench.control(0x02, 1, index: 0x81)
                _ = bench.control(0x02, 1, index: 0x01)
                event = .done
            }
            action = host.handle(event)
        }
    }

    private static func event(_ outcome: TransferOutcome?) -> BulkOnlyHost.Event {
        switch outcome {
        case .accepted: .done
        case .data(let pieces): .received(pieces)
        case .stalled: .stalled
        case .cancelled, nil: .timedOut
        }
    }

    private func send(_ data: [UInt8], _ bench: inout Bench, _ random: inout SeededGenerator)
        -> BulkOnlyHost.Event
    {
        var rest = data[...]
        while !rest.isEmpty {
            let part = rest.prefix(1024 * Int.random(in: 1...16, using: &random))
            rest = rest.dropFirst(part.count)
            let transfer = bench.submit { .bulkOut($0, endpoint: 1, part) }
            if bench.completions[transfer] == nil { bench.release() }
            if bench.completions[transfer] == .stalled { return .stalled }
            #expect(bench.completions[transfer] == .accepted(byteCount: part.count))
        }
        return .done
    }

    /// Sometimes the host loses patience before the medium answers.
    private func receive(_ count: Int, _ bench: inout Bench, _ random: inout SeededGenerator)
        -> BulkOnlyHost.Event
    {
        let transfer = bench.submit { .bulkIn($0, endpoint: 1, byteCount: count) }
        if bench.completions[transfer] == nil {
            if Int.random(in: 0..<4, using: &random) == 0 {
                bench.feed(.cancel(transfer))
                #expect(bench.completions[transfer] == .cancelled)
            } else {
                bench.release()
                #expect(bench.completions[transfer] != nil, "stuck")
            }
        }
        return Self.event(bench.completions[transfer])
    }
}
