/// A `mass_storage.X` directory: the function's own attribute and its LUNs.
final class FunctionDirectory {
    let directory: ConfigDirectory
    /// Whether it may stall its bulk-in pipe after short data.
    private(set) var mayStall = false
    /// By number, possibly with gaps.
    private(set) var units: [LUNDirectory] = []
    /// Configurations that link it; while there is one, its shape is fixed.
    var linkCount = 0
    var unbindGadget: () -> Void = {}

    private let profile: KernelProfile
    private unowned let platform: any GadgetPlatform

    init(name: String, profile: KernelProfile, platform: any GadgetPlatform) {
        self.profile = profile
        self.platform = platform
        directory = ConfigDirectory(name)
        directory.addAttribute(
            "stall",
            Attribute(
                show: { [unowned self] in AttributeText.show(mayStall) },
                store: { [unowned self] value throws(Errno) in
                    guard linkCount == 0 else { throw .busy }
                    mayStall = try AttributeText.boolean(value)
                }))
        let first = LUNDirectory(
            number: 0, name: "lun.0", isDefault: true, profile: profile, platform: platform)
        units.append(first)
        directory.addDefault(first.directory)
        directory.makeItem = { [unowned self] name throws(Errno) in try makeUnit(name) }
    }

    func unit(_ number: Int) -> LUNDirectory? { units.first { $0.number == number } }

    /// What GET MAX LUN answers.
    var highestNumber: Int { units.map(\.number).max() ?? 0 }

    func close() {
        for unit in units { unit.close() }
    }

    private func makeUnit(_ name: String) throws(Errno) -> ConfigDirectory {
        guard let dot = name.firstIndex(of: ".") else { throw .invalid }
        let number = Int(try AttributeText.unsigned(String(name[name.index(after: dot)...]), as: UInt8.self))
        guard number < profile.maximumLUNs else { throw .range }
        guard linkCount == 0, unit(number) == nil else { throw .busy }
        let unit = LUNDirectory(
            number: number, name: name, isDefault: false, profile: profile, platform: platform)
        units.append(unit)
        units.sort { $0.number < $1.number }
        unit.directory.drop = { [unowned self, unowned unit] in
            // The kernel cannot take a LUN from a bound gadget, so it unbinds the gadget.
            unbindGadget()
            unit.close()
            units.removeAll { $0 === unit }
        }
        return unit.directory
    }
}
