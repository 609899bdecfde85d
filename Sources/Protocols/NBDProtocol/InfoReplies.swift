internal import WireFormat

/// The INFO replies to one GO, gathered and checked (NBD protocol, "NBD_REP_INFO").
struct InfoReplies {
    private var count = 0
    private var export: ExportInfo?
    private var blockSizes: BlockSizes?

    /// - Parameter data: information type u16, then what that type carries.
    mutating func add(_ data: Bytes) throws(ProtocolViolation) {
        count += 1
        guard count <= ClientHandshake.maximumInfoReplies else {
            throw .broken(rule: "more than \(ClientHandshake.maximumInfoReplies) INFO replies to one GO")
        }
        guard data.count >= 2 else { throw .broken(rule: "INFO reply of \(data.count) bytes") }
        var rest = data
        switch InfoType(rawValue: rest.takeBigEndian()) {
        case .export:
            guard data.count == 12 else {
                throw .broken(rule: "INFO_EXPORT of \(data.count) bytes, not 12")
            }
            let found = try ExportInfo.checked(
                byteCount: rest.takeBigEndian(), flags: rest.takeBigEndian())
            guard export == nil || export == found else {
                throw .broken(rule: "two INFO_EXPORT replies that differ")
            }
            export = found
        case .blockSize:
            guard data.count == 14 else {
                throw .broken(rule: "INFO_BLOCK_SIZE of \(data.count) bytes, not 14")
            }
            blockSizes = try BlockSizes(
                minimum: rest.takeBigEndian(), preferred: rest.takeBigEndian(),
                maximumPayload: rest.takeBigEndian())
        case .name, .description:
            guard ProtocolString.decode(rest) != nil else {
                throw .broken(rule: "an INFO text is not UTF-8 of at most 4096 bytes")
            }
        default:
            break
        }
    }

    func exportInfo() throws(ProtocolViolation) -> ExportInfo {
        guard var info = export else { throw .broken(rule: "GO acknowledged without INFO_EXPORT") }
        if let blockSizes {
            info.minimumBlockBytes = blockSizes.minimum
            info.preferredBlockBytes = blockSizes.preferred
            info.maximumPayloadBytes = blockSizes.maximumPayload
        }
        return info
    }
}

/// NBD protocol, "Block size constraints".
struct BlockSizes {
    let minimum: UInt32
    let preferred: UInt32
    let maximumPayload: UInt32

    init(minimum: UInt32, preferred: UInt32, maximumPayload: UInt32) throws(ProtocolViolation) {
        guard minimum.nonzeroBitCount == 1, minimum <= 65536 else {
            throw .broken(rule: "minimum block size \(minimum) is no power of two up to 65536")
        }
        guard preferred.nonzeroBitCount == 1, preferred >= max(minimum, 512) else {
            throw .broken(
                rule: "preferred block size \(preferred) is no power of two from \(max(minimum, 512)) on")
        }
        guard
            maximumPayload == .max || (maximumPayload >= preferred && maximumPayload.isMultiple(of: minimum))
        else {
            throw .broken(
                rule: "maximum block size \(maximumPayload) does not fit preferred \(preferred)")
        }
        self.minimum = minimum
        self.preferred = preferred
        self.maximumPayload = maximumPayload
    }
}

extension ExportInfo {
    /// - Throws: when no server may say this: a size over 2^63 - 1, or flags without HAS_FLAGS.
    static func checked(byteCount: UInt64, flags: UInt16) throws(ProtocolViolation) -> ExportInfo {
        guard byteCount <= UInt64(Int64.max) else {
            throw .broken(rule: "export size \(byteCount) is over 2^63 - 1")
        }
        let flags = TransmissionFlags(rawValue: flags)
        guard flags.contains(.hasFlags) else {
            throw .broken(rule: "transmission flags \(flags.rawValue) lack HAS_FLAGS")
        }
        return ExportInfo(byteCount: byteCount, flags: flags)
    }
}
