/// The `usb_gadget` subsystem: configfs with f_mass_storage's rules below it.
final class GadgetTreeModel {
    let files: ConfigFileSystem
    private(set) var gadgets: [GadgetDirectory] = []

    init(profile: KernelProfile, platform: any GadgetPlatform) {
        let root = ConfigDirectory("usb_gadget", isDefault: true)
        files = ConfigFileSystem(root: root)
        root.makeItem = { [unowned self, unowned platform] name throws(Errno) in
            let gadget = GadgetDirectory(name: name, profile: profile, platform: platform)
            gadgets.append(gadget)
            gadget.directory.drop = { [unowned self, unowned gadget] in
                gadget.unbind()
                gadgets.removeAll { $0 === gadget }
            }
            return gadget.directory
        }
    }
}
