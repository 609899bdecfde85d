/// A directory under `configs`: one USB configuration and the functions linked into it.
final class ConfigurationDirectory {
    let directory: ConfigDirectory
    /// bConfigurationValue.
    let number: UInt8
    /// Milliamperes.
    private(set) var maximumPower: UInt16 = 2
    private(set) var attributes: UInt8 = 0x80
    let strings = GadgetStrings(keys: ["configuration"])
    /// In the order they were linked.
    private(set) var functions: [FunctionDirectory] = []

    /// - Parameter name: "c.1": any label, a dot, the configuration's number.
    /// - Throws: EINVAL without label, dot or number, and for number 0; ERANGE above 255.
    init(name: String) throws(Errno) {
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { throw .invalid }
        number = try AttributeText.unsigned(String(name[name.index(after: dot)...]))
        guard number != 0 else { throw .invalid }
        directory = ConfigDirectory(name)
        directory.addDefault(strings.directory)
        addAttributes()
    }

    func link(_ function: FunctionDirectory) throws(Errno) {
        guard !functions.contains(where: { $0 === function }) else { throw .exists }
        functions.append(function)
        function.linkCount += 1
    }

    func unlink(_ function: FunctionDirectory) {
        functions.removeAll { $0 === function }
        function.linkCount -= 1
    }

    private func addAttributes() {
        directory.addAttribute(
            "MaxPower",
            Attribute(
                show: { [unowned self] in String(maximumPower) },
                store: { [unowned self] value throws(Errno) in
                    let power: UInt16 = try AttributeText.unsigned(value)
                    // The descriptor counts in units of 8 mA at SuperSpeed, in one byte.
                    guard (UInt32(power) + 7) / 8 <= 0xFF else { throw .range }
                    maximumPower = power
                }))
        directory.addAttribute(
            "bmAttributes",
            Attribute(
                show: { [unowned self] in AttributeText.hexadecimal(attributes, digits: 2) },
                store: { [unowned self] value throws(Errno) in
                    let bits: UInt8 = try AttributeText.unsigned(value)
                    // Bit 7 is always set; 6 self-powered, 5 remote wake-up (USB 2.0 §9.6.3).
                    guard bits & 0x80 != 0, bits & 0x1F == 0 else { throw .invalid }
                    attributes = bits
                }))
    }
}
