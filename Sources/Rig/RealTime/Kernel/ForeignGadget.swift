internal import KernelDevices
internal import VirtualMedia

/// A gadget of somebody else's, bound to a controller that the service then cannot have: a keyboard's, or another
/// medium. For the host it is a disk without a medium and with a serial number that it does not know.
struct ForeignGadget: Sendable {
    private let folder: String
    private let tree = ConfigFSGadgetTree()

    /// - Parameter function: what a user would call it: "kvm-hid".
    init(_ function: String) { folder = "mediarig-\(function)" }

    func bind(to controller: String) async throws(SystemError) {
        await remove()
        try await tree.makeDirectory(folder)
        try await tree.write("0x1d6b", to: "\(folder)/idVendor")
        try await tree.write("0x0104", to: "\(folder)/idProduct")
        try await tree.makeDirectory("\(folder)/strings/0x409")
        try await tree.write("FFFFFFFFFFFF", to: "\(folder)/strings/0x409/serialnumber")
        try await tree.makeDirectory("\(folder)/configs/c.1")
        try await tree.makeDirectory("\(folder)/functions/mass_storage.other")
        try await tree.makeLink(
            at: "\(folder)/configs/c.1/mass_storage.other", to: "\(folder)/functions/mass_storage.other")
        try await tree.write(controller, to: "\(folder)/UDC")
    }

    /// Harmless where there is none.
    func remove() async {
        try? await tree.write("", to: "\(folder)/UDC")
        try? await tree.removeLink("\(folder)/configs/c.1/mass_storage.other")
        for path in ["functions/mass_storage.other", "configs/c.1", "strings/0x409", ""] {
            try? await tree.removeDirectory(path.isEmpty ? folder : "\(folder)/\(path)")
        }
    }
}
