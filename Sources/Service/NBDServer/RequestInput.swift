import Glibc
internal import NBDProtocol
internal import WireFormat

/// Bytes received and not yet used up, in one fixed buffer. It alone owns that memory, so it may move to another thread.
struct RequestInput: ~Copyable, @unchecked Sendable {
    private let memory: UnsafeMutableRawPointer
    private var head = 0
    private var tail = 0

    init(leftover: Bytes) {
        precondition(leftover.count <= DataPlane.inputBytes, "more left over than the handshake takes")
        memory = .allocate(byteCount: DataPlane.inputBytes, alignment: 4096)
        leftover.withUnsafeBytes {
            memory.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: $0.count)
        }
        tail = leftover.count
    }

    deinit { memory.deallocate() }

    var count: Int { tail - head }
    var front: UnsafeRawPointer { UnsafeRawPointer(memory + head) }
    static var capacity: Int { DataPlane.inputBytes }

    mutating func skip(_ byteCount: Int) {
        head += byteCount
        if head == tail { (head, tail) = (0, 0) }
    }

    /// Receives once, behind what is there.
    ///
    /// - Returns: as ``ConnectedSocket/receive(_:_:flags:)``.
    mutating func receive(from socket: borrowing ConnectedSocket, flags: CInt = 0) -> Int {
        let room = makeRoom()
        let count = socket.receive(room.baseAddress!, room.count, flags: flags)
        if count > 0 { filled(count) }
        return count
    }

    /// The memory behind what is there, after moving that to the front; never empty.
    mutating func makeRoom() -> UnsafeMutableRawBufferPointer {
        if head > 0 {
            memmove(memory, memory + head, tail - head)
            (head, tail) = (0, tail - head)
        }
        precondition(tail < Self.capacity, "no room for what does not fit a request")
        return UnsafeMutableRawBufferPointer(start: memory + tail, count: Self.capacity - tail)
    }

    /// Tells that so many bytes were put into that memory, from its start on.
    mutating func filled(_ byteCount: Int) { tail += byteCount }

    /// Moves what is there of a payload to where it belongs.
    mutating func take(into target: UnsafeMutableRawPointer, atMost byteCount: Int) -> Int {
        let taken = min(count, byteCount)
        target.copyMemory(from: front, byteCount: taken)
        skip(taken)
        return taken
    }

    /// The header at the front, if its 28 bytes are there.
    func peekRequest() throws(ProtocolViolation) -> Request? {
        guard count >= Request.byteCount else { return nil }
        return try Request.decode(UnsafeRawBufferPointer(start: front, count: Request.byteCount))
    }
}
