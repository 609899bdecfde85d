import USBMassStorage
import WireFormat

// What may happen between commands, or in place of them.
extension Corpus {
    private static func request(_ type: UInt8, _ request: UInt8, _ value: UInt16 = 0, _ index: UInt16 = 0)
        -> Question
    {
        .control(
            SetupPacket(requestType: type, request: request, value: value, index: index, length: 0), data: [])
    }
    static let transportReset = request(0x21, 0xFF)
    static let clearIn = request(0x02, 1, 0, 0x81)
    static let clearOut = request(0x02, 1, 0, 0x01)
    static let haltIn = request(0x02, 3, 0, 0x81)
    static let haltOut = request(0x02, 3, 0, 0x01)
    private static let statusIn = Question.control(
        SetupPacket(requestType: 0x82, request: 0, value: 0, index: 0x81, length: 2), data: [])
    private static let statusOut = Question.control(
        SetupPacket(requestType: 0x82, request: 0, value: 0, index: 0x01, length: 2), data: [])

    private static func wrapper(
        _ change: (inout [UInt8]) -> Void = { _ in }, _ command: Question.Command = .init([0, 0, 0, 0, 0, 0])
    ) -> [UInt8] {
        var bytes = command.wrapper(tag: 0x4D52_4731)
        change(&bytes)
        return bytes
    }

    /// BOT §6.2: invalid ones want reset recovery; meaningless ones are not defined.
    static let wrappers: [Question] = {
        let invalid: [[UInt8]] = [
            [], [0x55], Array(wrapper().prefix(30)), wrapper() + [0], [UInt8](repeating: 0x58, count: 31),
            wrapper { $0[0] = 0x56 }, wrapper { $0[3] = 0x53 }, [UInt8](repeating: 0x55, count: 64),
            wrapper() + [UInt8](repeating: 0, count: 481),
        ]
        var questions: [Question] = []
        for bytes in invalid {
            questions += [
                .out(bytes), .in(byteCount: 13), statusIn, statusOut, clearIn, .in(byteCount: 13), clearOut,
                .out(wrapper()), .in(byteCount: 13), transportReset, statusIn, clearIn, clearOut,
                testUnitReady,
            ]
        }
        let meaningless: [[UInt8]] = [
            wrapper { $0[12] = 0x40 }, wrapper { $0[12] = 0x01 }, wrapper { $0[13] = 0x10 },
            wrapper { $0[13] = 0x80 }, wrapper { $0[14] = 0 }, wrapper { $0[14] = 17 },
            wrapper { $0[14] = 0x26 },
        ]
        for bytes in meaningless {
            questions += [
                .out(bytes), statusIn, statusOut, .in(byteCount: 13), transportReset, clearIn, clearOut,
                testUnitReady,
            ]
        }
        // Good ones that look odd.
        questions += [
            .out(wrapper { $0[12] = 0x80 }), .in(byteCount: 13), .out(wrapper { $0[29] = 0xFF }),
            .in(byteCount: 13), .out(wrapper { $0[13] = 0x0F }), .in(byteCount: 13), requestSense,
        ]
        return questions
    }()

    static func halts(_ unit: GadgetRecipe.LUN) -> [Question] {
        [
            haltIn, statusIn, .in(byteCount: 13), .out(wrapper()), .in(byteCount: 13), clearIn, statusIn,
            .in(byteCount: 13), testUnitReady, haltOut, statusOut, .out(wrapper()), clearOut, statusOut,
            testUnitReady, haltIn, haltOut, transportReset, statusIn, statusOut, testUnitReady, clearIn,
            clearOut, testUnitReady, haltIn, .control(.setConfiguration(1), data: []), statusIn,
            testUnitReady,
            testUnitReady, haltOut, request(0x01, 11), statusOut, testUnitReady, testUnitReady, clearIn,
            clearIn,
            testUnitReady,
            // The status is taken in two parts, or with too much room.
            .out(wrapper()), .in(byteCount: 512), testUnitReady,
        ]
    }

    static func resets(_ unit: GadgetRecipe.LUN) -> [Question] {
        let size = blockByteCount(unit)
        let read = wrapper({ _ in }, .init([0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0], .toHost, 8 * size))
        let write = wrapper({ _ in }, .init([0x2A, 0, 0, 0, 0, 12, 0, 0, 8, 0], .fromHost, 8 * size))
        let recovery = [transportReset, clearIn, clearOut]
        let configure = Question.control(.setConfiguration(1), data: [])
        return [
            // The data stage is never begun; half done; the status is never taken.
            .out(read)
        ] + recovery + [testUnitReady, requestSense, .out(read), .in(byteCount: size)] + recovery + [
            testUnitReady, .out(write), .out([UInt8](repeating: 0xEE, count: size)),
        ] + recovery + [testUnitReady, .out(wrapper())] + recovery + [
            testUnitReady, .out(read), configure, testUnitReady, testUnitReady, .out(write), configure,
            testUnitReady, testUnitReady, .out(wrapper()), configure, testUnitReady, testUnitReady,
            .control(.setConfiguration(0), data: []), configure, testUnitReady, testUnitReady,
            // Sense data that nobody has asked for yet.
            .out(wrapper({ _ in }, .init([0xC0, 0, 0, 0, 0, 0]))), .in(byteCount: 13),
        ] + recovery + [
            requestSense, .out(wrapper({ _ in }, .init([0xC0, 0, 0, 0, 0, 0]))), .in(byteCount: 13),
            configure,
            requestSense, requestSense, testUnitReady, lock(true), eject, transportReset, eject,
            .write(path: "lun.0/file", value: unit.image?.path ?? RecordImage.even.path), testUnitReady,
            testUnitReady, lock(true), configure, testUnitReady,
            .write(path: "lun.0/file", value: unit.image?.path ?? RecordImage.even.path), testUnitReady,
            testUnitReady,
        ]
    }

    /// Commands about the medium alone: these go to any LUN.
    static func mediumCommands(_ unit: GadgetRecipe.LUN) -> [Question] {
        func prevent(_ value: UInt8) -> Question { ask([0x1E, 0, 0, 0, value, 0]) }
        func startStop(_ value: UInt8, flags: UInt8 = 0) -> Question { ask([0x1B, flags, 0, 0, value, 0]) }
        return [
            prevent(1), prevent(1), startStop(2), startStop(0), startStop(1), startStop(3), prevent(2),
            prevent(3), prevent(0x80), prevent(0), prevent(0), startStop(0), startStop(1), startStop(3),
            startStop(0x10), startStop(4), startStop(1, flags: 1), startStop(1, flags: 2), startStop(0x20),
            testUnitReady,
        ]
    }

    /// Locks, ejection by either side, other media, and what the host hears of it.
    static func medium(_ unit: GadgetRecipe.LUN) -> [Question] {
        let file = "lun.0/file"
        let image = unit.image?.path ?? RecordImage.even.path
        let capacity = ask([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], .toHost, 8)
        let read = ask([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], .toHost, blockByteCount(unit))
        return mediumCommands(unit) + [
            // Out by configfs, and back.
            .write(path: file, value: ""), .read(path: file), testUnitReady, testUnitReady, read, capacity,
            .write(path: file, value: image), .read(path: file), testUnitReady, testUnitReady, capacity,
            // Another in its place, the same again.
            .write(path: file, value: RecordImage.even.path), read, read, capacity,
            .write(path: file, value: RecordImage.even.path), testUnitReady, testUnitReady,
            // Out and in again before the host looks: one piece of news.
            .write(path: file, value: ""), .write(path: file, value: image), testUnitReady, testUnitReady,
            // Locked: configfs is refused, until it forces.
            lock(true), .write(path: file, value: ""), .write(path: file, value: RecordImage.even.path),
            .read(path: file), testUnitReady, .write(path: "lun.0/forced_eject", value: "1"),
            .read(path: file), testUnitReady, testUnitReady, .write(path: file, value: image), testUnitReady,
            testUnitReady, eject, .read(path: file), testUnitReady, testUnitReady, eject, eject,
            ask([0x1B, 0, 0, 0, 1, 0]), ask([0x1B, 0, 0, 0, 3, 0]), lock(true), lock(false), read,
            .write(path: "lun.0/forced_eject", value: "1"), testUnitReady,
            // What is refused leaves the slot as it is.
            .write(path: file, value: "/images/none.img"), .write(path: file, value: "/images"),
            .write(path: file, value: "/dev/null"), .read(path: file), testUnitReady,
            .write(path: file, value: image), .write(path: "lun.0/ro", value: "1"),
            .write(path: "lun.0/cdrom", value: "1"), .write(path: file, value: "/images/none.img"),
            .read(path: file), testUnitReady, testUnitReady,
            // Attributes between two media.
            .write(path: file, value: ""), .write(path: "lun.0/ro", value: "1"),
            .write(path: file, value: image), testUnitReady, testUnitReady,
            ask([0x1A, 0, 0x3F, 0, 4, 0], .toHost, 4), .read(path: "lun.0/ro"),
            .write(path: "lun.0/inquiry_string", value: "Acme    Changed in place1.00"),
            ask([0x12, 0, 0, 0, 36, 0], .toHost, 36), .write(path: "lun.0/removable", value: "0"),
            ask([0x12, 0, 0, 0, 36, 0], .toHost, 36), eject, lock(true),
            .write(path: "lun.0/removable", value: "1"), eject, testUnitReady,
        ]
    }
}
