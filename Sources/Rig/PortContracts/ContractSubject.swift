import Glibc
package import VirtualMedia

/// What contracts are held against: the ports, and what they find around them.
package struct ContractSubject: Sendable {
    package var gadgets: any GadgetTree
    package var controllers: any DeviceControllerDirectory
    package var nbd: any NBDDriver
    package var uevents: any UeventSource
    package var clock: any MediaClock
    package var spawner: any Spawner
    /// Two controllers that nobody uses.
    package var controllerNames: [String]
    /// Two nbd devices that nobody uses.
    package var devices: [String]
    /// Where ``ContractImages`` are, without a slash at the end.
    package var imageFolder: String

    package init(
        gadgets: any GadgetTree, controllers: any DeviceControllerDirectory, nbd: any NBDDriver,
        uevents: any UeventSource, clock: any MediaClock, spawner: any Spawner,
        controllerNames: [String], devices: [String], imageFolder: String
    ) {
        self.gadgets = gadgets
        self.controllers = controllers
        self.nbd = nbd
        self.uevents = uevents
        self.clock = clock
        self.spawner = spawner
        self.controllerNames = controllerNames
        self.devices = devices
        self.imageFolder = imageFolder
    }

    /// Long enough for a busy machine that emulates its processor.
    static let patience = Duration.seconds(20)
    static let look = Duration.milliseconds(20)

    /// Looks until it is so.
    func wait(for what: String, until isSo: () async throws -> Bool) async throws {
        let deadline = clock.now + Self.patience
        while true {
            if try await isSo() { return }
            guard clock.now < deadline else { throw ContractBreach("never came: \(what)") }
            try await clock.sleep(until: clock.now + Self.look)
        }
    }

    /// Leaves the ports as a contract wants to find them: no gadget of ours, no device attached.
    func tidy() async {
        for gadget in ["g1", "g2"] { await remove(gadget) }
        for device in devices { try? await nbd.detach(device) }
    }

    /// Takes a gadget down, however far it was built, past every error.
    private func remove(_ gadget: String) async {
        guard let names = try? await gadgets.list(""), names.contains(gadget) else { return }
        try? await gadgets.write("", to: "\(gadget)/UDC")
        let functions = (try? await gadgets.list("\(gadget)/functions")) ?? []
        for configuration in await list("\(gadget)/configs") {
            for name in await list(configuration) { try? await gadgets.removeLink(name) }
            for language in await list("\(configuration)/strings") {
                try? await gadgets.removeDirectory(language)
            }
            try? await gadgets.removeDirectory(configuration)
        }
        for function in functions.map({ "\(gadget)/functions/\($0)" }) {
            try? await gadgets.write("1", to: "\(function)/lun.0/forced_eject")
            for unit in await list(function) { try? await gadgets.removeDirectory(unit) }
            try? await gadgets.removeDirectory(function)
        }
        for language in await list("\(gadget)/strings") { try? await gadgets.removeDirectory(language) }
        try? await gadgets.removeDirectory(gadget)
    }

    private func list(_ folder: String) async -> [String] {
        ((try? await gadgets.list(folder)) ?? []).map { "\(folder)/\($0)" }
    }
}

/// The files that contracts put into LUNs.
package enum ContractImages {
    package static let all: [(name: String, bytes: [UInt8])] = [
        ("disk.img", [UInt8](repeating: 7, count: 1 << 20)),
        ("other.img", [UInt8](repeating: 9, count: 1 << 20)),
        ("disc.img", [UInt8](repeating: 6, count: 300 * 2048)),
        ("small-disc.img", [UInt8](repeating: 5, count: 299 * 2048)),
        ("block.img", [UInt8](repeating: 4, count: 512)),
        ("odd.img", [UInt8](repeating: 3, count: 1000)),
        ("empty.img", []), ("short.img", [UInt8](repeating: 1, count: 511)),
    ]
}
