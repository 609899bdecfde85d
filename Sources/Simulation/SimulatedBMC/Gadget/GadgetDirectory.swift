/// A directory under `usb_gadget`: identifiers, strings, configurations, functions, and the
/// controller that it is bound to.
final class GadgetDirectory {
    /// `MAX_NAME_LEN` of function directories, terminator included.
    static let maximumFunctionNameBytes = 40
    static let speeds = ["super-speed-plus", "super-speed", "high-speed", "full-speed", "low-speed"]

    let name: String
    let directory: ConfigDirectory
    let strings = GadgetStrings(keys: ["manufacturer", "product", "serialnumber"])
    private(set) var identifiers = Identifiers()
    private(set) var maximumSpeed = "super-speed-plus"
    private(set) var configurations: [ConfigurationDirectory] = []
    private(set) var functions: [FunctionDirectory] = []
    /// Name of the controller, empty when unbound.
    private(set) var boundController = ""

    private let profile: KernelProfile
    private unowned let platform: any GadgetPlatform
    private let configs = ConfigDirectory("configs", isDefault: true)
    private let functionsGroup = ConfigDirectory("functions", isDefault: true)

    /// Fields of the device descriptor (USB 2.0 §9.6.1).
    struct Identifiers {
        var usbVersion: UInt16 = 0
        var deviceClass: UInt8 = 0
        var deviceSubclass: UInt8 = 0
        var deviceProtocol: UInt8 = 0
        var maximumPacketBytes: UInt8 = 0
        var vendor: UInt16 = 0
        var product: UInt16 = 0
        var deviceVersion: UInt16 = 0
    }

    init(name: String, profile: KernelProfile, platform: any GadgetPlatform) {
        self.name = name
        self.profile = profile
        self.platform = platform
        directory = ConfigDirectory(name)
        identifiers.deviceVersion = profile.bcdVersion
        for group in [configs, functionsGroup, strings.directory, operatingSystemDescriptors()] {
            directory.addDefault(group)
        }
        configs.makeItem = { [unowned self] name throws(Errno) in try makeConfiguration(name) }
        functionsGroup.makeItem = { [unowned self] name throws(Errno) in try makeFunction(name) }
        addAttributes()
    }

    /// Leaves the controller, whoever asked for it: a write to UDC or the removal of a part.
    func unbind() {
        guard !boundController.isEmpty else { return }
        boundController = ""
        platform.unbind(self)
    }

    // MARK: Groups

    private func makeConfiguration(_ name: String) throws(Errno) -> ConfigDirectory {
        let configuration = try ConfigurationDirectory(name: name)
        guard !configurations.contains(where: { $0.number == configuration.number }) else { throw .busy }
        configurations.append(configuration)
        configuration.directory.drop = { [unowned self, unowned configuration] in
            configurations.removeAll { $0 === configuration }
        }
        configuration.directory.allowLink = { [unowned self, unowned configuration] target throws(Errno) in
            guard boundController.isEmpty,
                let function = functions.first(where: { $0.directory === target })
            else { throw .invalid }
            try configuration.link(function)
        }
        configuration.directory.dropLink = { [unowned self, unowned configuration] target in
            unbind()
            guard let function = functions.first(where: { $0.directory === target }) else { return }
            configuration.unlink(function)
        }
        return configuration.directory
    }

    private func makeFunction(_ name: String) throws(Errno) -> ConfigDirectory {
        guard name.utf8.count < Self.maximumFunctionNameBytes else { throw .nameTooLong }
        guard let dot = name.firstIndex(of: ".") else { throw .invalid }
        guard name[..<dot] == "mass_storage" else { throw .noEntry }
        let function = FunctionDirectory(name: name, profile: profile, platform: platform)
        functions.append(function)
        function.unbindGadget = { [unowned self] in unbind() }
        function.directory.drop = { [unowned self, unowned function] in
            function.close()
            functions.removeAll { $0 === function }
        }
        return function.directory
    }

    /// Present and writable as in the kernel; no host sees them, since no function uses them.
    private func operatingSystemDescriptors() -> ConfigDirectory {
        let group = ConfigDirectory("os_desc", isDefault: true)
        let values = OperatingSystemDescriptors()
        group.addAttribute(
            "use",
            Attribute(
                show: { AttributeText.show(values.use) },
                store: { value throws(Errno) in values.use = try AttributeText.boolean(value) }))
        group.addAttribute(
            "b_vendor_code",
            Attribute(
                show: { AttributeText.hexadecimal(values.vendorCode, digits: 2) },
                store: { value throws(Errno) in values.vendorCode = try AttributeText.unsigned(value) }))
        group.addAttribute(
            "qw_sign",
            Attribute(
                show: { values.signature },
                store: { value throws(Errno) in
                    values.signature = String(AttributeText.withoutNewline(value).prefix(7))
                }))
        return group
    }

    private final class OperatingSystemDescriptors {
        var use = false
        var vendorCode: UInt8 = 0
        var signature = ""
    }

    // MARK: Attributes

    private func addAttributes() {
        addNumber("bDeviceClass", \.deviceClass)
        addNumber("bDeviceSubClass", \.deviceSubclass)
        addNumber("bDeviceProtocol", \.deviceProtocol)
        addNumber("bMaxPacketSize0", \.maximumPacketBytes)
        addNumber("idVendor", \.vendor)
        addNumber("idProduct", \.product)
        addNumber("bcdUSB", \.usbVersion, isDecimal: true)
        addNumber("bcdDevice", \.deviceVersion, isDecimal: true)
        directory.addAttribute(
            "max_speed",
            Attribute(
                show: { [unowned self] in maximumSpeed },
                store: { [unowned self] value throws(Errno) in
                    guard boundController.isEmpty,
                        let speed = Self.speeds.first(where: { value.hasPrefix($0) })
                    else { throw .invalid }
                    maximumSpeed = speed
                }))
        directory.addAttribute(
            "UDC",
            Attribute(
                show: { [unowned self] in boundController },
                store: { [unowned self] value throws(Errno) in try storeController(value) }))
    }

    private func addNumber<Number: FixedWidthInteger & UnsignedInteger>(
        _ name: String, _ field: WritableKeyPath<Identifiers, Number>, isDecimal: Bool = false
    ) {
        directory.addAttribute(
            name,
            Attribute(
                show: { [unowned self] in
                    AttributeText.hexadecimal(identifiers[keyPath: field], digits: Number.bitWidth / 4)
                },
                store: { [unowned self] value throws(Errno) in
                    let number: Number = try AttributeText.unsigned(value)
                    guard !isDecimal || Self.isBinaryCodedDecimal(number) else { throw .invalid }
                    identifiers[keyPath: field] = number
                }))
    }

    private static func isBinaryCodedDecimal(_ number: some FixedWidthInteger) -> Bool {
        String(number, radix: 16).allSatisfy { $0.isNumber }
    }

    private func storeController(_ value: String) throws(Errno) {
        guard !value.utf8.contains(0) else { throw .overflow }
        let controller = AttributeText.withoutNewline(value)
        if controller.isEmpty {
            guard !boundController.isEmpty else { throw .noDevice }
            unbind()
            return
        }
        guard boundController.isEmpty else { throw .busy }
        try checkCompleteness()
        try platform.bind(self, to: controller)
        boundController = controller
    }

    /// A gadget needs a configuration, and each of them a function.
    private func checkCompleteness() throws(Errno) {
        let isComplete = !configurations.isEmpty && configurations.allSatisfy { !$0.functions.isEmpty }
        guard isComplete else { throw profile.hasGadgetBus ? .busy : .invalid }
    }
}

/// What a gadget needs from the rest of the kernel.
protocol GadgetPlatform: AnyObject {
    /// - Throws: as a write to UDC fails: EBUSY, on older kernels ENODEV.
    func bind(_ gadget: GadgetDirectory, to controller: String) throws(Errno)
    func unbind(_ gadget: GadgetDirectory)
    /// Opens a path as a LUN does, without following what it does with the answer.
    ///
    /// - Throws: ENOENT, EISDIR, EINVAL (neither file nor block device), EROFS, EACCES.
    func open(_ path: String, forWriting: Bool) throws(Errno) -> any OpenMedium
}
