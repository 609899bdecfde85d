import VirtualMedia

/// A USB device controller chip: ports that share endpoints.
package struct ControllerChip: Sendable {
    package struct Port: Sendable {
        /// Under /sys/class/udc.
        package var name: String
        /// The device that the controller belongs to, below /sys.
        package var devicePath: String

        package init(name: String, devicePath: String) {
            self.name = name
            self.devicePath = devicePath
        }
    }
    package var ports: [Port]
    /// Endpoints besides endpoint 0 that the bound gadgets of all ports share.
    package var endpointCount: Int
    package var maximumSpeed = "high-speed"
    /// The name under which sysfs tells of the endpoints, where it does.
    package var poolName: String?

    package init(
        ports: [Port], endpointCount: Int, maximumSpeed: String = "high-speed", poolName: String? = nil
    ) {
        self.poolName = poolName
        self.ports = ports
        self.endpointCount = endpointCount
        self.maximumSpeed = maximumSpeed
    }

    /// ASPEED's virtual hub: 5 ports and 15 endpoints on the AST2500, 7 and 21 on the AST2600.
    package static func aspeedVirtualHub(portCount: Int = 7, endpointCount: Int = 21) -> ControllerChip {
        let hub = "/devices/platform/ahb/ahb:apb/1e6a0000.usb-vhub"
        let ports = (1...portCount).map { number in
            let name = "1e6a0000.usb-vhub:p\(number)"
            return Port(name: name, devicePath: "\(hub)/\(name)")
        }
        return ControllerChip(
            ports: ports, endpointCount: endpointCount, poolName: "1e6a0000.usb-vhub")
    }

    /// `dummy_hcd num=N`: each port with endpoints enough for anything.
    package static func dummies(_ count: Int) -> [ControllerChip] {
        (0..<count).map { number in
            let name = "dummy_udc.\(number)"
            return ControllerChip(
                ports: [Port(name: name, devicePath: "/devices/platform/\(name)")], endpointCount: 30)
        }
    }
}

/// Every USB device controller of the machine, and which gadget has which.
final class DeviceControllers {
    /// Bulk in and bulk out.
    static let endpointsPerFunction = 2

    struct Controller {
        let port: ControllerChip.Port
        let chip: Int
        let number: Int
        let maximumSpeed: String
        var state = "not attached"
        var currentSpeed = "UNKNOWN"
        /// Name of the gadget driver, empty when free.
        var function = ""
        var endpointsInUse = 0
        /// False while its driver is gone.
        var isPresent = true

        var eventPath: String { "\(port.devicePath)/udc/\(port.name)" }
        var gadgetPath: String { "\(port.devicePath)/gadget.\(number)" }
    }

    private let profile: KernelProfile
    private let chips: [ControllerChip]
    private let uevents: UeventStream
    private(set) var controllers: [Controller] = []

    init(chips: [ControllerChip], profile: KernelProfile, uevents: UeventStream) {
        self.chips = chips
        self.profile = profile
        self.uevents = uevents
        for (index, chip) in chips.enumerated() {
            for port in chip.ports {
                controllers.append(
                    Controller(
                        port: port, chip: index, number: controllers.count, maximumSpeed: chip.maximumSpeed))
            }
        }
    }

    /// As /sys/class/udc shows them, sorted.
    var listing: [DeviceController] {
        controllers.filter(\.isPresent).map {
            DeviceController(
                name: $0.port.name, state: $0.state, function: $0.function, currentSpeed: $0.currentSpeed,
                maximumSpeed: $0.maximumSpeed, endpoints: pool(of: chips[$0.chip]))
        }.sorted { $0.name < $1.name }
    }

    private func pool(of chip: ControllerChip) -> EndpointPool? {
        chip.poolName.map { EndpointPool(name: $0, endpointCount: chip.endpointCount) }
    }

    /// `nil` while it is not there.
    func index(of name: String) -> Int? { controllers.firstIndex { $0.port.name == name && $0.isPresent } }

    /// The controller disappears with whatever it was given to. Harmless when it is not there.
    func remove(_ name: String) {
        guard let index = index(of: name) else { return }
        release(name)
        controllers[index].isPresent = false
        announcePresence(controllers[index])
    }

    /// It is back, and free. Harmless when it never went, or there never was one of that name.
    func add(_ name: String) {
        guard let index = controllers.firstIndex(where: { $0.port.name == name && !$0.isPresent }) else {
            return
        }
        controllers[index].isPresent = true
        announcePresence(controllers[index])
    }

    private func announcePresence(_ controller: Controller) {
        let action = controller.isPresent ? "add" : "remove"
        uevents.emit(
            action, controller.eventPath, subsystem: "udc",
            ["USB_UDC_NAME=\(controller.port.name)"])
        guard profile.hasGadgetBus else { return }
        uevents.emit(action, controller.gadgetPath, subsystem: "gadget", [])
    }

    /// Gives a controller to a gadget driver.
    ///
    /// - Throws: EBUSY when there is none free of that name, too few endpoints, or a second gadget on
    ///   an old kernel; before the gadget bus a missing controller or endpoint is ENODEV.
    func take(_ name: String, for function: String, endpoints: Int) throws(Errno) {
        let missing = profile.hasGadgetBus ? Errno.busy : .noDevice
        guard let index = index(of: name) else { throw missing }
        guard controllers[index].function.isEmpty else { throw .busy }
        let isSecond = controllers.contains { $0.endpointsInUse > 0 && $0.function != "" }
        guard profile.allowsSeveralBoundGadgets || !isSecond else { throw .busy }
        let chip = controllers[index].chip
        let inUse = controllers.filter { $0.chip == chip }.map(\.endpointsInUse).reduce(0, +)
        guard inUse + endpoints <= chips[chip].endpointCount else { throw missing }
        controllers[index].function = function
        controllers[index].endpointsInUse = endpoints
        announce(controllers[index], isBound: true, owner: function)
    }

    func release(_ name: String) {
        guard let index = index(of: name), !controllers[index].function.isEmpty else { return }
        let owner = controllers[index].function
        controllers[index].function = ""
        controllers[index].endpointsInUse = 0
        setState(name, "not attached", speed: "UNKNOWN")
        announce(controllers[index], isBound: false, owner: owner)
    }

    func setState(_ name: String, _ state: String, speed: String? = nil) {
        guard let index = index(of: name) else { return }
        controllers[index].state = state
        if let speed { controllers[index].currentSpeed = speed }
    }

    private func announce(_ controller: Controller, isBound: Bool, owner: String) {
        var properties = ["USB_UDC_NAME=\(controller.port.name)"]
        if isBound { properties.append("USB_UDC_DRIVER=\(controller.function)") }
        let slot = SlotNames.slot(ofGadget: owner)
        uevents.emit("change", controller.eventPath, subsystem: "udc", slot: slot, properties)
        guard profile.hasGadgetBus else { return }
        uevents.emit(
            isBound ? "bind" : "unbind", controller.gadgetPath, subsystem: "gadget", slot: slot,
            isBound ? ["DRIVER=configfs-gadget.\(controller.function)"] : [])
    }
}
