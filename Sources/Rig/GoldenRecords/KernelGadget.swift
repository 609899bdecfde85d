import Glibc
import KernelDevices
import LinuxPlatform
import Threads
import USBIPProtocol
import USBIPTransport
import VirtualMedia

/// This kernel's f_mass_storage as a witness, reached through its `usbip-vudc`: a controller whose host is
/// whoever holds the other end of a socket.
///
/// Wants root, configfs mounted, and the modules libcomposite, usb_f_mass_storage and usbip-vudc.
package struct KernelGadget: Sendable {
    package static let controller = "usbip-vudc.0"
    private static let folder = "/sys/devices/platform/\(controller)"
    /// After which "nothing" is an answer: a guest under emulation answers within milliseconds.
    package static let patience = Duration.seconds(2)
    /// How long the controller may take to notice that its host has gone.
    private static let releaseLimit = Duration.seconds(10)

    private let tree = ConfigFSGadgetTree()

    package init() {}

    /// The running kernel: "6.1.0-56-amd64".
    package static var kernelRelease: String {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Builds the gadget, asks it everything, and removes it again.
    ///
    /// - Throws: ``SystemError`` for what configfs or the controller refused; what USB/IP did when the
    ///   gadget went away under a question.
    package func answers(
        _ questions: [Question], of recipe: GadgetRecipe, progress: (Int) -> Void = { _ in }
    ) async throws -> [Record.Line] {
        for image in RecordImage.all { try Self.write(image) }
        await GadgetAssembly.remove(recipe, from: tree)
        try await GadgetAssembly.build(recipe, in: tree, controller: Self.controller)
        var lines: [Record.Line] = []
        do {
            let connection = try attach()
            var interrogator = Interrogator(
                connection: connection, tree: tree, function: GadgetRecipe.function, patience: Self.patience)
            for question in questions {
                lines.append(Record.Line(question, try await interrogator.ask(question)))
                progress(lines.count)
            }
            connection.close()
            try await awaitRelease()
        } catch {
            await GadgetAssembly.remove(recipe, from: tree)
            throw error
        }
        await GadgetAssembly.remove(recipe, from: tree)
        return lines
    }

    /// The kernel takes one end of a socket pair and starts at once; there is no import to ask for.
    private func attach() throws -> USBIPConnection {
        let (near, far) = try SystemSockets.pair()
        defer { close(far) }
        do throws(SystemError) {
            try Self.write("\(far)", to: "\(Self.folder)/usbip_sockfd")
        } catch {
            close(near)
            throw error
        }
        return try USBIPConnection.attached(
            owning: near,
            to: ExportedDevice(
                path: Self.folder, busID: Self.controller, busNumber: 0, deviceNumber: 0, speed: .high,
                vendorID: 0x1D6B, productID: 0x0104, deviceRelease: 0))
    }

    /// `usbip_status` is 1 while the controller is free.
    private func awaitRelease() async throws {
        let clock = SystemClock()
        let deadline = clock.now + Self.releaseLimit
        while try Self.read("\(Self.folder)/usbip_status") != "1" {
            guard clock.now < deadline else { throw SystemError(ETIMEDOUT, "release \(Self.controller)") }
            try await clock.sleep(until: clock.now + .milliseconds(20))
        }
    }

    /// Anew each time: earlier questions may have written to it.
    private static func write(_ image: RecordImage) throws(SystemError) {
        mkdir("/images", 0o755)
        let descriptor = open(image.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemError(errno, "create \(image.path)") }
        defer { close(descriptor) }
        let bytes = image.numbers
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count == bytes.count else {
            throw SystemError(count < 0 ? errno : ENOSPC, "write \(image.path)")
        }
        guard ftruncate(descriptor, off_t(image.byteCount)) == 0 else {
            throw SystemError(errno, "extend \(image.path)")
        }
    }

    private static func write(_ text: String, to path: String) throws(SystemError) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError(errno, "open \(path)") }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count else {
            throw SystemError(errno, "write \(path)")
        }
    }

    private static func read(_ path: String) throws(SystemError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError(errno, "open \(path)") }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw SystemError(errno, "read \(path)") }
        return String(decoding: buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
