/// The `usb_gadget` directory of configfs, with the kernel's rules and errno.
///
/// Paths are relative to it, without a leading slash: "mass-storage-Slot_0/UDC". Satisfied by
/// configfs itself and by the simulated tree.
package protocol GadgetTree: Sendable {
    func makeDirectory(_ path: String) async throws(SystemError)
    func removeDirectory(_ path: String) async throws(SystemError)
    /// `target` is relative to the tree too.
    func makeLink(at path: String, to target: String) async throws(SystemError)
    func removeLink(_ path: String) async throws(SystemError)
    /// Writes as `echo value > path` would, in one write call, without the newline.
    func write(_ value: String, to path: String) async throws(SystemError)
    /// - Returns: the attribute without its trailing newline.
    func read(_ path: String) async throws(SystemError) -> String
    /// - Returns: the names in a directory, sorted.
    func list(_ path: String) async throws(SystemError) -> [String]
}

/// A USB device controller: one port on which one gadget can be bound (`/sys/class/udc/*`).
package struct DeviceController: Equatable, Sendable {
    package var name: String
    /// "not attached", "attached", "powered", "default", "addressed", "configured" or "suspended".
    package var state: String
    /// The gadget driver bound to it, empty when free.
    package var function: String
    package var currentSpeed: String
    package var maximumSpeed: String
    /// `nil` where the kernel does not tell.
    package var endpoints: EndpointPool?

    package init(
        name: String, state: String, function: String, currentSpeed: String, maximumSpeed: String,
        endpoints: EndpointPool? = nil
    ) {
        self.name = name
        self.state = state
        self.function = function
        self.currentSpeed = currentSpeed
        self.maximumSpeed = maximumSpeed
        self.endpoints = endpoints
    }
}

/// Endpoints that controllers share, as the ports of one hub do; endpoint 0 is not among them.
package struct EndpointPool: Equatable, Sendable {
    /// Of the hub: controllers with the same one share.
    package var name: String
    package var endpointCount: Int

    package init(name: String, endpointCount: Int) {
        self.name = name
        self.endpointCount = endpointCount
    }
}

package protocol DeviceControllerDirectory: Sendable {
    /// - Returns: every controller, sorted by name.
    func controllers() async throws(SystemError) -> [DeviceController]
}
