import USBMassStorage

/// Everything in the kernel, without threads and clocks: what the shell may touch only one call at
/// a time.
final class KernelState: GadgetPlatform {
    let profile: KernelProfile
    let timers: KernelTimers
    let uevents: UeventStream
    let controllers: DeviceControllers
    let bus: USBBus
    let devices: [NBDDevice]
    private(set) var tree: GadgetTreeModel!
    var faults = OperationFaults()
    /// Regular files by absolute path.
    var files: [String: MemoryFile] = [:]
    private var bound: [BoundGadget] = []
    private var closing: [PageCache] = []

    init(timers: KernelTimers, profile: KernelProfile, chips: [ControllerChip]) {
        self.profile = profile
        self.timers = timers
        let uevents = UeventStream(timers: timers)
        self.uevents = uevents
        controllers = DeviceControllers(chips: chips, profile: profile, uevents: uevents)
        bus = USBBus(controllers: controllers, timers: timers)
        devices = (0..<profile.nbdDeviceCount).map {
            NBDDevice(number: $0, profile: profile, timers: timers, uevents: uevents)
        }
        tree = GadgetTreeModel(profile: profile, platform: self)
        for device in devices {
            device.willClose = { [unowned self] cache in closing.append(cache) }
        }
    }

    /// - Throws: ENODEV unless it is "nbd0" … with a number that this kernel has.
    func device(_ name: String) throws(Errno) -> NBDDevice {
        guard let device = devices.first(where: { $0.name == name }) else { throw .noDevice }
        return device
    }

    /// Caches whose last opener closed since the last call: closing waits until they are written.
    func takeClosing() -> [PageCache] {
        defer { closing = [] }
        return closing
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
            throw .isDirectory
        }
        throw path == "/dev/null" ? .invalid : .noEntry
    }
}
