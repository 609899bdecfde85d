package import FaultPoints
package import VirtualMedia

/// The kernel of a BMC, in memory: configfs with its gadgets, USB device controllers, the nbd
/// driver with its page cache, uevents, and the host's end of each USB cable.
///
/// One isolation domain on one injected executor; all rules are in the synchronous parts behind it.
/// Each nbd connection has two tasks of its own, which never wait for the kernel nor it for them.
package actor SimulatedKernel {
    /// Replaced as a whole when the machine boots anew.
    var state: KernelState
    var isPowered = true
    let clock: any MediaClock
    let spawner: any Spawner
    private let executor: any SerialExecutor
    private var armedDeadline: Duration?
    private var alarm: (any SpawnedTask)?
    /// By device: the connections of its present attachment, live or dead, and their mailbox.
    var attachments: [Int: AttachedConnections] = [:]
    var driverListeners: [AsyncStream<NBDDriverEvent>.Continuation] = []

    /// - Parameter faults: asked about every operation; see ``carriedOut``.
    package init(
        executor: any SerialExecutor, clock: any MediaClock, spawner: any Spawner,
        profile: KernelProfile = .linux6_12, controllers: [ControllerChip] = [.aspeedVirtualHub()],
        faults: any FaultInjector = NoFaults()
    ) {
        self.executor = executor
        self.clock = clock
        self.spawner = spawner
        state = KernelState(
            timers: KernelTimers(clock: clock), profile: profile, chips: controllers, faults: faults)
        state.faults.watch = { [weak self, spawner] hold, number in
            spawner.spawn("kernel hold", .shared) { [weak self] in
                await hold.released()
                await self?.resume(number)
            }
        }
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Runs one step of the kernel and sees to it that its next deadline is kept.
    func step<Result, Failure: Error>(_ body: (KernelState) throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        defer { arm() }
        return try body(state)
    }

    /// One sleeper for all deadlines, set to the first of them or earlier.
    private func arm() {
        guard let deadline = state.timers.earliest, armedDeadline.map({ deadline < $0 }) ?? true else {
            return
        }
        alarm?.cancel()
        armedDeadline = deadline
        let clock = clock
        alarm = spawner.spawn("kernel alarm", .shared) { [weak self] in
            do { try await clock.sleep(until: deadline) } catch { return }
            await self?.alarmRang(at: deadline)
        }
    }

    /// Wakes the sleeper when there is nothing left to wake for. Not done after every step: a busy
    /// host sets and cancels a deadline with each transfer.
    func disarmWhenIdle() {
        guard state.timers.earliest == nil else { return }
        alarm?.cancel()
        alarm = nil
        armedDeadline = nil
    }

    private func alarmRang(at deadline: Duration) {
        guard armedDeadline == deadline else { return }
        armedDeadline = nil
        alarm = nil
        step { $0.timers.fireDue() }
    }

    /// What waited for a hold goes on, as a step of the kernel.
    private func resume(_ number: UInt64) { step { $0.faults.resume(number) } }

    // MARK: Set-up

    /// Puts a regular file where a LUN can open it.
    ///
    /// - Parameter byteCount: of a file that ends in a hole: zeroes, which cannot be written.
    package func addFile(
        _ path: String, _ bytes: [UInt8], byteCount: UInt64? = nil, isReadOnly: Bool = false
    ) {
        state.files[path] = MemoryFile(bytes, byteCount: byteCount, isReadOnly: isReadOnly)
    }

    /// What a regular file holds now; `nil` when there is none.
    package func contents(ofFile path: String) -> [UInt8]? { state.files[path]?.bytes }

    package func addBadRange(_ range: Range<UInt64>, toFile path: String) {
        state.files[path]?.badRanges.append(range)
    }

    /// Gives a controller to somebody else: a keyboard for the KVM, virtual Ethernet.
    ///
    /// - Throws: EBUSY when it has a gadget or its chip too few endpoints, or there is none.
    package func occupyController(_ name: String, by function: String, endpoints: Int = 1)
        throws(SystemError)
    {
        do throws(Errno) {
            try step { state throws(Errno) in
                try state.controllers.take(name, for: function, endpoints: endpoints)
            }
        } catch { throw error.during("occupy \(name)") }
    }

    package func vacateController(_ name: String) {
        step { $0.controllers.release(name) }
    }

    /// Detaches every device and ends every stream and task. The kernel is not used afterwards.
    package func shutDown() async {
        for gadget in state.tree.gadgets { step { _ in gadget.unbind() } }
        for number in attachments.keys.sorted() { try? await detach("nbd\(number)") }
        step { $0.bus.close() }
        alarm?.cancel()
        alarm = nil
        armedDeadline = nil
        state.uevents.finish()
        for listener in driverListeners { listener.finish() }
        driverListeners = []
    }
}
