import FaultPoints
import Glibc
package import VirtualMedia

extension SimulatedKernel: GadgetTree {
    /// System calls on configfs, by their names in faults and errors.
    private enum Operation: String, CaseIterable {
        case makeDirectory = "mkdir"
        case removeDirectory = "rmdir"
        case makeLink = "symlink"
        case removeLink = "unlink"
        case read, write, list

        var isChange: Bool { self != .read && self != .list }
    }

    static let configfsFaults =
        FaultTable(
            .configfs, Operation.allCases.map(\.rawValue),
            ["delay", "hold", "fail", "fail-afterwards", "vanish", "forced-eject-missing"])
        + FaultTable(.configfs, Operation.allCases.filter(\.isChange).map(\.rawValue), ["pretend"])
        + FaultTable(.configfs, ["write"], ["short"])
        + FaultTable(.configfs, ["read"], ["lie-value", "newline"])

    package func makeDirectory(_ path: String) async throws(SystemError) {
        try await perform(.makeDirectory, path) { files, _ throws(Errno) in try files.makeDirectory(path) }
    }

    package func removeDirectory(_ path: String) async throws(SystemError) {
        try await perform(.removeDirectory, path) { files, _ throws(Errno) in
            try files.removeDirectory(path)
        }
    }

    package func makeLink(at path: String, to target: String) async throws(SystemError) {
        try await perform(.makeLink, path) { files, _ throws(Errno) in
            try files.makeLink(at: path, to: target)
        }
    }

    package func removeLink(_ path: String) async throws(SystemError) {
        try await perform(.removeLink, path) { files, _ throws(Errno) in try files.removeLink(path) }
    }

    /// Clearing or changing a LUN's file returns once the old file's dirty pages are written.
    package func write(_ value: String, to path: String) async throws(SystemError) {
        let controller = path.hasSuffix("/UDC") && !value.isEmpty ? value : nil
        try await perform(.write, path, binding: controller) { files, met throws(Errno) in
            let taken = value.utf8.prefix(max(0, value.utf8.count - met.missingBytes))
            try files.write(String(decoding: taken, as: UTF8.self), to: path)
            // The caller's one write call moved less than it was given, and that is all it is told.
            if taken.count < value.utf8.count { throw .io }
        }
    }

    package func read(_ path: String) async throws(SystemError) -> String {
        var text = ""
        try await perform(.read, path) { files, met throws(Errno) in
            text = try files.read(path)
            if let value = met.lie("value") { text = String(value) }
            if met.special("newline") != nil { text += "\n" }
        }
        return text
    }

    package func list(_ path: String) async throws(SystemError) -> [String] {
        var names: [String] = []
        try await perform(.list, path) { files, met throws(Errno) in
            names = try files.list(path)
            if met.special("forced-eject-missing") != nil { names.removeAll { $0 == Self.forcedEject } }
        }
        return names
    }

    private static let forcedEject = "forced_eject"
    private static let forcedEjectSuffix = "/" + forcedEject

    /// - Parameter controller: which one the gadget is about to get.
    private func perform(
        _ operation: Operation, _ path: String, binding controller: String? = nil,
        _ body: (ConfigFileSystem, MetFaults) throws(Errno) -> Void
    ) async throws(SystemError) {
        let slot = SlotNames.slot(ofGadget: path)
        let met = state.faults.meet(.configfs, operation.rawValue, on: path, slot: slot)
        let opened = gadget(of: path)
        if met.waits { await wait(for: met) }
        do throws(Errno) {
            try checkPower()
            // A path is looked up once, at the beginning: an open attribute file says ENOENT once its directory
            // is removed (fs/configfs/file.c, frag_dead), and what is made or removed in a directory that is
            // gone is not there either (fs/namei.c, IS_DEADDIR), whatever has the name by then.
            if let opened, operation != .list, gadget(of: path) !== opened { throw .noEntry }
            if met.special("vanish") != nil { step { $0.vanishController(controller, of: path) } }
            try step { state throws(Errno) in
                // What the host's own ejects closed is nobody's to wait for.
                _ = state.takeClosing()
                if let errno = met.failure { throw Errno(rawValue: errno) }
                if met.special("forced-eject-missing") != nil, path.hasSuffix(Self.forcedEjectSuffix) {
                    throw .noEntry
                }
                if !met.pretends { try body(state.tree.files, met) }
            }
            await finishClosing()
            if let errno = met.laterFailure { throw Errno(rawValue: errno) }
        } catch { throw error.during("\(operation.rawValue) usb_gadget/\(path)") }
    }

    private func gadget(of path: String) -> GadgetDirectory? {
        let name = path.utf8.prefix { $0 != UInt8(ascii: "/") }
        return state.tree.gadgets.first { $0.directory.name.utf8.elementsEqual(name) }
    }

    /// The last user's close returns once what is dirty has been written.
    private func finishClosing() async {
        for device in state.takeClosing() {
            await withCheckedContinuation { continuation in
                step { _ in device.whenClosed { continuation.resume() } }
            }
        }
    }
}

extension SimulatedKernel: DeviceControllerDirectory {
    package func controllers() async throws(SystemError) -> [DeviceController] {
        try checkPower("list controllers")
        return state.controllers.listing
    }
}

extension SimulatedKernel: UeventSource {
    package func uevents() async -> AsyncStream<Uevent> { state.uevents.listen() }
}

/// Which slot something in the kernel belongs to, by the names that the service gives.
enum SlotNames {
    /// "mass-storage-Slot_0/UDC" is of "Slot_0".
    static func slot(ofGadget path: String) -> String? { rest(of: path, after: "mass-storage-") }

    /// "virtual-media/Slot_0" is of "Slot_0".
    static func slot(ofBackend identifier: String) -> String? {
        rest(of: identifier, after: "virtual-media/")
    }

    private static func rest(of text: String, after prefix: String) -> String? {
        guard text.utf8.starts(with: prefix.utf8) else { return nil }
        let name = text.utf8.dropFirst(prefix.utf8.count).prefix { $0 != UInt8(ascii: "/") }
        return name.isEmpty ? nil : String(Substring(name))
    }
}
