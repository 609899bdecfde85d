import Glibc
import NBDProtocol
package import VirtualMedia
import WireFormat

/// The connections of one attachment.
struct AttachedConnections {
    let mailbox: LinkMailbox
    var transports: [NBDTransport] = []
    var consumer: (any SpawnedTask)?
}

extension SimulatedKernel: NBDDriver {
    /// How long a server may take to let the goodbye through before the socket is shut.
    private static let disconnectGrace = Duration.seconds(1)

    package func attach(_ attachment: NBDAttachment, connections: [any ByteChannel])
        async throws(SystemError)
    {
        let slot = SlotNames.slot(ofBackend: attachment.backendIdentifier)
        let met = try await meet("attach", attachment.device, slot: slot)
        let device = try device(attachment.device, "attach")
        do throws(Errno) {
            try step { _ throws(Errno) in
                try device.attach(attachment, linkCount: connections.count, met)
            }
        } catch { throw error.during("attach \(attachment.device)") }
        let name = device.name
        device.linkDied = { [unowned self] in announceDeadLink(name) }
        let mailbox = LinkMailbox()
        attachments[device.number] = AttachedConnections(mailbox: mailbox)
        for connection in connections { device.queue?.add(link(for: connection, of: device)) }
        let number = device.number
        attachments[number]?.consumer = spawner.spawn("\(name) replies", .shared) { [self] in
            await serve(mailbox, of: number)
        }
        try answer(met, "attach \(device.name)")
    }

    package func reconfigure(_ device: String, connections: [any ByteChannel]) async throws(SystemError) {
        let met = try await meet("reconfigure", device)
        let device = try self.device(device, "reconfigure")
        guard device.attachment != nil, !device.isDisconnected, let queue = device.queue else {
            throw SystemError(EINVAL, "reconfigure \(device.name)")
        }
        for connection in connections {
            guard queue.hasDeadLink else {
                // The driver takes only as many as it has lost.
                connection.close()
                continue
            }
            let link = link(for: connection, of: device)
            _ = step { _ in queue.replaceDeadLink(with: link) }
        }
        try answer(met, "reconfigure \(device.name)")
    }

    package func detach(_ device: String) async throws(SystemError) {
        let asked = (try? self.device(device, "detach")).flatMap { attachments[$0.number] }
        let met = try await meet("detach", device)
        let device = try self.device(device, "detach")
        // The driver's lock lets nobody attach while a detach is under way: a late one is of what was there.
        if let asked, attachments[device.number]?.mailbox !== asked.mailbox {
            return try answer(met, "detach \(device.name)")
        }
        step { _ in
            device.holdOpen(met)
            device.disconnect()
        }
        guard let attached = attachments.removeValue(forKey: device.number) else {
            return try answer(met, "detach \(device.name)")
        }
        let grace = step { state in
            state.timers.schedule(at: state.timers.now + Self.disconnectGrace, named: "nbd disconnect") {
                for transport in attached.transports { transport.shutDown() }
            }
        }
        for transport in attached.transports { await transport.finished() }
        step { $0.timers.cancel(grace) }
        attached.mailbox.close()
        await attached.consumer?.finished()
        disarmWhenIdle()
        try answer(met, "detach \(device.name)")
    }

    package func status(of device: String) async throws(SystemError) -> NBDDeviceStatus {
        let met = try await meet("status", device)
        let device = try self.device(device, "status")
        step { _ in device.holdOpen(met) }
        var status = device.status
        if let size = met.lie("size") { status.byteCount = UInt64(max(0, size)) }
        try answer(met, "status \(device.name)")
        return status
    }

    package func read(_ byteCount: Int, at offset: UInt64, from device: String)
        async throws(SystemError) -> [UInt8]
    {
        let operation = "read \(device)"
        try checkPower(operation)
        let device = try self.device(device, "read")
        guard device.attachment != nil else { throw SystemError(ENODEV, operation) }
        guard byteCount >= 0, offset <= device.byteCount, UInt64(byteCount) <= device.byteCount - offset
        else {
            throw SystemError(EINVAL, operation)
        }
        guard let file = try? device.open(path: "/dev/\(device.name)", forWriting: false) else {
            throw SystemError(EACCES, operation)
        }
        defer { step { _ in file.close() } }
        let result = await withCheckedContinuation { continuation in
            step { _ in
                device.cache?.read(offset..<offset + UInt64(byteCount), readAhead: nil) {
                    continuation.resume(returning: $0)
                }
            }
        }
        guard case .success(let pieces) = result else { throw SystemError(EIO, operation) }
        return pieces.flatMap { $0 }
    }

    package func flush(_ device: String) async throws(SystemError) {
        let operation = "flush \(device)"
        try checkPower(operation)
        let device = try self.device(device, "flush")
        guard device.attachment != nil else { throw SystemError(ENODEV, operation) }
        guard let file = try? device.open(path: "/dev/\(device.name)", forWriting: false) else {
            throw SystemError(EACCES, operation)
        }
        defer { step { _ in file.close() } }
        let result = await withCheckedContinuation { continuation in
            step { _ in file.flush { continuation.resume(returning: $0) } }
        }
        if case .failure = result { throw SystemError(EIO, operation) }
    }

    package func dropCache(of device: String) async throws(SystemError) {
        try checkPower("drop cache of \(device)")
        try self.device(device, "drop cache").cache?.dropClean()
    }

    package func events() async -> AsyncStream<NBDDriverEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: NBDDriverEvent.self, bufferingPolicy: .bufferingOldest(UeventStream.maximumUnread))
        driverListeners.append(continuation)
        return stream
    }

    /// Tells the server that a range is no longer needed (BLKDISCARD).
    ///
    /// - Throws: EINVAL when it did not offer trim, or past the end; EIO.
    package func discard(_ range: Range<UInt64>, on device: String) async throws(SystemError) {
        let device = try self.device(device, "discard")
        let result = await withCheckedContinuation { continuation in
            step { _ in device.discard(range) { continuation.resume(returning: $0) } }
        }
        if case .failure(let error) = result { throw error.during("discard on \(device.name)") }
    }

    // MARK: Faults

    /// What meets a call to the driver, the waiting over.
    ///
    /// - Throws: what it shall fail with.
    private func meet(_ operation: String, _ device: String, slot: String? = nil)
        async throws(SystemError) -> MetFaults
    {
        let owner = slot ?? (try? state.device(device))?.slot
        let met = state.faults.meet(.nbdDevice, operation, on: device, slot: owner)
        if met.waits { await wait(for: met) }
        try checkPower("\(operation) \(device)")
        if let errno = met.failure { throw SystemError(errno, "\(operation) \(device)") }
        return met
    }

    private func answer(_ met: MetFaults, _ operation: String) throws(SystemError) {
        if let errno = met.laterFailure { throw SystemError(errno, operation) }
    }

    // MARK: Connections

    private func device(_ name: String, _ operation: String) throws(SystemError) -> NBDDevice {
        do throws(Errno) { return try state.device(name) } catch {
            throw error.during("\(operation) \(name)")
        }
    }

    private func link(for channel: any ByteChannel, of device: NBDDevice) -> NBDLink {
        guard let attached = attachments[device.number] else {
            preconditionFailure("\(device.name) has no mailbox")
        }
        let number = device.makeLinkNumber()
        let depth = state.profile.nbdQueueDepth
        let transport = NBDTransport(
            linkNumber: number, channel: channel, queueDepth: depth, mailbox: attached.mailbox)
        attachments[device.number]?.transports.append(transport)
        transport.start(name: "\(device.name) link \(number)", spawner: spawner)
        return NBDLink(number: number, wire: transport, queueDepth: depth)
    }

    /// Hands replies to the driver as they come, many per wake-up.
    private func serve(_ mailbox: LinkMailbox, of number: Int) async {
        let device = state.devices[number]
        for await _ in mailbox.signals {
            for event in mailbox.takeAll() { step { _ in device.received(event) } }
        }
    }

    private func announceDeadLink(_ device: String) {
        driverListeners.removeAll { listener in
            if case .terminated = listener.yield(.linkDead(device: device)) { true } else { false }
        }
    }
}
