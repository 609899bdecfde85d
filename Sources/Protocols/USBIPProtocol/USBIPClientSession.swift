package import USBMassStorage
package import WireFormat

/// The importing end of one connection: a host's transfers in, bytes to the exporter out, and back.
///
///     idle ──list──▶ listing ──▶ idle          attached ──any broken rule──▶ over
///       └───import──▶ importing ──granted──▶ attached
///                          └──refused──▶ over
package struct USBIPClientSession: Sendable {
    package enum Event: Equatable, Sendable {
        case listed([ExportedDevice])
        case imported(ExportedDevice)
        case importRefused(OperationStatus)
        case completed(TransferID, Completion)
    }

    package enum Completion: Equatable, Sendable {
        case outcome(TransferOutcome)
        /// The device sent more than there was room for.
        case babble
        /// The device is gone, or its endpoint is.
        case disconnected
        /// Another errno of the exporter.
        case failed(TransferStatus)
    }

    private struct Pending {
        let isIn: Bool
        let room: Int
        var unlink: UInt32?
    }

    private enum State {
        case idle
        case listing
        case importing
        case attached(ExportedDevice)
        case over
    }
    private var state = State.idle
    private var buffer: Bytes = []
    private var pending: [UInt32: (transfer: TransferID, record: Pending)] = [:]
    private var sequences: [TransferID: UInt32] = [:]
    /// Unlinks whose answer is still to come, with what they ended.
    private var unlinks: [UInt32: UInt32] = [:]
    private var lastSequence: UInt32 = 0

    package init() {}

    /// A connection that carries transfers from its first byte on, as `usbip-vudc` takes it.
    package init(attachedTo device: ExportedDevice) { state = .attached(device) }

    package var device: ExportedDevice? {
        if case .attached(let device) = state { device } else { nil }
    }

    /// - Precondition: nothing was asked before, or its answer has come.
    package mutating func requestList() -> [UInt8] {
        guard case .idle = state else { preconditionFailure("an operation is in progress") }
        state = .listing
        return OperationHeader(.listRequest).encoded
    }

    /// - Precondition: as for ``requestList()``; `busID` has at most 31 bytes.
    package mutating func requestImport(busID: String) -> [UInt8] {
        guard case .idle = state else { preconditionFailure("an operation is in progress") }
        precondition(busID.utf8.count < ExportedDevice.busIDByteCount)
        state = .importing
        return OperationHeader(.importRequest).encoded
            + ExportedDevice.field(busID, byteCount: ExportedDevice.busIDByteCount)
    }

    /// - Parameter transfer: not in flight already.
    /// - Returns: what to send; `nil` when no device is imported or too much is in flight.
    package mutating func submit(_ transfer: USBTransfer, as number: TransferID) -> [Bytes]? {
        guard let device, pending.count < USBIPLimits.pendingTransfers else { return nil }
        precondition(sequences[number] == nil, "transfer \(number.rawValue) is in flight")
        let sequence = nextSequence()
        var header = TransferHeader(
            sequence: sequence, deviceID: device.deviceID,
            body: .submit(flags: 0, length: 0, packets: 0, setup: [UInt8](repeating: 0, count: 8)))
        var data: Bytes = []
        var room = 0
        var setupBytes = [UInt8](repeating: 0, count: SetupPacket.byteCount)
        switch transfer {
        case .control(let setup, let bytes):
            header.isIn = setup.isDeviceToHost
            setupBytes = setup.encoded
            room = header.isIn ? Int(setup.length) : bytes.count
            data = header.isIn ? [] : bytes[...]
        case .bulkOut(let endpoint, let bytes):
            header.endpoint = UInt32(endpoint)
            room = bytes.count
            data = bytes
        case .bulkIn(let endpoint, let byteCount):
            header.endpoint = UInt32(endpoint)
            header.isIn = true
            room = byteCount
        }
        precondition((0...USBIPLimits.transferByteCount).contains(room), "transfer of \(room) bytes")
        header.body = .submit(flags: 0, length: Int32(room), packets: 0, setup: setupBytes)
        pending[sequence] = (number, Pending(isIn: header.isIn, room: room))
        sequences[number] = sequence
        return [header.encoded[...]] + (data.isEmpty ? [] : [data])
    }

    /// - Returns: what to send; nothing when the transfer has ended, or is being cancelled already.
    package mutating func cancel(_ transfer: TransferID) -> [Bytes] {
        guard let device, let sequence = sequences[transfer], pending[sequence]?.record.unlink == nil else {
            return []
        }
        let command = nextSequence()
        pending[sequence]!.record.unlink = command
        unlinks[command] = sequence
        let header = TransferHeader(
            sequence: command, deviceID: device.deviceID, body: .unlink(sequence: sequence))
        return [header.encoded[...]]
    }

    private mutating func nextSequence() -> UInt32 {
        repeat { lastSequence &+= 1 } while lastSequence == 0 || pending[lastSequence] != nil
        return lastSequence
    }

    package mutating func receive(_ bytes: Bytes) { buffer += bytes }

    /// - Returns: one event at a time; `nil` until more bytes arrive.
    /// - Throws: once, and the session is over.
    package mutating func nextEvent() throws(USBIPViolation) -> Event? {
        do throws(USBIPViolation) {
            switch state {
            case .idle:
                guard buffer.isEmpty else { throw .broken(rule: "bytes that nobody asked for") }
                return nil
            case .listing: return try nextList()
            case .importing: return try nextImport()
            case .attached: return try nextReply()
            case .over: return nil
            }
        } catch {
            state = .over
            buffer = []
            throw error
        }
    }

    /// The connection is gone.
    ///
    /// - Returns: what is still in flight, oldest first.
    package mutating func end() -> [TransferID] {
        state = .over
        let left = sequences.keys.sorted { $0.rawValue < $1.rawValue }
        (pending, sequences, unlinks, buffer) = ([:], [:], [:], [])
        return left
    }

    // MARK: Operations

    private mutating func nextList() throws(USBIPViolation) -> Event? {
        var rest = buffer
        guard let header = try OperationHeader.decode(from: &rest) else { return nil }
        guard header.code == .listReply, header.status == .ok else {
            throw .broken(rule: "a list request answered with \(header)")
        }
        guard rest.count >= 4 else { return nil }
        let count: UInt32 = rest.takeBigEndian()
        guard count <= USBIPLimits.listedDevices else { throw .broken(rule: "a list of \(count) devices") }
        var devices: [ExportedDevice] = []
        for _ in 0..<count {
            guard var device = try ExportedDevice.decode(from: &rest) else { return nil }
            for _ in 0..<device.interfaceCount {
                guard let field = rest.take(ExportedDevice.Interface.byteCount).map(Array.init) else {
                    return nil
                }
                device.interfaces.append(
                    ExportedDevice.Interface(
                        classCode: field[0], subclass: field[1], protocolCode: field[2]))
            }
            devices.append(device)
        }
        buffer = rest
        state = .idle
        return .listed(devices)
    }

    private mutating func nextImport() throws(USBIPViolation) -> Event? {
        var rest = buffer
        guard let header = try OperationHeader.decode(from: &rest) else { return nil }
        guard header.code == .importReply else {
            throw .broken(rule: "an import request answered with \(header)")
        }
        guard header.status == .ok else {
            state = .over
            return .importRefused(header.status)
        }
        guard let device = try ExportedDevice.decode(from: &rest) else { return nil }
        buffer = rest
        state = .attached(device)
        return .imported(device)
    }

    // MARK: Transfers

    private mutating func nextReply() throws(USBIPViolation) -> Event? {
        while true {
            var rest = buffer
            guard let header = try TransferHeader.decode(from: &rest) else { return nil }
            switch header.body {
            case .unlinked(let status):
                buffer = rest
                if let event = try unlinked(header.sequence, status) { return event }
            case .submitted(let status, let length):
                guard let (transfer, record) = pending[header.sequence] else {
                    throw .broken(rule: "a reply to sequence number \(header.sequence), not in flight")
                }
                guard length >= 0, Int(length) <= record.room else {
                    throw .broken(rule: "\(length) bytes moved where \(record.room) were offered")
                }
                guard let data = rest.take(record.isIn ? Int(length) : 0) else { return nil }
                buffer = rest
                forget(transfer, header.sequence)
                return .completed(transfer, Self.completion(record, status, Int(length), data))
            case .submit, .unlink: throw .broken(rule: "a command from the device's end")
            }
        }
    }

    private mutating func unlinked(_ command: UInt32, _ status: TransferStatus) throws(USBIPViolation)
        -> Event?
    {
        guard let sequence = unlinks.removeValue(forKey: command) else {
            throw .broken(rule: "an answer to unlink \(command), which nobody sent")
        }
        // The transfer has ended by itself where its own reply came first.
        guard let (transfer, _) = pending[sequence] else { return nil }
        forget(transfer, sequence)
        return .completed(transfer, .outcome(.cancelled))
    }

    private mutating func forget(_ transfer: TransferID, _ sequence: UInt32) {
        pending[sequence] = nil
        sequences[transfer] = nil
    }

    private static func completion(
        _ record: Pending, _ status: TransferStatus, _ byteCount: Int, _ data: Bytes
    ) -> Completion {
        switch status {
        case .success: .outcome(record.isIn ? .data([data]) : .accepted(byteCount: byteCount))
        case .stalled: .outcome(.stalled)
        case .cancelled, .unlinked: .outcome(.cancelled)
        case .babble: .babble
        case .shutDown, .noDevice: .disconnected
        default: .failed(status)
        }
    }
}
