import TestSupport
import Testing
import WireFormat

@testable import USBMassStorage

struct ParserTests {
    /// Any bytes, of any length, and every good reply cut short or with one byte changed: a value or
    /// an error, never a trap.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `no bytes trap a decoder`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let set = DescriptorSet(GadgetConfiguration())
        var samples: [[UInt8]] = [1, 2, 3, 6, 7].compactMap {
            set.descriptor(type: $0, index: 0, language: 0)
        }
        samples.append(bytes("0012010100160100000000000016aa0000000200"))
        samples.append(bytes("008002021f000000") + [UInt8](repeating: 0x41, count: 28))
        samples.append(SenseData(.writeError, information: 7).encoded(truncatesInformation: true))
        var decoded = 0
        for _ in 0..<400 {
            var input = samples.randomElement(using: &random)!
            switch Int.random(in: 0..<3, using: &random) {
            case 0: input = Array(input.prefix(Int.random(in: 0...input.count, using: &random)))
            case 1:
                if let index = input.indices.randomElement(using: &random) {
                    input[index] = UInt8.random(in: 0...255, using: &random)
                }
            default:
                input = (0..<Int.random(in: 0...64, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
            }
            // A slice that does not start at zero, as they come off a wire.
            let slice = ([9, 9, 9] + input)[3...]
            decoded += decodeAll(slice)
        }
        #expect(decoded > 0)
    }

    private func decodeAll(_ slice: ArraySlice<UInt8>) -> Int {
        var count = 0
        if (try? DeviceDescriptor(decoding: slice)) != nil { count += 1 }
        if (try? ConfigurationDescriptor(decoding: slice)) != nil { count += 1 }
        if (try? StringDescriptor.text(decoding: slice)) != nil { count += 1 }
        if (try? InquiryReply(decoding: slice)) != nil { count += 1 }
        if (try? CapacityReply(decoding: slice)) != nil { count += 1 }
        if (try? ModeReply(decoding6: slice)) != nil { count += 1 }
        if (try? TableOfContentsReply(decoding: slice)) != nil { count += 1 }
        if SenseData(decoding: slice) != nil { count += 1 }
        if CommandStatusWrapper(decoding: slice) != nil { count += 1 }
        if case .wrapper = CommandBlockWrapper.decode(slice) { count += 1 }
        return count
    }

    @Test func `the super-speed configuration has companions and is understood`() throws {
        var gadget = GadgetConfiguration()
        gadget.speed = .superSpeed
        let set = DescriptorSet(gadget)
        let configuration = set.descriptor(type: 2, index: 0, language: 0)!
        #expect(
            configuration
                == bytes(
                    """
                    0902 2c00 01 01 04 80 01         | configuration, 44 bytes, 8 mA
                    0904 00 00 02 08 06 50 05        | interface 0: mass storage, SCSI, Bulk-Only
                    0705 81 02 0004 00 0630 0f000000 | bulk-in of 1024 bytes, bursts of 16
                    0705 01 02 0004 00 0630 0f000000 | bulk-out
                    """))
        let parsed = try ConfigurationDescriptor(decoding: configuration[...])
        #expect(parsed.interfaces[0].isMassStorage && parsed.nameIndex == 4)
        #expect(set.descriptor(type: 15, index: 0, language: 0)?.prefix(5) == bytes("050f160002")[...])
        #expect(set.descriptor(type: 6, index: 0, language: 0) == nil)
        let device = try DeviceDescriptor(decoding: set.descriptor(type: 1, index: 0, language: 0)![...])
        #expect(device.usbRelease == 0x0320 && device.maximumPacket0 == 9)
    }

    @Test func `derived serial numbers keep the rules and differ`() {
        var all: Set<String> = []
        for slot in 0..<1000 {
            let serial = GadgetConfiguration.serialNumber(derivedFrom: "slot \(slot)")
            #expect(SerialNumberRule.breaches(serial).isEmpty)
            all.insert(serial)
        }
        #expect(all.count == 1000)
    }

    @Test func `long and odd strings fit their descriptor`() throws {
        var gadget = GadgetConfiguration()
        gadget.product = String(repeating: "x", count: 300)
        gadget.manufacturer = "Ünïcode 🚀"
        let set = DescriptorSet(gadget)
        let long = set.descriptor(type: 3, index: 2, language: 0x0409)!
        #expect(long.count == 254)
        let text = try StringDescriptor.text(
            decoding: set.descriptor(type: 3, index: 1, language: 0x0409)![...])
        #expect(text == "Ünïcode 🚀")
    }

    @Test func `without any name there are no string indices but the interface's`() throws {
        var gadget = GadgetConfiguration()
        gadget.manufacturer = nil
        gadget.product = nil
        gadget.serialNumber = nil
        gadget.configurationName = nil
        let set = DescriptorSet(gadget)
        let device = try DeviceDescriptor(decoding: set.descriptor(type: 1, index: 0, language: 0)![...])
        #expect([device.manufacturerIndex, device.productIndex, device.serialNumberIndex] == [0, 0, 0])
        let name = set.descriptor(type: 3, index: 1, language: 0x0409)!
        #expect(try StringDescriptor.text(decoding: name[...]) == "Mass Storage")
    }

    @Test(arguments: [
        "0000ffff 00000000", "0000ffff 000001ff", "0000ffff 00020000", "ffffffffffffffff 00000200", "00",
    ])
    func `capacities that cannot be are refused`(reply: String) {
        #expect(throws: MalformedReply.self) { try CapacityReply(decoding: bytes(reply)[...]) }
    }
}
