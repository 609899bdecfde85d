package import USBMassStorage
package import WireFormat

/// The exporting end of one connection: bytes of the host in, work for the device out, and back.
///
///     operating ──import──▶ importing ──granted──▶ attached
///         ▲                     └──refused──┐
///         └─────────────────────────────────┘      any broken rule, or the end ──▶ over
///
/// Transfers complete in any order; an unlink is never kept waiting by one of them. Bytes to send come
/// in pieces that share storage with the medium's cache.
package struct USBIPServerSession: Sendable {
    package enum Event: Equatable, Sendable {
        /// Answer with ``listReply(_:)``.
        case listRequested
        /// Answer with ``importReply(_:)``.
        case importRequested(busID: String)
        /// Report its end with ``completed(_:_:)``.
        case submitted(TransferID, USBTransfer)
        /// The host gave it up: the device is asked to cancel it, and reports as ever.
        case cancelled(TransferID)
        case send([Bytes])
    }

    private struct Pending {
        let sequence: UInt32
        let isIn: Bool
        let room: Int
        /// The unlink that asks for its end.
        var unlink: UInt32?
    }

    private enum State {
        case operating
        /// Bytes wait until the import is answered: its answer decides how they are read.
        case importing
        case attached(deviceID: UInt32)
        case over
    }
    private var state = State.operating
    private var buffer: Bytes = []
    private var pending: [TransferID: Pending] = [:]
    private var numbers: [UInt32: TransferID] = [:]
    private var lastTransfer: UInt64 = 0

    package init() {}

    package var isAttached: Bool {
        if case .attached = state { true } else { false }
    }

    package mutating func receive(_ bytes: Bytes) { buffer += bytes }

    /// - Returns: what the bytes so far ask for, one event at a time; `nil` until more arrive.
    /// - Throws: once, and the session is over.
    package mutating func nextEvent() throws(USBIPViolation) -> Event? {
        do throws(USBIPViolation) {
            switch state {
            case .operating: return try nextOperation()
            case .attached(let deviceID): return try nextTransfer(of: deviceID)
            case .importing, .over: return nil
            }
        } catch {
            state = .over
            buffer = []
            throw error
        }
    }

    // MARK: Operations

    private mutating func nextOperation() throws(USBIPViolation) -> Event? {
        var rest = buffer
        guard let header = try OperationHeader.decode(from: &rest) else { return nil }
        switch header.code {
        case .listRequest:
            buffer = rest
            return .listRequested
        case .importRequest:
            guard var field = rest.take(ExportedDevice.busIDByteCount) else { return nil }
            let busID = try ExportedDevice.text(&field, byteCount: ExportedDevice.busIDByteCount, "bus id")
            buffer = rest
            state = .importing
            return .importRequested(busID: busID)
        default: throw .broken(rule: "operation 0x\(String(header.code.rawValue, radix: 16))")
        }
    }

    package func listReply(_ devices: [ExportedDevice]) -> [UInt8] {
        precondition(devices.count <= USBIPLimits.listedDevices)
        var bytes = OperationHeader(.listReply).encoded
        bytes.appendBigEndian(UInt32(devices.count))
        for device in devices { bytes += device.encodedWithInterfaces }
        return bytes
    }

    /// Grants the import; from here on the connection carries transfers of the device. Bytes that came
    /// meanwhile are read from now on: ask for ``nextEvent()``.
    package mutating func importReply(_ device: ExportedDevice) -> [UInt8] {
        guard case .importing = state else { return [] }
        state = .attached(deviceID: device.deviceID)
        return OperationHeader(.importReply).encoded + device.encoded
    }

    /// Refuses it; the host may ask for another.
    package mutating func importReply(refusing status: OperationStatus) -> [UInt8] {
        guard case .importing = state else { return [] }
        state = .operating
        return OperationHeader(.importReply, status: status).encoded
    }

    // MARK: Transfers

    private mutating func nextTransfer(of deviceID: UInt32) throws(USBIPViolation) -> Event? {
        var rest = buffer
        guard let header = try TransferHeader.decode(from: &rest) else { return nil }
        switch header.body {
        case .unlink(let sequence):
            buffer = rest
            return unlink(sequence, by: header.sequence)
        case .submit(_, let length, let packets, let setup):
            guard header.deviceID == deviceID else {
                throw .broken(rule: "submit to device \(header.deviceID), imported is \(deviceID)")
            }
            guard let transfer = try transfer(header, length, packets, setup, &rest) else { return nil }
            guard numbers[header.sequence] == nil else {
                throw .broken(rule: "sequence number \(header.sequence) is in flight already")
            }
            guard pending.count < USBIPLimits.pendingTransfers else {
                throw .broken(rule: "more than \(USBIPLimits.pendingTransfers) transfers in flight")
            }
            buffer = rest
            lastTransfer += 1
            let number = TransferID(rawValue: lastTransfer)
            pending[number] = Pending(sequence: header.sequence, isIn: header.isIn, room: Int(length))
            numbers[header.sequence] = number
            return .submitted(number, transfer)
        case .submitted, .unlinked: throw .broken(rule: "a reply from the host")
        }
    }

    /// - Returns: `nil` until the data have arrived as well.
    private func transfer(
        _ header: TransferHeader, _ length: Int32, _ packets: Int32, _ setup: [UInt8], _ rest: inout Bytes
    ) throws(USBIPViolation) -> USBTransfer? {
        guard (0...Int32(USBIPLimits.transferByteCount)).contains(length) else {
            throw .broken(rule: "transfer of \(length) bytes, the limit is \(USBIPLimits.transferByteCount)")
        }
        // Newer hosts mark what is not isochronous by -1, older ones by 0.
        guard packets == 0 || packets == -1 else {
            throw .broken(rule: "isochronous transfer of \(packets) packets: there is no such endpoint")
        }
        guard header.endpoint <= 15 else { throw .broken(rule: "endpoint \(header.endpoint)") }
        let endpoint = UInt8(header.endpoint)
        if header.isIn, endpoint > 0 { return .bulkIn(endpoint: endpoint, byteCount: Int(length)) }
        let dataByteCount = header.isIn ? 0 : Int(length)
        guard let data = rest.take(dataByteCount) else { return nil }
        if endpoint > 0 { return .bulkOut(endpoint: endpoint, data) }
        return .control(SetupPacket(decoding: setup[...]), data: Array(data))
    }

    private mutating func unlink(_ sequence: UInt32, by command: UInt32) -> Event {
        guard let number = numbers[sequence] else {
            // It ended before the host knew.
            return .send([unlinked(command, .success)])
        }
        pending[number]!.unlink = command
        return .cancelled(number)
    }

    /// - Returns: what to send; nothing for a transfer of an earlier session.
    package mutating func completed(_ transfer: TransferID, _ outcome: TransferOutcome) -> [Bytes] {
        guard isAttached, let ended = pending.removeValue(forKey: transfer) else { return [] }
        numbers[ended.sequence] = nil
        if case .cancelled = outcome, let unlink = ended.unlink { return [unlinked(unlink, .cancelled)] }
        var pieces = reply(ended, outcome)
        // The host's unlink crossed with the end.
        if let unlink = ended.unlink { pieces.append(unlinked(unlink, .success)) }
        return pieces
    }

    private func reply(_ ended: Pending, _ outcome: TransferOutcome) -> [Bytes] {
        switch outcome {
        case .accepted(let byteCount): return [submitted(ended.sequence, .success, byteCount)]
        case .stalled: return [submitted(ended.sequence, .stalled, 0)]
        case .cancelled: return [submitted(ended.sequence, .shutDown, 0)]
        case .data(let data):
            guard ended.isIn else { return [submitted(ended.sequence, .success, 0)] }
            let byteCount = data.reduce(0) { $0 + $1.count }
            guard byteCount <= ended.room else { return [submitted(ended.sequence, .babble, 0)] }
            return [submitted(ended.sequence, .success, byteCount)] + data.filter { !$0.isEmpty }
        }
    }

    private func submitted(_ sequence: UInt32, _ status: TransferStatus, _ byteCount: Int) -> Bytes {
        TransferHeader(sequence: sequence, body: .submitted(status, length: Int32(byteCount))).encoded[...]
    }

    private func unlinked(_ command: UInt32, _ status: TransferStatus) -> Bytes {
        TransferHeader(sequence: command, body: .unlinked(status)).encoded[...]
    }

    /// The connection is gone.
    ///
    /// - Returns: what the device still has, oldest first.
    package mutating func end() -> [TransferID] {
        state = .over
        buffer = []
        let left = pending.keys.sorted { $0.rawValue < $1.rawValue }
        pending = [:]
        numbers = [:]
        return left
    }
}
