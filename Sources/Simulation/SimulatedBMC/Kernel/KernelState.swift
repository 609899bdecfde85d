import FaultPoints
import USBMassStorage

/// Everything in the kernel, without threads and clocks: what the shell may touch only one call at
/// a time.
final class KernelState: GadgetPlatform {
    let profile: KernelProfile
    let timers: KernelTimers
    let faults: KernelFaults
    let uevents: UeventStream
    let controllers: DeviceControllers
    let bus: USBBus
    let devices: [NBDDevice]
    private(set) var tree: GadgetTreeModel!
    /// Regular files by absolute path.
    var files: [String: MemoryFile] = [:]
    private var bound: [BoundGadget] = []
    private var closing: [NBDDevice] = []
    private let chips: [ControllerChip]

    convenience init(
        timers: KernelTimers, profile: KernelProfile, chips: [ControllerChip],
        faults: any FaultInjector = NoFaults()
    ) {
        let faults = KernelFaults(faults, timers: timers)
        self.init(profile: profile, chips: chips, faults: faults, bus: USBBus(timers: timers, faults: faults))
    }

    /// The same machine after a power cut: its clock, its files, its cables and the hosts at their ends.
    convenience init(bootedAfter earlier: KernelState) {
        self.init(
            profile: earlier.profile, chips: earlier.chips, faults: earlier.faults, bus: earlier.bus)
        files = earlier.files
    }

    private init(profile: KernelProfile, chips: [ControllerChip], faults: KernelFaults, bus: USBBus) {
        self.profile = profile
        self.chips = chips
        self.faults = faults
        self.bus = bus
        timers = faults.timers
        let uevents = UeventStream(timers: timers, faults: faults)
        self.uevents = uevents
        controllers = DeviceControllers(chips: chips, profile: profile, uevents: uevents)
        bus.controllers = controllers
        devices = (0..<profile.nbdDeviceCount).map {
            NBDDevice(number: $0, profile: profile, timers: faults.timers, uevents: uevents, faults: faults)
        }
        tree = GadgetTreeModel(profile: profile, platform: self)
        for device in devices {
            device.willClose = { [unowned self] device in closing.append(device) }
        }
    }

    /// - Throws: ENODEV unless it is "nbd0" … with a number that this kernel has.
    func device(_ name: String) throws(Errno) -> NBDDevice {
        guard let device = devices.first(where: { $0.name == name }) else { throw .noDevice }
        return device
    }

    /// Devices whose last opener began to close since the last call: it waits until all is written.
    func takeClosing() -> [NBDDevice] {
        defer { closing = [] }
        return closing
    }

    // MARK: Losing parts

    /// The gadget on it leaves the bus without having been asked to.
    func removeController(_ name: String) {
        if let device = bound.first(where: { $0.controller == name }) {
            bound.removeAll { $0 === device }
            bus.disconnect(device)
        }
        controllers.remove(name)
    }

    /// The controller of that name, else that of the gadget of the path, else the first free one.
    func vanishController(_ named: String?, of path: String) {
        let gadget = path.prefix { $0 != "/" }
        let own = bound.first { $0.gadget.name == gadget }?.controller
        guard let name = named ?? own ?? controllers.listing.first(where: { $0.function.isEmpty })?.name
        else { return }
        removeController(name)
    }

    /// Devices vanish from their hosts.
    func losePower() {
        for device in bound { bus.disconnect(device) }
        bound = []
        uevents.finish()
    }

    // MARK: GadgetPlatform

    func bind(_ gadget: GadgetDirectory, to controller: String) throws(Errno) {
        guard let configuration = gadget.configurations.first, let function = configuration.functions.first,
            configuration.functions.count == 1
        else { throw .busy }
        try controllers.take(
            controller, for: gadget.name, endpoints: DeviceControllers.endpointsPerFunction)
        let maximum = controllers.listing.first { $0.name == controller }?.maximumSpeed ?? "high-speed"
        let device = BoundGadget(
            gadget: gadget, configuration: configuration, function: function, controller: controller,
            speed: BusSpeed(controller: maximum, gadget: gadget.maximumSpeed), profile: profile)
        bound.append(device)
        bus.connect(device)
    }

    func unbind(_ gadget: GadgetDirectory) {
        guard let device = bound.first(where: { $0.gadget === gadget }) else { return }
        bound.removeAll { $0 === device }
        bus.disconnect(device)
        controllers.release(device.controller)
    }

    func open(_ path: String, forWriting: Bool) throws(Errno) -> any OpenMedium {
        if path.hasPrefix("/dev/nbd"), let device = try? device(String(path.dropFirst(5))) {
            return try device.open(path: path, forWriting: forWriting)
        }
        if let file = files[path] {
            guard !(forWriting && file.isReadOnly) else { throw .readOnly }
            return OpenMemoryFile(file, path: path, isWritable: forWriting)
        }
        let folder = path.hasSuffix("/") ? path : path + "/"
        if "/dev/".hasPrefix(folder) || files.keys.contains(where: { $0.hasPrefix(folder) }) {
            // A directory opens for reading alone; it is no medium all the same.
            throw forWriting ? .isDirectory : .invalid
        }
        if files.keys.contains(where: { path.hasPrefix($0 + "/") }) { throw .notDirectory }
        throw path == "/dev/null" ? .invalid : .noEntry
    }
}
