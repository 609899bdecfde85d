import Glibc
package import VirtualMedia

/// The USB device controllers of this machine, from sysfs.
package struct SysfsControllerDirectory: DeviceControllerDirectory {
    package static let usualRoot = "/sys/class/udc"

    private let root: String

    package init(root: String = Self.usualRoot) { self.root = root }

    /// Without the class, which the first driver of a controller brings, there are none.
    package func controllers() async throws(SystemError) -> [DeviceController] {
        let root = root
        return try await BlockingCall.run("udc") { () throws(SystemError) in
            let names: [String]
            do throws(SystemError) { names = try KernelFile.names(in: root) } catch {
                if error.errno == ENOENT { return [] }
                throw error
            }
            var controllers: [DeviceController] = []
            for name in names {
                if let controller = try Self.controller(name, at: "\(root)/\(name)") {
                    controllers.append(controller)
                }
            }
            return controllers
        }
    }

    /// - Returns: `nil` when it has gone since it was listed.
    private static func controller(_ name: String, at folder: String) throws(SystemError) -> DeviceController?
    {
        do throws(SystemError) {
            return DeviceController(
                name: name, state: try KernelFile.read("\(folder)/state"),
                function: try KernelFile.read("\(folder)/function"),
                currentSpeed: try KernelFile.read("\(folder)/current_speed"),
                maximumSpeed: try KernelFile.read("\(folder)/maximum_speed"))
        } catch {
            if error.errno == ENOENT || error.errno == ENODEV { return nil }
            throw error
        }
    }
}
