import Testing

@testable import VirtualMedia

struct ConfigurationTests {
    /// As shipped.
    static let shipped = """
        {
            "InactivityTimeout": 1800,
            "MountPoints": {
                "Slot_0": {
                    "EndpointId": "/nbd/0",
                    "Mode": 0,
                    "NBDDevice": "nbd0",
                    "UnixSocket": "/run/virtual-media/nbd0.sock",
                    "Timeout": 30,
                    "BlockSize": 512
                },
                "Slot_2": {
                    "EndpointId": "",
                    "Mode": 1,
                    "NBDDevice": "nbd2",
                    "UnixSocket": "/run/virtual-media/nbd2.sock",
                    "Timeout": 90,
                    "BlockSize": 512
                }
            }
        }
        """

    static func read(_ text: String) -> ConfigurationReader.Result {
        ConfigurationReader.read(Array(text.utf8), file: "vm.json")
    }

    /// A file with one Legacy slot and more keys.
    static func legacy(_ keys: String, top: String = "") -> String {
        "{\(top)\"MountPoints\": {\"Slot_0\": {\"Mode\": 1, \"NBDDevice\": \"nbd0\"\(keys)}}}"
    }

    static func slot(_ keys: String, top: String = "") throws -> SlotConfiguration {
        let result = read(legacy(keys, top: top))
        #expect(result.issues.isEmpty, "\(result.issues)")
        return try #require(result.configuration?.slots.first)
    }

    @Test func `the shipped file is read as it is`() throws {
        let result = Self.read(Self.shipped)
        #expect(result.issues.isEmpty)
        let slots = try #require(result.configuration?.slots)
        #expect(slots.map(\.name) == ["Slot_0", "Slot_2"])
        #expect(slots.map(\.mode) == [.proxy, .legacy])
        #expect(slots.map(\.device) == ["nbd0", "nbd2"])
        #expect(slots.map(\.endpoint) == ["/nbd/0", ""])
        #expect(slots.map(\.timeoutSeconds) == [30, 90])
        #expect(slots.map(\.inactivitySeconds) == [1800, 1800])
        #expect(slots[0].socket == "/run/virtual-media/nbd0.sock")
    }

    @Test func `the spellings of the design document mean the same`() throws {
        let text = Self.shipped.replacing("EndpointId", with: "EndPointId")
            .replacing("\"nbd", with: "\"/dev/nbd")
        #expect(Self.read(text) == Self.read(Self.shipped))
    }

    @Test(
        arguments: [("", 1800), ("\"InactivityTimeout\": 60,", 60), ("\"InactivityTimeout\": 0,", nil)]
            as [(String, UInt16?)])
    func `an inactivity timeout of zero is off and a missing one is half an hour`(
        top: String, seconds: UInt16?
    ) throws {
        #expect(try Self.slot("", top: top).inactivitySeconds == seconds)
    }

    @Test(arguments: [("0", nil), ("7", 7)] as [(String, UInt16?)])
    func `a slot may have an inactivity timeout of its own`(value: String, seconds: UInt16?) throws {
        let slot = try Self.slot(", \"InactivityTimeout\": \(value)", top: "\"InactivityTimeout\": 60,")
        #expect(slot.inactivitySeconds == seconds)
    }

    @Test func `extensions are read`() throws {
        let slot = try Self.slot(
            """
            , "Medium": "cdrom", "ReadAheadKiB": 256, "RequestTimeout": 10, "Controllers": ["a:p1", "a:p2"],
            "IOFailurePolicy": {"StallSeconds": 5, "ErrorSeconds": 0},
            "USB": {"VendorId": "0x1234", "ProductId": 22136, "Manufacturer": "M", "Product": "P",
                    "SerialNumber": "0123456789AB", "Inquiry": "VENDOR  PRODUCT         1.00"}
            """)
        #expect(slot.kind == .cdrom)
        #expect(slot.readAheadBytes == 256 << 10)
        #expect(slot.requestTimeoutSeconds == 10)
        #expect(slot.controllers == ["a:p1", "a:p2"])
        #expect(slot.failurePolicy.stallSeconds == 5)
        #expect(slot.failurePolicy.errorSeconds == 0)
        #expect(slot.usb.vendorID == 0x1234)
        #expect(slot.usb.productID == 0x5678)
        #expect(slot.usb.serialNumber == "0123456789AB")
        #expect(slot.usb.inquiry?.utf8.count == 28)
    }

    static let mistakes: [(String, String)] = [
        (legacy(", \"Mode\": 1"), "MountPoints.Slot_0.Mode: this key comes twice"),
        (
            legacy("").replacing("1,", with: "2,"),
            "MountPoints.Slot_0.Mode: found the number 2; write 0 (Proxy)"
        ),
        (legacy("").replacing("1,", with: "\"1\","), "MountPoints.Slot_0.Mode: found a string"),
        (legacy("").replacing("\"Mode\": 1, ", with: ""), "MountPoints.Slot_0.Mode: this key is missing"),
        (
            legacy("").replacing("nbd0", with: "sda"),
            "MountPoints.Slot_0.NBDDevice: 'sda' is not an nbd device"
        ),
        (legacy("").replacing("nbd0", with: "nbd01"), "'nbd01' is not an nbd device"),
        (legacy("").replacing("nbd0", with: "nbd"), "'nbd' is not an nbd device"),
        (legacy("").replacing("nbd0", with: "/dev/../nbd0"), "is not an nbd device"),
        (legacy("").replacing("Slot_0", with: "Slot-0"), "MountPoints.Slot-0: 'Slot-0' cannot be the name"),
        (legacy("").replacing("Slot_0", with: ""), "cannot be the name"),
        (legacy("").replacing("Slot_0", with: "../x"), "cannot be the name"),
        (
            legacy("").replacing("Slot_0", with: String(repeating: "s", count: 33)), "cannot be the name"
        ),
        (
            legacy(", \"Timeout\": 0"),
            "MountPoints.Slot_0.Timeout: found 0; write a whole number from 1 to 3600"
        ),
        (legacy(", \"Timeout\": 1.5"), "found the number 1.5"),
        (legacy(", \"Timeout\": -1"), "found -1"),
        (legacy(", \"Timeout\": 99999999999999999999"), "found the number 99999999999999999999"),
        (legacy(", \"BlockSize\": 513"), "MountPoints.Slot_0.BlockSize: found the number 513; write 512"),
        (legacy(", \"UnixSocket\": \"a.sock\""), "'a.sock' is not an absolute path"),
        (legacy(", \"UnixSocket\": \"/" + String(repeating: "a", count: 107) + "\""), "has 108 bytes"),
        (legacy(", \"EndpointId\": 7"), "found the number 7; write a string"),
        (legacy(", \"EndpointId\": \"/a\", \"EndPointId\": \"/b\""), "EndpointId and EndPointId differ"),
        (legacy(", \"Medium\": \"tape\""), "write \"disk\" or \"cdrom\""),
        (
            legacy(", \"USB\": {\"SerialNumber\": \"12\"}"),
            "MountPoints.Slot_0.USB.SerialNumber: '12' is no serial"
        ),
        (legacy(", \"USB\": {\"VendorId\": \"0x12345\"}"), "write a 16-bit number"),
        (legacy(", \"USB\": {\"Product\": \"a\\nb\"}"), "the string has control characters"),
        (legacy(", \"IOFailurePolicy\": []"), "found an array; write an object"),
        (legacy(", \"IOFailurePolicy\": {\"StallSeconds\": 26}"), "from 0 to 25 seconds"),
        (legacy(", \"Controllers\": \"a\""), "write an array of names"),
        (legacy(", \"Controllers\": [1]"), "MountPoints.Slot_0.Controllers[0]: found the number 1"),
        ("{}", "there are no mount points"),
        ("[]", "found an array; write an object"),
        (legacy("", top: "\"InactivityTimeout\": \"x\","), "InactivityTimeout: found a string"),
        (shipped.replacing("nbd2\"", with: "nbd0\""), "'nbd0' is that of Slot_0 too"),
        (
            shipped.replacing("\"EndpointId\": \"\"", with: "\"EndpointId\": \"/nbd/0\""),
            "'/nbd/0' is that of Slot_0 too"
        ),
        (
            "{\"MountPoints\": {\"Slot_0\": {\"Mode\": 0, \"NBDDevice\": \"nbd0\"}}}",
            "MountPoints.Slot_0.UnixSocket: a Proxy mount point needs a socket"
        ),
    ]

    @Test(arguments: mistakes.indices)
    func `each mistake is an error that names its key, its cause and its cure`(index: Int) {
        let (text, expected) = Self.mistakes[index]
        let result = Self.read(text)
        #expect(result.configuration == nil)
        let errors = result.issues.filter { $0.severity == .error }
        #expect(errors.contains { $0.description.contains(expected) }, "\(result.issues)")
        #expect(errors.allSatisfy { !$0.remedy.isEmpty && $0.description.hasPrefix("vm.json:") })
    }

    @Test func `two proxy slots cannot share a socket`() {
        let text = Self.shipped.replacing("\"Mode\": 1", with: "\"Mode\": 0")
            .replacing("nbd2.sock", with: "nbd0.sock")
        #expect("\(Self.read(text).issues)".contains("nbd0.sock' is that of Slot_0 too"))
    }

    @Test func `an unknown key is a warning with the right spelling where there is one`() {
        let result = Self.read(Self.legacy(", \"timeout\": 5, \"Colour\": 1"))
        #expect(result.configuration != nil)
        #expect(result.issues.map(\.severity) == [.warning, .warning])
        #expect(result.issues[0].remedy == "write Timeout")
        #expect(result.issues[1].remedy.contains("known keys are"))
    }

    @Test func `a mistake is shown where it is`() {
        let text = Self.shipped.replacing("\"Mode\": 1", with: "\"Mode\": 7")
        #expect(
            Self.read(text).issues.map(\.description) == [
                "vm.json:14:21: error: MountPoints.Slot_2.Mode: found the number 7; write 0 (Proxy) or 1 (Legacy)"
            ])
    }
}
