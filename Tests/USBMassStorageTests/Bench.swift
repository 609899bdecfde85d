import TestSupport
import WireFormat

@testable import USBMassStorage

/// A device with its medium in memory and a host that speaks raw transfers: each call runs until
/// nothing more can happen.
struct Bench {
    var device: MassStorageDevice
    var images: [Int: [UInt8]] = [:]
    /// Answers of the medium are held back until ``release()``.
    var isMediumStalled = false
    /// Reads and writes that touch this byte fail there.
    var badOffset: UInt64?
    private(set) var held: [(StorageTag, Int, StorageRequest)] = []
    private(set) var requests: [StorageRequest] = []
    private(set) var completions: [TransferID: TransferOutcome] = [:]
    private(set) var ejected: [Int] = []
    private(set) var configured: [UInt8] = []
    private var nextTransfer: UInt64 = 1

    init(
        _ configuration: GadgetConfiguration = GadgetConfiguration(),
        luns: [LogicalUnitConfiguration?] = [.init()]
    ) {
        device = MassStorageDevice(configuration: configuration, luns: luns)
    }

    /// A configured device with one LUN that holds `image`, its first unit attention taken.
    static func ready(
        _ image: [UInt8], configuration: GadgetConfiguration = GadgetConfiguration(),
        lun: LogicalUnitConfiguration = .init()
    ) -> Bench {
        var bench = Bench(configuration, luns: [lun])
        bench.insert(image)
        bench.configure()
        _ = bench.scsi("000000000000")
        _ = bench.scsi("030000001200", toHost: 18)
        return bench
    }

    mutating func insert(_ image: [UInt8], lun: Int = 0) {
        images[lun] = image
        take(device.insertMedium(lun: lun, byteCount: UInt64(image.count)))
    }

    mutating func eject(lun: Int = 0) { take(device.ejectMedium(lun: lun)) }
    mutating func forceEject(lun: Int = 0) { take(device.forceEject(lun: lun)) }

    mutating func configure() {
        _ = control(0x00, 9, value: 1)
    }

    mutating func submit(_ input: (TransferID) -> DeviceInput) -> TransferID {
        let transfer = TransferID(rawValue: nextTransfer)
        nextTransfer += 1
        take(device.handle(input(transfer)))
        return transfer
    }

    mutating func feed(_ input: DeviceInput) { take(device.handle(input)) }

    private mutating func take(_ outputs: [DeviceOutput]) {
        for output in outputs {
            switch output {
            case .completed(let transfer, let outcome):
                precondition(completions[transfer] == nil, "\(transfer) completed twice")
                completions[transfer] = outcome
            case .storage(let tag, let lun, let request):
                requests.append(request)
                if isMediumStalled {
                    held.append((tag, lun, request))
                } else {
                    feed(.storageFinished(tag, carryOut(request, lun: lun)))
                }
            case .ejectedByHost(let lun): ejected.append(lun)
            case .configured(let value): configured.append(value)
            }
        }
    }

    mutating func release() {
        isMediumStalled = false
        let answers = held
        held = []
        for (tag, lun, request) in answers { feed(.storageFinished(tag, carryOut(request, lun: lun))) }
    }

    mutating func carryOut(_ request: StorageRequest, lun: Int) -> StorageOutcome {
        switch request {
        case .read(let offset, let byteCount):
            let end = offset + UInt64(byteCount)
            precondition(end <= UInt64(images[lun]!.count), "reads past the end")
            if let badOffset, offset..<end ~= badOffset { return .failed(offset: badOffset) }
            return .data([images[lun]![Int(offset)..<Int(end)]])
        case .write(let offset, let bytes, _):
            let end = offset + UInt64(bytes.count)
            precondition(end <= UInt64(images[lun]!.count), "writes past the end")
            if let badOffset, offset..<end ~= badOffset { return .failed(offset: badOffset) }
            images[lun]!.replaceSubrange(Int(offset)..<Int(end), with: bytes)
            return .done
        case .flush: return badOffset == nil ? .done : .failed(offset: 0)
        }
    }

    mutating func control(
        _ type: UInt8, _ request: UInt8, value: UInt16 = 0, index: UInt16 = 0, length: UInt16 = 0
    ) -> TransferOutcome? {
        let setup = SetupPacket(
            requestType: type, request: request, value: value, index: index, length: length)
        let transfer = submit { .control($0, setup, data: []) }
        return completions[transfer]
    }

    mutating func out(_ bytes: [UInt8]) -> TransferOutcome? {
        let transfer = submit { .bulkOut($0, endpoint: 1, bytes[...]) }
        return completions[transfer]
    }

    mutating func bulkIn(_ byteCount: Int) -> TransferOutcome? {
        let transfer = submit { .bulkIn($0, endpoint: 1, byteCount: byteCount) }
        return completions[transfer]
    }

    struct Reply: Equatable {
        var data: [UInt8]?
        var stalls = 0
        var status: UInt8?
        var residue: UInt32?
    }

    private(set) var tag: UInt32 = 0x100

    mutating func sendWrapper(
        _ block: [UInt8], host byteCount: Int, isIn: Bool, lun: UInt8 = 0, length: Int? = nil
    ) -> TransferOutcome? {
        tag += 1
        var bytes: [UInt8] = Array("USBC".utf8)
        bytes.appendLittleEndian(tag)
        bytes.appendLittleEndian(UInt32(byteCount))
        bytes += [isIn ? 0x80 : 0, lun, UInt8(length ?? block.count)]
        bytes += block + [UInt8](repeating: 0, count: 16 - block.count)
        return out(bytes)
    }

    /// Runs one command as a host does: wrapper, data, status, clearing halts on the way.
    mutating func scsi(
        _ block: String, toHost: Int = 0, fromHost: [UInt8] = [], lun: UInt8 = 0, length: Int? = nil
    ) -> Reply {
        let count = max(toHost, fromHost.count)
        guard
            case .accepted = sendWrapper(
                bytes(block), host: count, isIn: toHost > 0, lun: lun, length: length)
        else {
            return Reply()
        }
        var reply = Reply()
        if toHost > 0 {
            let outcome = bulkIn(toHost)
            if case .data(let pieces) = outcome { reply.data = flat(pieces) }
            if outcome == .stalled { clearHalt(&reply) }
        } else if !fromHost.isEmpty {
            if out(fromHost) == .stalled { clearHalt(&reply, endpoint: 0x01) }
        }
        var status = bulkIn(13)
        // The kernel's device ends data that meet the end of the medium with an empty packet of its own.
        if status == .data([]) { status = bulkIn(13) }
        if status == .stalled {
            clearHalt(&reply)
            status = bulkIn(13)
        }
        if case .data(let pieces) = status,
            let wrapper = CommandStatusWrapper(decoding: flat(pieces)[...]), wrapper.tag == tag
        {
            reply.status = wrapper.status.rawValue
            reply.residue = wrapper.residue
        }
        return reply
    }

    private mutating func clearHalt(_ reply: inout Reply, endpoint: UInt16 = 0x81) {
        reply.stalls += 1
        _ = control(0x02, 1, value: 0, index: endpoint)
    }

    /// Sense key, code and qualifier of the last failure.
    mutating func sense(lun: UInt8 = 0) -> String {
        guard let data = scsi("030000001200", toHost: 18, lun: lun).data,
            let sense = SenseData(decoding: data[...])
        else { return "no sense data" }
        return sense.code.description + (sense.information.map { " at \($0)" } ?? "")
    }
}

/// The pieces in one, by whole slices: `joined()` goes byte by byte.
func flat(_ pieces: [Bytes]) -> [UInt8] {
    var bytes: [UInt8] = []
    for piece in pieces { bytes += piece }
    return bytes
}
