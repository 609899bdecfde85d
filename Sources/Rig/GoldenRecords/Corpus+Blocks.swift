import USBMassStorage

// Data of the medium, and the data stage.
extension Corpus {
    private static func move(
        _ opcode: UInt8, at address: UInt64, count: UInt32, flags: UInt8 = 0
    ) -> [UInt8] {
        func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
        }
        switch opcode >> 5 {
        case 0: return [opcode] + bytes(address & 0x1F_FFFF, 3) + [UInt8(truncatingIfNeeded: count), 0]
        case 1: return [opcode, flags] + bytes(address, 4) + [0] + bytes(UInt64(count), 2) + [0]
        case 4: return [opcode, flags] + bytes(address, 8) + bytes(UInt64(count), 4) + [0, 0]
        default: return [opcode, flags] + bytes(address, 4) + bytes(UInt64(count), 4) + [0, 0]
        }
    }

    /// Reads, writes and verifies at the edges, by every form of the command.
    static func movement(_ unit: GadgetRecipe.LUN) -> [Question] {
        let size = blockByteCount(unit)
        let count = blockCount(unit)
        let last = count == 0 ? 0 : count - 1
        var questions: [Question] = []
        for address in [0, 1, last, count, count + 1, last > 3 ? last - 3 : 0] {
            for length in [1, 3, 8] as [UInt32] {
                questions.append(ask(move(0x28, at: address, count: length), .toHost, Int(length) * size))
            }
        }
        for opcode in [0x08, 0x28, 0xA8, 0x88] as [UInt8] {
            for address in [0, last, count] {
                questions.append(ask(move(opcode, at: address, count: 1), .toHost, size))
            }
        }
        questions += [
            ask(move(0x08, at: 0, count: 0), .toHost, 256 * size), ask(move(0x28, at: 0, count: 0)),
            ask(move(0x28, at: 0, count: 0), .toHost, size), ask(move(0x28, at: last, count: 0)),
            ask(move(0x28, at: count, count: 0)), ask(move(0xA8, at: 0, count: 0)),
            ask(move(0x88, at: 0, count: 0)), ask(move(0x88, at: 1 << 40, count: 1), .toHost, size),
            ask(move(0x28, at: 0xFFFF_FFFF, count: 1), .toHost, size),
            ask(move(0x28, at: 0, count: 64), .toHost, 64 * size),
            ask(move(0x28, at: 5, count: 100), .toHost, 100 * size),
        ]
        for flags in [0x01, 0x02, 0x08, 0x10, 0x18, 0x1F, 0xE0] as [UInt8] {
            questions.append(ask(move(0x28, at: 1, count: 1, flags: flags), .toHost, size))
            questions.append(ask(move(0x88, at: 1, count: 1, flags: flags), .toHost, size))
        }
        for (flags, address, length) in [
            (0, 0, 1), (0, 0, 0), (0, last, 1), (0, last, 2), (0, count, 1), (2, 0, 1), (0x10, 0, 1),
            (0, 0, 100),
            (1, 0, 1), (8, 0, 1),
        ] as [(UInt8, UInt64, UInt32)] {
            questions.append(ask(move(0x2F, at: address, count: length, flags: flags)))
        }
        questions += [
            ask(move(0xAF, at: 0, count: 1)), ask(move(0x8F, at: 0, count: 1)),
            ask([0x91] + [UInt8](repeating: 0, count: 15)), ask([0x35, 2, 0, 0, 0, 0, 0, 0, 0, 0]),
        ]
        return questions + writes(unit)
    }

    private static func writes(_ unit: GadgetRecipe.LUN) -> [Question] {
        let size = blockByteCount(unit)
        let count = blockCount(unit)
        let last = count == 0 ? 0 : count - 1
        var questions: [Question] = []
        var fill: UInt8 = 1
        func write(_ opcode: UInt8, _ address: UInt64, _ length: UInt32, _ byteCount: Int, flags: UInt8 = 0) {
            questions.append(
                ask(move(opcode, at: address, count: length, flags: flags), .fromHost, byteCount, fill: fill))
            fill &+= 1
        }
        for opcode in [0x0A, 0x2A, 0xAA, 0x8A] as [UInt8] {
            for address in [4, last, count] { write(opcode, address, 1, size) }
        }
        for flags in [0x08, 0x10, 0x18, 0x01, 0x02] as [UInt8] { write(0x2A, 5, 1, size, flags: flags) }
        write(0x2A, 8, 40, 40 * size)
        write(0x2A, last > 1 ? last - 1 : 0, 4, 4 * size)
        write(0x2A, 6, 2, size)
        write(0x2A, 6, 1, 3 * size)
        write(0x2A, 6, 1, size / 2)
        write(0x2A, 6, 1, size + 100)
        questions += [
            ask(move(0x2A, at: 6, count: 1)), ask(move(0x2A, at: 6, count: 0)),
            ask(move(0x2A, at: 6, count: 1), .toHost, size), ask([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            ask(move(0x28, at: 0, count: 64), .toHost, 64 * size),
            ask(move(0x28, at: last > 7 ? last - 7 : 0, count: 8), .toHost, 8 * size),
        ]
        return questions
    }

    /// BOT §6.7: what the host expects against what the device means to do, for several commands each.
    static func thirteenCases(_ unit: GadgetRecipe.LUN) -> [Question] {
        let size = blockByteCount(unit)
        let toDevice = move(0x2A, at: 4, count: 2)
        let toHost = move(0x28, at: 4, count: 2)
        let nothing: [UInt8] = [0, 0, 0, 0, 0, 0]
        var questions: [Question] = []
        // 1 to 3: the host expects nothing.
        for block in [nothing, toHost, toDevice, [0x12, 0, 0, 0, 36, 0], [0x15, 0x10, 0, 0, 4, 0]] {
            questions.append(ask(block))
        }
        // 4 to 8: it expects to receive; 9 to 13: to send.
        for byteCount in [1, size - 1, size, 2 * size - 1, 2 * size, 2 * size + 1, 5 * size, 16 << 10, 40000]
        {
            for block in [nothing, toHost, toDevice] {
                questions.append(ask(block, .toHost, byteCount))
                questions.append(ask(block, .fromHost, byteCount, fill: UInt8(truncatingIfNeeded: byteCount)))
            }
        }
        for byteCount in [1, 5, 35, 36, 37, 64, 512, 513, 1024] {
            questions.append(ask([0x12, 0, 0, 0, 36, 0], .toHost, byteCount))
            questions.append(ask([0x12, 0, 0, 0, 36, 0], .fromHost, byteCount))
            questions.append(ask([0x1A, 0, 0x3F, 0, 192, 0], .toHost, byteCount))
            questions.append(ask([0x15, 0x10, 0, 0, 24, 0], .fromHost, byteCount))
            questions.append(ask([0xC0, 0, 0, 0, 0, 0], .toHost, byteCount))
            questions.append(ask([0xC0, 0, 0, 0, 0, 0], .fromHost, byteCount))
        }
        questions.append(ask(toHost, .toHost, 2 * size))
        return questions
    }
}
