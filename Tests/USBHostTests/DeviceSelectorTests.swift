import Testing

@testable import USBHost

struct DeviceSelectorTests {
    static let good: [(String, DeviceSelector)] = [
        ("1d6b:0104", .identifiers(vendor: 0x1D6B, product: 0x0104, serialNumber: nil)),
        ("0x1d6b:0x104", .identifiers(vendor: 0x1D6B, product: 0x0104, serialNumber: nil)),
        ("1D6B:104:0123:45", .identifiers(vendor: 0x1D6B, product: 0x0104, serialNumber: "0123:45")),
        ("1-2", .location(bus: 1, ports: [2])), ("12-3.4.5", .location(bus: 12, ports: [3, 4, 5])),
    ]

    @Test(arguments: good)
    func `a device is named by its identifiers or its place`(text: String, selector: DeviceSelector) {
        #expect(DeviceSelector(text) == selector)
        #expect(DeviceSelector(selector.description) == selector)
    }

    @Test(arguments: [
        "", ":", "1d6b", "1d6b:", "1d6b:zzzz", "12345:1", "1d6b:0104:", "1-", "-1", "0-1", "1-0", "1-2.",
        "1-2..3",
        "256-1", "1-1.1.1.1.1.1.1.1", "+1d:1", "1:-1",
    ])
    func `anything else is refused`(text: String) {
        #expect(DeviceSelector(text) == nil)
    }

    @Test func `a selector means what it names and nothing else`() throws {
        let device = FoundDevice(
            bus: 1, address: 7, ports: [2, 3], vendorID: 0x1D6B, productID: 0x0104, serialNumber: "A1")
        let meant = ["1d6b:0104", "1d6b:0104:A1", "1-2.3"]
        let others = ["1d6b:0105", "1d6c:0104", "1d6b:0104:A2", "1-2", "2-2.3", "1-2.3.1"]
        for text in meant { #expect(device.isMeant(by: try #require(DeviceSelector(text))), "\(text)") }
        for text in others { #expect(!device.isMeant(by: try #require(DeviceSelector(text))), "\(text)") }
        #expect(device.description == "1-2.3 1d6b:0104 serial A1")
    }
}
