package import VirtualMedia

/// What the kernel holds of one gadget with one LUN and of one nbd device, at one moment.
package struct KernelInspection: Equatable, Sendable {
    /// `nil` without a gadget of that name; "" without a medium.
    package var backingFile: String?
    package var isReadOnly = false
    package var isCDROM = false
    /// "" when unbound.
    package var controller = ""
    /// `nil` where there is no such device.
    package var device: NBDDeviceStatus?
}

extension SimulatedKernel {
    /// Looks without a system call: it meets no fault, and nobody can tell that it happened.
    ///
    /// - Parameter lun: the unit's directory below the gadget's: "functions/mass_storage.usb0/lun.0".
    package func inspect(gadget: String, lun: String, device: String) -> KernelInspection {
        var found = KernelInspection()
        let files = state.tree.files
        func read(_ attribute: String) -> String? { try? files.read("\(gadget)/\(attribute)") }
        if state.tree.gadgets.contains(where: { $0.name == gadget }) {
            found.backingFile = read("\(lun)/file") ?? ""
            found.isReadOnly = read("\(lun)/ro") == "1"
            found.isCDROM = read("\(lun)/cdrom") == "1"
            found.controller = read("UDC") ?? ""
        }
        if let number = Int(device.drop { !$0.isNumber }), state.devices.indices.contains(number) {
            found.device = state.devices[number].status
        }
        return found
    }
}
