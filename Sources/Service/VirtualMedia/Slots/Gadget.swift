/// The USB gadget of one slot in configfs: what is built, in which order, and how it is undone.
struct Gadget: Sendable {
    /// One reversible change.
    enum Change: Equatable, Sendable {
        case directory(String)
        case link(String, target: String)
        case attribute(String, String)
    }

    let slot: SlotConfiguration
    var name: String { slot.gadgetName }
    var controllerPath: String { "\(name)/UDC" }
    private var function: String { "\(name)/functions/mass_storage.usb0" }
    private var configuration: String { "\(name)/configs/c.1" }
    var lun: String { "\(function)/lun.0" }
    var backingFilePath: String { "\(lun)/file" }

    /// Everything before the UDC is written. The kernel wants `cdrom` and `ro` set before `file`, and
    /// the function complete before it is linked.
    func changes(kind: MediumKind, isReadOnly: Bool) -> [Change] {
        let usb = slot.usb
        let strings = "\(name)/strings/0x409"
        var changes: [Change] = [
            .directory(name),
            .attribute("\(name)/idVendor", hexadecimal(usb.vendorID)),
            .attribute("\(name)/idProduct", hexadecimal(usb.productID)),
            .directory(strings),
            .attribute("\(strings)/manufacturer", usb.manufacturer),
            .attribute("\(strings)/product", usb.product),
            .attribute("\(strings)/serialnumber", usb.serialNumber ?? derivedSerialNumber),
            .directory(configuration),
            .directory("\(configuration)/strings/0x409"),
            .attribute("\(configuration)/strings/0x409/configuration", "config 1"),
            .directory(function),
            .attribute("\(lun)/removable", "1"),
            .attribute("\(lun)/cdrom", kind == .cdrom ? "1" : "0"),
            .attribute("\(lun)/ro", isReadOnly || kind == .cdrom ? "1" : "0"),
        ]
        if let inquiry = usb.inquiry { changes.append(.attribute("\(lun)/inquiry_string", inquiry)) }
        changes.append(.attribute(backingFilePath, "/dev/\(slot.device)"))
        changes.append(.link("\(configuration)/mass_storage.usb0", target: function))
        return changes
    }

    /// Sixteen hexadecimal digits that stay the same for a slot, so that a host knows it again.
    var derivedSerialNumber: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        for byte in slot.backendIdentifier.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16, uppercase: true)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private func hexadecimal(_ number: UInt16) -> String {
        let digits = String(number, radix: 16)
        return "0x" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}

extension Gadget {
    /// Undoes changes, last first, past every error.
    ///
    /// - Returns: what could not be undone.
    func undo(_ changes: [Change], in tree: any GadgetTree) async -> [SystemError] {
        var errors: [SystemError] = []
        for change in changes.reversed() {
            do throws(SystemError) {
                try SystemError.checkGivenUp(before: "removal of \(name)")
                switch change {
                case .directory(let path): try await tree.removeDirectory(path)
                case .link(let path, _): try await tree.removeLink(path)
                case .attribute: break
                }
            } catch {
                if error.errno != Errno.noEntry { errors.append(error) }
            }
        }
        return errors
    }

    /// Removes whatever is there of the gadget, however far an earlier process had built it, past
    /// every error.
    ///
    /// - Returns: what could not be removed.
    func removeWhatIsThere(from tree: any GadgetTree) async -> [SystemError] {
        do throws(SystemError) {
            guard try await tree.list("").contains(name) else { return [] }
        } catch {
            // Without a tree of gadgets there is none in it.
            return error.errno == Errno.noEntry ? [] : [error]
        }
        var errors: [SystemError] = []
        if let controller = try? await tree.read(controllerPath), !controller.isEmpty {
            await attempt(&errors) { () throws(SystemError) in try await tree.write("", to: controllerPath) }
        }
        for configuration in await entries(of: "\(name)/configs", in: tree) {
            let functions = await entries(of: "\(name)/functions", in: tree).map { $0.name }
            for entry in await entries(of: configuration.path, in: tree)
            where functions.contains(entry.name) {
                await attempt(&errors) { () throws(SystemError) in try await tree.removeLink(entry.path) }
            }
            await removeAll(in: "\(configuration.path)/strings", of: tree, &errors)
        }
        await removeAll(in: "\(name)/configs", of: tree, &errors)
        await removeAll(in: "\(name)/functions", of: tree, &errors)
        await removeAll(in: "\(name)/strings", of: tree, &errors)
        await attempt(&errors) { () throws(SystemError) in try await tree.removeDirectory(name) }
        return errors
    }

    private func removeAll(in folder: String, of tree: any GadgetTree, _ errors: inout [SystemError]) async {
        for entry in await entries(of: folder, in: tree) {
            // Units but the first are directories of their own, which keep the function.
            for unit in await entries(of: entry.path, in: tree)
            where unit.name.hasPrefix("lun.") && unit.name != "lun.0" {
                await attempt(&errors) { () throws(SystemError) in try await tree.removeDirectory(unit.path) }
            }
            await attempt(&errors) { () throws(SystemError) in try await tree.removeDirectory(entry.path) }
        }
    }

    private func entries(of folder: String, in tree: any GadgetTree) async -> [(name: String, path: String)] {
        let names = (try? await tree.list(folder)) ?? []
        return names.map { ($0, "\(folder)/\($0)") }
    }

    private func attempt(
        _ errors: inout [SystemError], _ operation: () async throws(SystemError) -> Void
    ) async {
        do throws(SystemError) {
            try SystemError.checkGivenUp(before: "removal of \(name)")
            try await operation()
        } catch {
            if error.errno != Errno.noEntry, error.errno != Errno.noDevice { errors.append(error) }
        }
    }
}
