import NBDProtocol

/// From the connection to the host's port: nbd device, gadget, controller.
extension MediaPath {
    /// Another program may hold the device for a moment, as udev's probing does.
    private static let busyRetry = Duration.milliseconds(100)
    private static let busyRetries = 20
    /// Between two looks at a device whose size is still 0.
    private static let sizePoll = Duration.milliseconds(50)
    /// Blocks of the kernel's nbd device are powers of two in this range.
    private static let deviceBlockBytes: ClosedRange<UInt32> = 512...4096

    func attach() async throws(SlotFailure) {
        let (channels, medium) = held.withLock { ($0.channels, $0.medium) }
        guard !channels.isEmpty, let medium else { throw SlotFailure(.connectionLost, "no connection") }
        let attachment = NBDAttachment(
            device: slot.device, byteCount: medium.byteCount, blockBytes: try blockBytes(of: medium),
            transmissionFlags: medium.flags.union(isWriteProtected ? .isReadOnly : []).rawValue,
            requestTimeout: .seconds(slot.requestTimeoutSeconds),
            deadConnectionTimeout: .seconds(slot.failurePolicy.stallSeconds),
            readAheadBytes: slot.readAheadBytes, backendIdentifier: slot.backendIdentifier)
        for attempt in 1...Self.busyRetries {
            try checkInterruption()
            do throws(SlotFailure) {
                // What an earlier process attached stays until the last one who has it open lets go.
                try await checkDeviceIsFree()
                held.withLock { $0.mayBeAttached = true }
                return try await system { () throws(SystemError) in
                    try await platform.nbd.attach(attachment, connections: channels)
                }
            } catch {
                guard error.code == .busy, attempt < Self.busyRetries else { throw error }
            }
            try? await platform.clock.sleep(until: platform.clock.now + Self.busyRetry)
        }
    }

    /// Proves that data flows, before a host sees the device.
    func prove() async throws(SlotFailure) {
        guard let medium = self.medium else { throw SlotFailure(.connectionLost, "no medium") }
        let byteCount = try await deviceByteCount()
        let block = UInt64(Self.deviceBlockBytes.lowerBound)
        guard byteCount / block == medium.byteCount / block else {
            throw SlotFailure(
                .wrongLength, "\(slot.device) has \(byteCount) bytes, its source \(medium.byteCount)")
        }
        // Some kernels keep pages of the image before.
        try await dropCache()
        let last = (byteCount / block - 1) * block
        for offset in last == 0 ? [0] : [0, last] {
            try checkInterruption()
            let bytes: [UInt8]
            do throws(SlotFailure) {
                bytes = try await system { () throws(SystemError) in
                    try await platform.nbd.read(Int(block), at: offset, from: slot.device)
                }
            } catch { throw sourceTrouble.explain(error) }
            guard bytes.count == Int(block) else {
                throw SlotFailure(.truncated, "got \(bytes.count) of \(block) bytes at \(offset)")
            }
        }
    }

    /// The size may be there only some time after the device was attached; the mount's own deadline
    /// ends the waiting.
    private func deviceByteCount() async throws(SlotFailure) -> UInt64 {
        let clock = platform.clock
        while true {
            try checkInterruption()
            let status = try await system { () throws(SystemError) in
                try await platform.nbd.status(of: slot.device)
            }
            guard status.isAttached else {
                throw SlotFailure(.connectionLost, "\(slot.device) is not attached")
            }
            if status.byteCount > 0 { return status.byteCount }
            do { try await clock.sleep(until: clock.now + Self.sizePoll) } catch {
                throw SlotFailure(.cancelled, "cancelled")
            }
        }
    }

    func buildGadget() async throws(SlotFailure) {
        let kind = request.kind
        for change in gadget.changes(kind: kind, isReadOnly: isWriteProtected) {
            try checkInterruption()
            // Noted before it is made: what is cut short may have been made all the same.
            held.withLock { $0.journal.append(change) }
            try await system { () throws(SystemError) in
                switch change {
                case .directory(let path): try await platform.gadgets.makeDirectory(path)
                case .link(let path, let target):
                    try await platform.gadgets.makeLink(at: path, to: target)
                case .attribute(let path, let value): try await platform.gadgets.write(value, to: path)
                }
            }
            if case .attribute(let path, let value) = change { try await confirm(value, at: path) }
        }
    }

    /// A host must see what was configured, so a write is believed once it can be read.
    private func confirm(_ value: String, at path: String) async throws(SlotFailure) {
        let found = try await system { () throws(SystemError) in try await attribute(path) }
        guard found == value else {
            throw SlotFailure(.inputOutput, "\(path) is \"\(found)\" after \"\(value)\" was written")
        }
    }

    /// What an attribute says, whatever newlines end it.
    func attribute(_ path: String) async throws(SystemError) -> String {
        var text = try await platform.gadgets.read(path)
        while text.hasSuffix("\n") { text.removeLast() }
        return text
    }

    /// Binds the gadget to the first free controller that has endpoints left and takes it.
    func bind() async throws(SlotFailure) {
        var refusals: [String] = []
        let all = try await system { () throws(SystemError) in
            try await platform.controllers.controllers()
        }
        let budget = await EndpointBudget(all, in: platform.gadgets)
        for controller in candidates(of: all) {
            try checkInterruption()
            if controller.function.isEmpty, let free = budget.freeCount(on: controller),
                free < EndpointBudget.neededCount
            {
                refusals.append(
                    "\(controller.name) has \(free) endpoints left of \(controller.endpoints?.endpointCount ?? 0), "
                        + "and \(EndpointBudget.neededCount) are needed")
                continue
            }
            guard controller.function.isEmpty, controllers.reserve(controller.name, for: slot.name) else {
                refusals.append("\(controller.name) is in use")
                continue
            }
            do throws(SystemError) {
                try await platform.gadgets.write(controller.name, to: gadget.controllerPath)
                let bound = try await attribute(gadget.controllerPath)
                if bound == controller.name { return }
                refusals.append("\(controller.name) did not stay bound")
            } catch {
                guard error.errno == Errno.busy || error.errno == Errno.noDevice else {
                    controllers.release(allOf: slot.name)
                    throw SlotFailure(error)
                }
                refusals.append("\(controller.name) is busy")
            }
            controllers.release(allOf: slot.name)
        }
        let found = refusals.isEmpty ? "there is none" : refusals.joined(separator: ", ")
        throw SlotFailure(.noController, "no free USB device controller: \(found)")
    }

    func observe() async throws(SlotFailure) -> Observation {
        let statistics = try? await platform.gadgets.read("\(gadget.lun)/stats")
        return try await system { () throws(SystemError) in
            let file = try await attribute(gadget.backingFilePath)
            let bound = try await attribute(gadget.controllerPath)
            let controllers = try await platform.controllers.controllers()
            let device = try await platform.nbd.status(of: slot.device)
            let expected = held.withLock {
                $0.liveCount = device.liveConnections
                return $0.expectedCount
            }
            return Observation(
                backingFile: file, controller: bound,
                controllerState: controllers.first { $0.name == bound }?.state ?? "",
                isAttached: device.isAttached, liveConnections: device.liveConnections,
                lostConnections: max(0, expected - device.liveConnections),
                readBytes: device.readBytes, writtenBytes: device.writtenBytes, lunStatistics: statistics)
        }
    }

    func dropCache() async throws(SlotFailure) {
        try await system { () throws(SystemError) in try await platform.nbd.dropCache(of: slot.device) }
    }

    // MARK: Parts

    private func candidates(of all: [DeviceController]) -> [DeviceController] {
        guard !slot.controllers.isEmpty else { return all }
        return slot.controllers.compactMap { name in all.first { $0.name == name } }
    }

    private func checkDeviceIsFree() async throws(SlotFailure) {
        let status = try await system { () throws(SystemError) in
            try await platform.nbd.status(of: slot.device)
        }
        guard !status.isAttached else {
            let user = status.backendIdentifier.map { " by \($0)" } ?? ""
            throw SlotFailure(.busy, "\(slot.device) is in use\(user)")
        }
    }

    /// The configured size where it divides the medium, else the smallest that both sides allow.
    private func blockBytes(of medium: ExportInfo) throws(SlotFailure) -> UInt32 {
        let smallest = max(medium.minimumBlockBytes, Self.deviceBlockBytes.lowerBound)
        let configured = UInt32(slot.blockBytes)
        if configured >= smallest, medium.byteCount.isMultiple(of: UInt64(configured)) { return configured }
        guard Self.deviceBlockBytes.contains(smallest) else {
            throw SlotFailure(.invalid, "the export wants blocks of \(smallest) bytes, nbd has at most 4096")
        }
        return smallest
    }
}
