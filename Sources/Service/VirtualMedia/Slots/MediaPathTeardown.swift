/// Taking down, each step harmless when there is nothing to do.
extension MediaPath {
    /// Between two looks at a device that is on its way down.
    private static let detachPoll = Duration.milliseconds(50)

    private var hasLUN: Bool {
        held.withLock {
            $0.journal.contains { $0 == .attribute(gadget.backingFilePath, "/dev/\(slot.device)") }
        }
    }

    /// The kernel lets go of a device that has unwritten data: a host's own eject waits for none, and
    /// clearing the LUN's file tells nobody what became of them.
    func flush() async throws(SlotFailure) {
        guard held.withLock({ $0.mayBeAttached }), !isWriteProtected else { return }
        do throws(SystemError) {
            let status = try await platform.nbd.status(of: slot.device)
            guard status.isAttached, status.backendIdentifier == slot.backendIdentifier else { return }
            if status.liveConnections > 0 { return try await platform.nbd.flush(slot.device) }
        } catch { throw SlotFailure(error) }
        throw SlotFailure(.connectionLost, "the source is not connected")
    }

    func askEject() async throws(SlotFailure) {
        guard hasLUN else { return }
        do throws(SystemError) {
            try await platform.gadgets.write("", to: gadget.backingFilePath)
        } catch {
            if error.errno == Errno.noEntry { return }
            if error.errno == Errno.busy {
                throw SlotFailure(.busy, "the host has locked the medium")
            }
            throw SlotFailure(error)
        }
    }

    func forceEject() async throws(SlotFailure) {
        guard hasLUN else { return }
        try await system { () throws(SystemError) in
            try await platform.gadgets.write("1", to: "\(gadget.lun)/forced_eject")
        }
    }

    func unbind() async throws(SlotFailure) {
        defer { controllers.release(allOf: slot.name) }
        guard held.withLock({ !$0.journal.isEmpty }) else { return }
        do throws(SystemError) {
            guard try await !attribute(gadget.controllerPath).isEmpty else { return }
            try SystemError.checkGivenUp(before: "unbind of \(gadget.name)")
            try await platform.gadgets.write("", to: gadget.controllerPath)
        } catch {
            // No gadget, or unbound by somebody else in between.
            if error.errno == Errno.noEntry || error.errno == Errno.noDevice { return }
            throw SlotFailure(error)
        }
    }

    func removeGadget() async throws(SlotFailure) {
        let journal = held.withLock { $0.journal }
        guard !journal.isEmpty else { return }
        _ = await gadget.undo(journal, in: platform.gadgets)
        // Not what the journal says but what is there decides whether all is gone.
        let errors = await gadget.removeWhatIsThere(from: platform.gadgets)
        guard errors.isEmpty else {
            throw SlotFailure(.inputOutput, errors.map(\.description).joined(separator: ", "))
        }
        held.withLock { $0.journal = [] }
    }

    func detach() async throws(SlotFailure) {
        guard held.withLock({ $0.mayBeAttached }) else { return }
        try await detachDevice()
        held.withLock { $0.mayBeAttached = false }
    }

    func release() async {
        let (channels, connecting) = held.withLock { held in
            held.isReleased = true
            held.isInterrupted = true
            // The last reference wipes the secret.
            held.request.credentials = nil
            defer { held.channels = [] }
            return (held.channels, held.connecting)
        }
        connecting?.close()
        for channel in channels { channel.close() }
        await closeImage()
    }

    /// Makes every request that waits for the source fail, so that whoever waits for it goes on.
    func sever() async throws(SlotFailure) {
        interrupt()
        for channel in held.withLock({ $0.channels }) { channel.close() }
        guard held.withLock({ $0.mayBeAttached }) else { return }
        try await detachDevice(mayWait: false)
    }

    private func detachDevice(mayWait: Bool = true) async throws(SlotFailure) {
        let clock = platform.clock
        var isAsked = false
        while true {
            let status = try await system { () throws(SystemError) in
                try await platform.nbd.status(of: slot.device)
            }
            let detachOurs =
                status.backendIdentifier == nil || status.backendIdentifier == slot.backendIdentifier
            guard status.isAttached, detachOurs else { return }
            if !isAsked {
                isAsked = true
                try await system { () throws(SystemError) in
                    try SystemError.checkGivenUp(before: "detach of \(slot.device)")
                    try await platform.nbd.detach(slot.device)
                }
                continue
            }
            guard mayWait else { return }
            do { try await clock.sleep(until: clock.now + Self.detachPoll) } catch {
                throw SlotFailure(.timedOut, "\(slot.device) is still attached")
            }
        }
    }
}

/// What an earlier process, or a step that was given up, left of a slot.
struct Leftovers: Sendable {
    let slot: SlotConfiguration
    let platform: MediaPlatform

    /// Removes the gadget first: nothing holds the device any more then, and what the host wrote last has
    /// gone to the server. But a kernel unbinds a gadget only once its reads have ended, and those of a dead
    /// server wait for another; the server of a Legacy slot dies with its process, so there the device goes
    /// first, and ends them.
    func remove() async throws(SlotFailure) {
        var errors: [SystemError] = []
        var isLeft = false
        do throws(SystemError) {
            isLeft = try await detachOurs { slot.mode == .legacy && $0.liveConnections == 0 }
        } catch { errors.append(error) }
        errors += await Gadget(slot: slot).removeWhatIsThere(from: platform.gadgets)
        if isLeft {
            do throws(SystemError) { _ = try await detachOurs { _ in true } } catch { errors.append(error) }
        }
        guard errors.isEmpty else {
            throw SlotFailure(.inputOutput, errors.map(\.description).joined(separator: ", "))
        }
    }

    /// Detaches the slot's device, if it is attached by us and `mayGo` says so.
    ///
    /// - Returns: whether it is still attached by us.
    private func detachOurs(_ mayGo: (NBDDeviceStatus) -> Bool) async throws(SystemError) -> Bool {
        let status = try await platform.nbd.status(of: slot.device)
        guard status.isAttached, status.backendIdentifier == slot.backendIdentifier else { return false }
        guard mayGo(status) else { return true }
        try SystemError.checkGivenUp(before: "detach of \(slot.device)")
        try await platform.nbd.detach(slot.device)
        return false
    }
}
