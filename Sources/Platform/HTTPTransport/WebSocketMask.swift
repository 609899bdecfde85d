/// The mask over what a client sends (RFC 6455 §5.3): four bytes, over and over.
struct WebSocketMask {
    /// The four bytes twice, the one that is next in the lowest place.
    private var word: UInt64

    /// - Parameter key: its four bytes as they stand in the frame, the first one in the lowest place.
    init(key: UInt32) { word = UInt64(key) << 32 | UInt64(key) }

    /// What hides nothing: a server's frames.
    static let none = WebSocketMask(key: 0)

    /// Copies bytes and masks them, or takes the mask off: both are the same. The next call goes on where this
    /// one ends.
    ///
    /// 32 bytes at a time, for all that a browser serves is masked.
    ///
    /// - Parameter target: as many bytes; the source itself, or none of it.
    mutating func copy(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
        guard let start = source.baseAddress else { return }
        let count = source.count
        let (one, four) = (word.littleEndian, SIMD4(repeating: word.littleEndian))
        var offset = 0
        while offset + 32 <= count {
            let masked = start.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
            target.storeBytes(of: masked ^ four, toByteOffset: offset, as: SIMD4<UInt64>.self)
            offset += 32
        }
        while offset + 8 <= count {
            let masked = start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            target.storeBytes(of: masked ^ one, toByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        for last in 0..<(count - offset) {
            let byte = start.load(fromByteOffset: offset + last, as: UInt8.self)
            let key = UInt8(truncatingIfNeeded: word >> UInt64(8 * last))
            target.storeBytes(of: byte ^ key, toByteOffset: offset + last, as: UInt8.self)
        }
        let turn = UInt64(8 * (count % 4))
        if turn > 0 { word = word >> turn | word << (64 - turn) }
    }
}
