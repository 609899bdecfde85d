import Glibc
internal import USBMassStorage
internal import VirtualMedia

/// A port of this kernel's USB host that leads to one of its own gadget controllers: what dummy_hcd makes.
struct KernelHostPort: Sendable {
    /// How often the host looks whether something came or went.
    static let lookInterval = Duration.milliseconds(50)
    private static let controllerPrefix = "dummy_udc."

    /// Of the controller on the other end: "dummy_udc.0".
    let name: String
    private let number: Int

    /// - Returns: `nil` for a controller whose host is not here.
    init?(_ controller: String) {
        guard controller.hasPrefix(Self.controllerPrefix),
            let number = Int(controller.dropFirst(Self.controllerPrefix.count))
        else { return nil }
        name = controller
        self.number = number
    }

    private var folder: String { "/sys/devices/platform/dummy_hcd.\(number)" }
    var exists: Bool { access(folder, F_OK) == 0 }

    /// One device, as long as it stays: another one on the same port has another number.
    struct Address: Equatable, Sendable {
        let bus: Int
        let device: Int
        var file: String { "/dev/bus/usb/\(Self.digits(bus))/\(Self.digits(device))" }

        private static func digits(_ number: Int) -> String {
            let text = "\(number)"
            return String(repeating: "0", count: max(0, 3 - text.count)) + text
        }
    }

    /// Root hubs: one, and a second where the controller has super speed too.
    private var buses: [Int] {
        KernelText.names(in: folder).compactMap { $0.hasPrefix("usb") ? Int($0.dropFirst(3)) : nil }
    }

    private func deviceFolder(_ bus: Int) -> String { "\(folder)/usb\(bus)/\(bus)-1" }

    /// The device that is plugged in and has its file.
    var device: Address? {
        for bus in buses {
            guard let number = KernelText.line(of: "\(deviceFolder(bus))/devnum").flatMap({ Int($0) }) else {
                continue
            }
            let address = Address(bus: bus, device: number)
            if access(address.file, R_OK | W_OK) == 0 { return address }
        }
        return nil
    }

    /// - Returns: `nil` for a device that is not configured.
    func configuration(of address: Address) -> UInt8? {
        KernelText.line(of: "\(deviceFolder(address.bus))/bConfigurationValue").flatMap { UInt8($0) }
    }

    /// Waits for a device.
    func connect(timeout: Duration, clock: any MediaClock) async throws(USBTransferError) -> UsbfsDevice {
        let deadline = clock.now + timeout
        while clock.now < deadline {
            if let address = device { return try UsbfsDevice(address, on: self, clock: clock) }
            do { try await clock.sleep(until: clock.now + Self.lookInterval) } catch { throw .timedOut }
        }
        throw .timedOut
    }

    /// Power on the port, as a host switches it: without, the device sees no host.
    func setPower(_ isOn: Bool) {
        for bus in buses {
            KernelText.write(isOn ? "0" : "1", to: "\(folder)/usb\(bus)/\(bus)-0:1.0/usb\(bus)-port1/disable")
        }
    }
}

/// The USB host of this kernel as a whole.
enum KernelHost {
    private static let probing = "/sys/bus/usb/drivers_autoprobe"

    /// Whether the kernel's own drivers look at devices that come. While a run's host is somebody else, they must
    /// not: usb-storage would send commands of its own, and the device would be configured before the host of the
    /// run has seen it.
    static func setDriving(_ isOn: Bool) { KernelText.write(isOn ? "1" : "0", to: probing) }
}

/// Short files of the kernel's.
enum KernelText {
    static func line(of path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = fread(&buffer, 1, buffer.count, file)
        let text = String(decoding: buffer[..<count].prefix { $0 != 10 }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    @discardableResult
    static func write(_ text: String, to path: String) -> Bool {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        let bytes = Array(text.utf8)
        return Glibc.write(file, bytes, bytes.count) == bytes.count
    }

    static func names(in folder: String) -> [String] {
        guard let listing = opendir(folder) else { return [] }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
        return names.sorted()
    }
}
