import VirtualMedia

extension ByteChannel {
    /// Exactly that many bytes; `nil` at the end of the stream.
    func read(exactly byteCount: Int) async throws(SystemError) -> [UInt8]? {
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, byteCount), alignment: 1)
        defer { buffer.deallocate() }
        while bytes.count < byteCount {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(byteCount - bytes.count)])
            let count = try await read(into: rest)
            guard count > 0 else { return nil }
            bytes += rest[..<count]
        }
        return bytes
    }
}
