package import FaultPoints
import VirtualMedia

// What happens to the machine as a whole.
extension SimulatedKernel {
    /// Everything that this kernel and its USB buses can be made to do wrong.
    package static let carriedOut: FaultTable =
        configfsFaults + NBDDevice.carriedOut + UeventStream.carriedOut + USBBus.carriedOut
        + FaultTable(.clock, ["timer"], ["delay", "coalesce"])

    /// The BMC loses its power at once. Gadgets, attachments, caches with what was not written, listeners:
    /// all gone; hosts see their device disappear. Files stay, cables too. Until ``boot()`` every call
    /// fails with ENODEV.
    package func powerCut() {
        guard isPowered else { return }
        isPowered = false
        step { state in
            state.losePower()
            for device in state.devices { device.losePower() }
        }
        for number in attachments.keys.sorted() {
            attachments[number]?.transports.forEach { $0.shutDown() }
            attachments[number]?.mailbox.close()
        }
        attachments = [:]
        for listener in driverListeners { listener.finish() }
        driverListeners = []
        step { $0.faults.resumeAll() }
    }

    /// A fresh kernel on the same machine, after ``powerCut()``.
    package func boot() {
        precondition(!isPowered, "the machine is running")
        state = KernelState(bootedAfter: state)
        isPowered = true
    }

    /// A controller goes, as when its driver is unbound or its hub fails: its gadget is unbound and the
    /// host sees it disappear, but configfs still names the controller in `UDC`. Harmless when it is gone.
    package func removeController(_ name: String) { step { $0.removeController(name) } }

    /// It comes back, free.
    package func addController(_ name: String) { step { $0.controllers.add(name) } }

    /// Every connection to the server of a device breaks, or those of all devices.
    package func killNBDConnections(of device: String? = nil) {
        for number in attachments.keys.sorted() where device == nil || device == "nbd\(number)" {
            attachments[number]?.transports.forEach { $0.shutDown() }
        }
    }

    func checkPower() throws(Errno) {
        guard isPowered else { throw .noDevice }
    }

    func checkPower(_ operation: String) throws(SystemError) {
        do throws(Errno) { try checkPower() } catch { throw error.during(operation) }
    }

    /// Returns once the waiting that faults demand is over.
    func wait(for met: MetFaults) async {
        await withCheckedContinuation { continuation in
            step { $0.faults.afterWaiting(met) { continuation.resume() } }
        }
    }
}
