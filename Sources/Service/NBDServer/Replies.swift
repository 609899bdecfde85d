package import BlockStorage
package import NBDProtocol

/// Replies in the form that was negotiated.
package struct Replies: Sendable {
    package let isStructured: Bool

    init(isStructured: Bool) { self.isStructured = isStructured }

    /// Bytes before the data of a successful read.
    package var readHeaderBytes: Int { isStructured ? StructuredReply.byteCount + 8 : SimpleReply.byteCount }

    /// Writes that header, without allocating.
    func writeReadHeader(_ request: Request, to target: UnsafeMutableRawPointer) {
        guard isStructured else {
            return writeSimpleHeader(request.cookie, to: target)
        }
        writeChunkHeader(request.cookie, request.offset, request.length, isDone: true, to: target)
    }

    private func writeSimpleHeader(_ cookie: UInt64, to target: UnsafeMutableRawPointer) {
        target.storeBytes(of: SimpleReply.magic.bigEndian, as: UInt32.self)
        target.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
        target.storeBytes(of: cookie.bigEndian, toByteOffset: 8, as: UInt64.self)
    }

    func writeChunkHeader(
        _ cookie: UInt64, _ offset: UInt64, _ length: UInt32, isDone: Bool,
        to target: UnsafeMutableRawPointer
    ) {
        target.storeBytes(of: StructuredReply.magic.bigEndian, as: UInt32.self)
        let flags = isDone ? StructuredReply.doneFlag : 0
        target.storeBytes(of: flags.bigEndian, toByteOffset: 4, as: UInt16.self)
        let type = StructuredReply.ChunkType.offsetData.rawValue
        target.storeBytes(of: type.bigEndian, toByteOffset: 6, as: UInt16.self)
        target.storeBytes(of: cookie.bigEndian, toByteOffset: 8, as: UInt64.self)
        target.storeBytes(of: (length + 8).bigEndian, toByteOffset: 16, as: UInt32.self)
        target.storeBytes(of: offset.bigEndian, toByteOffset: 20, as: UInt64.self)
    }

    static let maximumDoneBytes = StructuredReply.byteCount

    /// Writes the reply to what succeeded without data, and does not allocate.
    ///
    /// Only reads must be answered in the structured form once it is negotiated. Everything else gets
    /// a simple reply, which is shorter and which clients take off the socket in one call instead of
    /// two ("Structured reply messages").
    ///
    /// - Parameter target: has room for ``maximumDoneBytes``.
    /// - Returns: bytes written.
    func writeDone(_ request: Request, to target: UnsafeMutableRawPointer) -> Int {
        guard isStructured, request.command == .read else {
            writeSimpleHeader(request.cookie, to: target)
            return SimpleReply.byteCount
        }
        let bytes = StructuredReply.done(cookie: request.cookie)
        bytes.withUnsafeBytes { target.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        return bytes.count
    }

    package func done(_ request: Request) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.maximumDoneBytes) { buffer, count in
            count = writeDone(request, to: UnsafeMutableRawPointer(buffer.baseAddress!))
        }
    }

    package func error(_ request: Request, _ number: ErrorNumber, _ message: String) -> [UInt8] {
        if isStructured { return StructuredReply.error(number, message, cookie: request.cookie) }
        var bytes: [UInt8] = []
        SimpleReply(error: number.rawValue, cookie: request.cookie).encode(into: &bytes)
        return bytes
    }

    package func error(_ request: Request, _ error: StorageError) -> [UInt8] {
        self.error(request, ErrorNumber(rawValue: error.code.rawValue), error.message)
    }

    /// - Parameter extents: of the store, from the start of the request on.
    func blockStatus(_ request: Request, _ extents: [Extent]) -> [UInt8] {
        let isSingle = request.flags.contains(.requireOneExtent)
        var left = UInt64(request.length)
        var runs: [(byteCount: UInt32, flags: UInt32)] = []
        for extent in extents.prefix(isSingle ? 1 : DataPlane.maximumExtents) where left > 0 {
            let byteCount = min(extent.byteCount, left)
            let hole = extent.isHole ? AllocationContext.hole : 0
            let zero = extent.readsAsZero ? AllocationContext.zero : 0
            runs.append((UInt32(byteCount), hole | zero))
            left -= byteCount
        }
        return StructuredReply.blockStatus(runs, context: AllocationContext.id, cookie: request.cookie)
    }
}
