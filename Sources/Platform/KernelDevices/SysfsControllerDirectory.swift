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
                maximumSpeed: try KernelFile.read("\(folder)/maximum_speed"),
                endpoints: endpoints(at: folder))
        } catch {
            if error.errno == ENOENT || error.errno == ENODEV { return nil }
            throw error
        }
    }

    // MARK: Endpoints

    /// ASPEED's virtual hub has its ports' controllers below it, and its device tree says how many endpoints they share
    /// (Documentation/devicetree/bindings/usb/aspeed,usb-vhub.yaml). No attribute of a controller says such a thing.
    private static func endpoints(at folder: String) -> EndpointPool? {
        guard let device = KernelFile.resolved("\(folder)/device"),
            let hub = device.lastIndex(of: "/").map({ String(device[..<$0]) }),
            let compatible = try? KernelFile.read("\(hub)/of_node/compatible"),
            compatible.split(separator: "\0").contains(where: { $0.hasSuffix("-usb-vhub") })
        else { return nil }
        let told = (try? KernelFile.bytes(of: "\(hub)/of_node/aspeed,vhub-generic-endpoints")).flatMap(number)
        let name = hub.split(separator: "/").last.map(String.init) ?? hub
        return EndpointPool(name: name, endpointCount: told ?? oldestHubEndpoints)
    }

    /// What the driver takes where the device tree is silent (AST_VHUB_NUM_GEN_EPs): that of the AST2400 and AST2500.
    private static let oldestHubEndpoints = 15

    /// A cell of a device tree: 32 bits, big endian.
    private static func number(_ bytes: [UInt8]) -> Int? {
        bytes.count == 4 ? bytes.reduce(0) { $0 << 8 | Int($1) } : nil
    }
}
