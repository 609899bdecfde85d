import USBMassStorage

extension Question {
    /// The same command to another LUN; anything else stays as it is.
    func asking(_ lun: UInt8) -> Question {
        guard case .command(var command) = self else { return self }
        command.lun = lun
        return .command(command)
    }
}

// SCSI commands: SPC-4, SBC-3, MMC-6.
extension Corpus {
    static func ask(
        _ block: [UInt8], _ direction: CommandBlockWrapper.Direction = .none, _ byteCount: Int = 0,
        length: UInt8? = nil, fill: UInt8 = 0
    ) -> Question {
        .command(.init(block, direction, byteCount, length: length, fill: fill))
    }

    static let testUnitReady = ask([0, 0, 0, 0, 0, 0])
    static let requestSense = ask([3, 0, 0, 0, 18, 0], .toHost, 18)
    static let eject = ask([0x1B, 0, 0, 0, 2, 0])
    static func lock(_ isLocked: Bool) -> Question { ask([0x1E, 0, 0, 0, isLocked ? 1 : 0, 0]) }

    static func blockByteCount(_ unit: GadgetRecipe.LUN) -> Int { unit.isCD ? 2048 : 512 }
    static func blockCount(_ unit: GadgetRecipe.LUN) -> UInt64 {
        (unit.image?.byteCount ?? 0) / UInt64(blockByteCount(unit))
    }

    /// The commands of a Linux host up to the first read, and some that others send.
    static func greeting(_ unit: GadgetRecipe.LUN) -> [Question] {
        let block = blockByteCount(unit)
        return [
            .control(.setConfiguration(1), data: []), ask([0x12, 0, 0, 0, 36, 0], .toHost, 36),
            testUnitReady, testUnitReady, requestSense, ask([0x12, 0, 0, 0, 255, 0], .toHost, 255),
            ask([0x12, 0, 0, 0, 5, 0], .toHost, 5), ask([0x12, 0, 0, 0, 36, 0], .toHost, 18),
            ask([0x12, 0, 0, 0, 0, 0]), ask([0x12, 1, 0, 0, 255, 0], .toHost, 255),
            ask([0x12, 1, 0x80, 0, 255, 0], .toHost, 255), ask([0x12, 0, 0x80, 0, 255, 0], .toHost, 255),
            ask([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], .toHost, 8),
            ask([0x9E, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0], .toHost, 32),
            ask([0x23, 0, 0, 0, 0, 0, 0, 0, 252, 0], .toHost, 252),
            ask([0x1A, 0, 0x3F, 0, 192, 0], .toHost, 192), ask([0x1A, 0, 0x3F, 0, 4, 0], .toHost, 4),
            ask([0x1A, 0, 0x08, 0, 255, 0], .toHost, 255),
            ask([0x5A, 0, 0x3F, 0, 0, 0, 0, 0, 255, 0], .toHost, 255),
            ask([0x5A, 0, 0x2A, 0, 0, 0, 0, 0, 128, 0], .toHost, 128), lock(true), lock(false),
            ask([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], .toHost, block),
            ask([0x46, 0, 0, 0, 0, 0, 0, 0, 8, 0], .toHost, 8),
            ask([0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8, 0], .toHost, 8),
            ask([0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0], .toHost, 12),
            ask([0x43, 2, 0, 0, 0, 0, 0, 3, 0x24, 0], .toHost, 804),
            ask([0x43, 0, 1, 0, 0, 0, 0, 0, 12, 0], .toHost, 12),
            ask([0x43, 2, 2, 0, 0, 0, 0, 0, 48, 0], .toHost, 48),
            ask([0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0x40], .toHost, 12),
            ask([0x43, 0, 0, 0, 0, 0, 0xAA, 0, 12, 0], .toHost, 12),
            ask([0x44, 0, 0, 0, 0, 0x10, 0, 0, 8, 0], .toHost, 8),
            ask([0x51, 0, 0, 0, 0, 0, 0, 0, 34, 0], .toHost, 34),
            ask([0x52, 1, 0, 0, 0, 0, 0, 0, 36, 0], .toHost, 36),
            ask([0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0], .toHost, 16),
            ask([0x03, 0, 0, 0, 252, 0], .toHost, 252),
            ask([0x03, 0, 0, 0, 4, 0], .toHost, 4), ask([0x03, 1, 0, 0, 18, 0], .toHost, 18),
        ]
    }

    /// Each of the 256, in a block of sixteen bytes, with nothing to move. What ejects is not among them.
    static func everyOpcode(_ unit: GadgetRecipe.LUN) -> [Question] {
        (0...255 as ClosedRange<UInt8>).map { ask([$0] + [UInt8](repeating: 0, count: 15)) }
    }

    /// Known commands with their length, and what they move when all is right.
    private static func known(_ unit: GadgetRecipe.LUN) -> [(block: [UInt8], toHost: Int, fromHost: Int)] {
        let block = blockByteCount(unit)
        var commands: [([UInt8], Int, Int)] = [
            ([0x00, 0, 0, 0, 0, 0], 0, 0), ([0x03, 0, 0, 0, 18, 0], 18, 0), ([0x12, 0, 0, 0, 36, 0], 36, 0),
            ([0x15, 0x10, 0, 0, 4, 0], 0, 4), ([0x1A, 0, 0x3F, 0, 16, 0], 16, 0),
            ([0x1B, 0, 0, 0, 1, 0], 0, 0),
            ([0x1E, 0, 0, 0, 0, 0], 0, 0), ([0x08, 0, 0, 0, 1, 0], block, 0),
            ([0x23, 0, 0, 0, 0, 0, 0, 0, 12, 0], 12, 0), ([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8, 0),
            ([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], block, 0), ([0x2F, 0, 0, 0, 0, 0, 0, 0, 1, 0], 0, 0),
            ([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0), ([0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0], 12, 0),
            ([0x44, 0, 0, 0, 0, 0, 0, 0, 8, 0], 8, 0), ([0x55, 0x10, 0, 0, 0, 0, 0, 0, 4, 0], 0, 4),
            ([0x5A, 0, 0x3F, 0, 0, 0, 0, 0, 20, 0], 20, 0),
            ([0x88, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0], block, 0),
            ([0x9E, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0], 32, 0),
            ([0xA8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0], block, 0),
        ]
        // Written where nothing else looks: block 2.
        commands += [
            ([0x0A, 0, 0, 2, 1, 0], 0, block), ([0x2A, 0, 0, 0, 0, 2, 0, 0, 1, 0], 0, block),
            ([0xAA, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0], 0, block),
            ([0x8A, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0], 0, block),
        ]
        return commands
    }

    /// Each known command as it should be, then with each of its bytes changed: which may be set, which
    /// are looked at. Then cut short by one byte, and padded.
    static func fields(_ unit: GadgetRecipe.LUN) -> [Question] {
        var questions: [Question] = []
        for (block, toHost, fromHost) in known(unit) {
            let direction: CommandBlockWrapper.Direction = fromHost > 0 ? .fromHost : .toHost
            func ask(_ block: [UInt8], length: UInt8? = nil) -> Question {
                Self.ask(block, direction, max(toHost, fromHost), length: length, fill: block[0])
            }
            questions.append(ask(block))
            for index in 1..<block.count {
                var changed = block
                // A bit that is reserved in most places, and moves lengths and addresses in the others.
                changed[index] ^= 0x04
                // Data for a write of 32 GiB: the kernel takes them for the next wrapper.
                if fromHost > 0, CommandDescriptorBlock(changed).blocks?.count ?? 0 > 1 << 20 { continue }
                questions.append(ask(changed))
            }
            var upper = block
            upper[1] |= 0xE0
            questions += [
                ask(upper), ask(block, length: UInt8(block.count - 1)), ask(block, length: 16),
                ask(block, length: 1),
            ]
        }
        return questions
    }
}
