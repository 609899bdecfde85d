import USBMassStorage
import WireFormat

/// The cables between controllers and hosts, and the transfers on them.
final class USBBus {
    /// One visit of a device on a port; a new one begins with each appearance.
    struct Session: Hashable, Sendable {
        let controller: String
        let number: UInt64
    }

    struct Port {
        var isHostAttached = false
        var gadget: BoundGadget?
        var session: Session?
        var isSuspended = false
        /// Transfers that wait for the bus to wake up.
        var asleep: [() -> Void] = []
        /// What is under way or waits, while faults are about.
        var watched: [WatchedTransfer] = []
        var command: WatchedCommand?
        /// Data that comes once more, oldest first.
        var repeated: [[Bytes]] = []
    }

    /// Those of the running kernel; the cables outlast it.
    var controllers: DeviceControllers!
    let timers: KernelTimers
    let faults: KernelFaults
    var ports: [String: Port] = [:]
    private struct RemoteTransfer: Hashable {
        let session: Session
        let number: TransferID
    }
    /// How each of them is given up.
    private var remoteTransfers: [RemoteTransfer: () -> Void] = [:]
    private var lastSession: UInt64 = 0
    private var isClosed = false
    private var arrivals: [(controller: String, timer: KernelTimers.TimerID, arrived: (Session?) -> Void)] =
        []
    private var departures: [(session: Session, departed: () -> Void)] = []

    init(timers: KernelTimers, faults: KernelFaults) {
        self.timers = timers
        self.faults = faults
    }

    // MARK: The device side

    func connect(_ gadget: BoundGadget) {
        gadget.configurationChanged = { [weak self, weak gadget] number in
            guard let self, let gadget else { return }
            let state = number == 0 ? "addressed" : "configured"
            self.controllers.setState(gadget.controller, state)
        }
        ports[gadget.controller, default: Port()].gadget = gadget
        update(gadget.controller)
    }

    func disconnect(_ gadget: BoundGadget) {
        gadget.release()
        ports[gadget.controller]?.gadget = nil
        update(gadget.controller)
    }

    // MARK: The host side

    /// Plugs the host's cable in or out.
    func setHostAttached(_ isAttached: Bool, to controller: String) {
        guard ports[controller, default: Port()].isHostAttached != isAttached else { return }
        ports[controller, default: Port()].isHostAttached = isAttached
        if !isAttached { ports[controller]?.gadget?.disconnect() }
        update(controller)
    }

    /// - Parameter arrived: called once, with `nil` when no device showed up before the deadline.
    func whenDeviceAppears(
        on controller: String, until deadline: Duration, arrived: @escaping (Session?) -> Void
    ) {
        if let session = ports[controller]?.session { return arrived(session) }
        guard !isClosed else { return arrived(nil) }
        let timer = timers.schedule(at: deadline) { [weak self] in self?.arrivalTimedOut() }
        arrivals.append((controller, timer, arrived))
    }

    /// - Parameter departed: called once, when the device of this session is gone; at once if it is.
    /// Nobody is kept waiting for what will not come: a task that waits for ever holds all that it knows.
    func close() {
        isClosed = true
        let (waiting, parting) = (arrivals, departures)
        arrivals = []
        departures = []
        for arrival in waiting {
            timers.cancel(arrival.timer)
            arrival.arrived(nil)
        }
        for departure in parting { departure.departed() }
    }

    func whenDeviceLeaves(_ session: Session, departed: @escaping () -> Void) {
        guard ports[session.controller]?.session == session else { return departed() }
        departures.append((session, departed))
    }

    /// - Parameters:
    ///   - timeout: `nil` leaves the device all the time it wants.
    ///   - completion: called once; `timedOut` after the given time, or once the transfer was given up.
    /// - Returns: gives the transfer up; `nil` when it has ended already.
    func submit(
        _ transfer: USBTransfer, to session: Session, timeout: Duration?,
        completion: @escaping (Result<TransferOutcome, USBTransferError>) -> Void
    ) -> (() -> Void)? {
        guard let gadget = gadget(of: session) else {
            completion(.failure(.disconnected))
            return nil
        }
        guard faults.isQuiet, !ports[session.controller]!.isSuspended else {
            return watch(transfer, to: session, timeout: timeout, completion: completion)
        }
        let pending = PendingTransfer()
        let identifier = gadget.submit(transfer.input) { [timers] outcome in
            pending.isDone = true
            if let timer = pending.timer { timers.cancel(timer) }
            switch outcome {
            case .cancelled: completion(.failure(pending.hasTimedOut ? .timedOut : .disconnected))
            case .stalled: completion(.failure(.stalled))
            case .accepted, .data: completion(.success(outcome))
            }
        }
        guard !pending.isDone else { return nil }
        let giveUp = { [weak gadget] in
            pending.hasTimedOut = true
            gadget?.cancel(identifier)
        }
        pending.timer = timeout.map { timers.schedule(at: timers.now + $0, giveUp) }
        return giveUp
    }

    /// Submits for a host whose patience is its own business.
    func submit(
        _ transfer: USBTransfer, to session: Session, as number: TransferID,
        completion: @escaping (Result<TransferOutcome, USBTransferError>) -> Void
    ) {
        let key = RemoteTransfer(session: session, number: number)
        let cancel = submit(transfer, to: session, timeout: nil) { [weak self] result in
            self?.remoteTransfers[key] = nil
            completion(result)
        }
        if let cancel { remoteTransfers[key] = cancel }
    }

    /// Gives up what ``submit(_:to:as:completion:)`` has started; harmless once it has ended.
    func cancel(_ number: TransferID, of session: Session) {
        remoteTransfers[RemoteTransfer(session: session, number: number)]?()
    }

    /// SET_ADDRESS is the controller's business; the gadget never sees it (USB 2.0 §9.4.6).
    func setAddress(_ session: Session) -> Bool {
        guard gadget(of: session) != nil else { return false }
        controllers.setState(session.controller, "addressed")
        return true
    }

    func reset(_ session: Session) -> Bool {
        guard let gadget = gadget(of: session) else { return false }
        ports[session.controller]?.command = nil
        ports[session.controller]?.repeated = []
        gadget.resetBus()
        controllers.setState(session.controller, "default")
        return true
    }

    /// The host's controller resets the port by itself: the device begins anew, as another one for
    /// whoever held it.
    func resetPort(_ controller: String) {
        guard let gadget = ports[controller]?.gadget, ports[controller]?.session != nil else { return }
        gadget.resetBus()
        update(controller)
    }

    /// Nothing moves until ``resume(_:)``; transfers wait, within their time.
    func suspend(_ controller: String) {
        guard ports[controller]?.session != nil, ports[controller]?.isSuspended == false else { return }
        ports[controller]?.isSuspended = true
        controllers.setState(controller, "suspended")
    }

    func resume(_ controller: String) {
        guard let port = ports[controller], port.isSuspended else { return }
        ports[controller]?.isSuspended = false
        ports[controller]?.asleep = []
        controllers.setState(
            controller, port.gadget.map { $0.isConfigured ? "configured" : "default" } ?? "default")
        for wake in port.asleep { wake() }
    }

    // MARK: Sessions

    func gadget(of session: Session) -> BoundGadget? {
        guard let port = ports[session.controller], port.session == session else { return nil }
        return port.gadget
    }

    /// A device is there while both a gadget and a host are.
    private func update(_ controller: String) {
        guard let port = ports[controller] else { return }
        ports[controller]?.session = nil
        endWatching(controller)
        guard let gadget = port.gadget, port.isHostAttached else {
            controllers.setState(controller, "not attached", speed: "UNKNOWN")
            return tellDepartures(from: controller)
        }
        lastSession += 1
        let session = Session(controller: controller, number: lastSession)
        ports[controller]?.session = session
        tellDepartures(from: controller)
        controllers.setState(controller, "default", speed: gadget.speed.attributeText)
        let waiting = arrivals.filter { $0.controller == controller }
        arrivals.removeAll { $0.controller == controller }
        for waiter in waiting {
            timers.cancel(waiter.timer)
            waiter.arrived(session)
        }
    }

    private func tellDepartures(from controller: String) {
        let present = ports[controller]?.session
        let gone = departures.filter { $0.session.controller == controller && $0.session != present }
        departures.removeAll { $0.session.controller == controller && $0.session != present }
        for waiter in gone { waiter.departed() }
    }

    private func arrivalTimedOut() {
        let now = timers.now
        let late = arrivals.filter { $0.timer.deadline <= now }
        arrivals.removeAll { $0.timer.deadline <= now }
        for waiter in late {
            timers.cancel(waiter.timer)
            waiter.arrived(nil)
        }
    }

    private final class PendingTransfer {
        var timer: KernelTimers.TimerID?
        var hasTimedOut = false
        var isDone = false
    }
}

extension BusSpeed {
    /// As `current_speed` prints it.
    package var attributeText: String {
        switch self {
        case .full: "full-speed"
        case .high: "high-speed"
        case .superSpeed: "super-speed"
        }
    }

    /// The fastest that both the controller and the gadget allow.
    init(controller: String, gadget: String) {
        let order = GadgetDirectory.speeds
        let slower = max(order.firstIndex(of: controller) ?? 2, order.firstIndex(of: gadget) ?? 2)
        switch order[slower] {
        case "super-speed-plus", "super-speed": self = .superSpeed
        case "high-speed": self = .high
        default: self = .full
        }
    }
}
