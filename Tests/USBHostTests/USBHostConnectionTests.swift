import Foundation
import TestSupport
import Testing

@testable import USBHost

/// Without hardware there is only this to see; the rig drives real devices (rigs/dummy-hcd-vm/observe.sh).
struct USBHostConnectionTests {
    @Test func `a device that is not there is said to be missing, with what is`() async throws {
        let selector = try #require(DeviceSelector("fffe:fffe:no such serial number"))
        do throws(USBHostFailure) {
            _ = try await USBHostConnection.open(selector)
            Issue.record("there is no such device")
        } catch {
            let failure = error
            switch failure {
            case .notFound(let missing, _): #expect(missing == selector)
            case .unavailable: break
            default: Issue.record("\(failure)")
            }
            #expect(!failure.description.isEmpty)
        }
    }

    private static let usb = Capability(
        name: "usb-devices", isPresent: FileManager.default.fileExists(atPath: "/dev/bus/usb"))

    @Test(.enabled(if: usb.isPresent, "no /dev/bus/usb"))
    func `devices are listed by their place`() throws {
        for device in try USBHostConnection.devices() {
            #expect(DeviceSelector(FoundDevice.place(bus: device.bus, ports: device.ports)) != nil)
        }
    }

    @Test func `every failure says what to do`() throws {
        let selector = try #require(DeviceSelector("1-2"))
        let device = FoundDevice(
            bus: 1, address: 2, ports: [2], vendorID: 1, productID: 2, serialNumber: nil)
        let failures: [USBHostFailure] = [
            .unavailable("x"), .notFound(selector, present: []), .notFound(selector, present: [device]),
            .ambiguous(selector, [device, device]), .notPermitted(device), .notMassStorage(device),
            .busy(device), .refused(operation: "open", reason: "x"),
        ]
        for failure in failures { #expect(!failure.description.isEmpty) }
        #expect(Set(failures.map(\.description)).count == failures.count)
    }
}
