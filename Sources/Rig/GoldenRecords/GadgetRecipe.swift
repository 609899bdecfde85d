/// A gadget to be asked, the same for every kernel: what configfs is told, and which images are there.
package struct GadgetRecipe: Sendable {
    package struct LUN: Sendable {
        package var number: Int
        package var isCD = false
        package var isReadOnly = false
        package var isRemovable = true
        package var ignoresForceUnitAccess = false
        package var inquiryText: String?
        /// `nil` leaves it empty.
        package var image: RecordImage?
    }

    /// Also the record's file name.
    package var name: String
    /// What sets it apart, in words.
    package var summary: String
    package var mayStall = false
    package var luns: [LUN]

    package static let gadget = "records"
    package static let function = "\(gadget)/functions/mass_storage.0"

    /// One system call on configfs, in the order of a set-up.
    package enum Step: Equatable, Sendable {
        case makeDirectory(String)
        case write(String, to: String)
        case link(String, to: String)
    }

    /// Everything up to, and without, the controller.
    package var steps: [Step] {
        let gadget = Self.gadget
        var steps: [Step] = [
            .makeDirectory(gadget), .write("0x1d6b", to: "\(gadget)/idVendor"),
            .write("0x0104", to: "\(gadget)/idProduct"), .write("high-speed", to: "\(gadget)/max_speed"),
            .makeDirectory("\(gadget)/strings/0x409"),
            .write("MediaRig", to: "\(gadget)/strings/0x409/manufacturer"),
            .write("Golden records", to: "\(gadget)/strings/0x409/product"),
            .write("0123456789AB", to: "\(gadget)/strings/0x409/serialnumber"),
            .makeDirectory("\(gadget)/configs/c.1"), .makeDirectory("\(gadget)/configs/c.1/strings/0x409"),
            .write("One configuration", to: "\(gadget)/configs/c.1/strings/0x409/configuration"),
            .makeDirectory(Self.function),
            .write(mayStall ? "1" : "0", to: "\(Self.function)/stall"),
        ]
        for lun in luns {
            let directory = "\(Self.function)/lun.\(lun.number)"
            if lun.number > 0 { steps.append(.makeDirectory(directory)) }
            steps += [
                .write(lun.isRemovable ? "1" : "0", to: "\(directory)/removable"),
                .write(lun.isReadOnly ? "1" : "0", to: "\(directory)/ro"),
                .write(lun.isCD ? "1" : "0", to: "\(directory)/cdrom"),
                .write(lun.ignoresForceUnitAccess ? "1" : "0", to: "\(directory)/nofua"),
            ]
            if let text = lun.inquiryText { steps.append(.write(text, to: "\(directory)/inquiry_string")) }
            if let image = lun.image { steps.append(.write(image.path, to: "\(directory)/file")) }
        }
        return steps + [.link("\(gadget)/configs/c.1/f", to: Self.function)]
    }
}

/// An image that every recording has at the same place with the same bytes.
package struct RecordImage: Equatable, Sendable {
    package var path: String
    /// Lines of decimal numbers, counted up from here: the same from any tool, and no two blocks alike.
    package var firstNumber: Int
    package var numberedByteCount: Int
    /// The whole; what follows the numbers reads as zeroes.
    package var byteCount: UInt64

    private init(_ name: String, from firstNumber: Int, numbers: Int, byteCount: UInt64? = nil) {
        path = "/images/\(name).img"
        self.firstNumber = firstNumber
        numberedByteCount = numbers
        self.byteCount = byteCount ?? UInt64(numbers)
    }

    /// 1 MiB and 300 bytes: a last block that is none.
    package static let odd = RecordImage("odd", from: 1, numbers: 1 << 20 | 300)
    /// 2 MiB.
    package static let even = RecordImage("even", from: 500_000, numbers: 2 << 20)
    /// One block.
    package static let tiny = RecordImage("tiny", from: 7, numbers: 512)
    /// 300 sectors: the shortest disc.
    package static let shortDisc = RecordImage("short-disc", from: 90_000, numbers: 300 * 2048)
    /// Past what READ CAPACITY(10) can say.
    package static let huge = RecordImage("huge", from: 1, numbers: 65536, byteCount: 3 << 40)
    /// Past what a disc's address in minutes, seconds and frames can name.
    package static let longDisc = RecordImage(
        "long-disc", from: 1, numbers: 65536, byteCount: 1_300_000 * 2048)
    package static let all = [odd, even, tiny, shortDisc, huge, longDisc]

    /// The numbered part.
    package var numbers: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(numberedByteCount + 8)
        var number = firstNumber
        while bytes.count < numberedByteCount {
            bytes += "\(number)\n".utf8
            number += 1
        }
        return Array(bytes.prefix(numberedByteCount))
    }
}
