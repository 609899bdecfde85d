import BlockStorage
import FaultPoints
import NBDProtocol
import NBDServer

/// What faults do to one request and its reply: the actions that met them, put in order.
struct RequestFate {
    enum Deed {
        case carryOut
        /// Nothing is done, and the reply says so.
        case refuse(ErrorNumber)
        /// It is done, and said to have failed.
        case failAfterwards(ErrorNumber)
        /// Nothing is done, and it is said to have succeeded.
        case pretend
        /// This and every later request of the connection is refused with ESHUTDOWN.
        case shutDown
    }

    var deed = Deed.carryOut
    /// Of a write: which sectors are carried out.
    var tornSectors: UInt64?
    var ignoresForceUnitAccess = false
    var corruptions: [FaultAction.Corruption] = []
    var reply = ReplyFate()

    mutating func add(_ action: FaultAction) {
        switch action {
        // The wire carries any number; what it means is the client's affair.
        case .status(let number): deed = .refuse(ErrorNumber(rawValue: UInt32(truncatingIfNeeded: number)))
        case .fail(let errno): deed = .refuse(Self.number(errno))
        case .failAfterwards(let errno): deed = .failAfterwards(Self.number(errno))
        case .pretend: deed = .pretend
        case .special("shutdown", _): deed = .shutDown
        case .torn(let sectors): tornSectors = sectors
        case .special("ignore-fua", _): ignoresForceUnitAccess = true
        case .corrupt(let corruption): corruptions.append(corruption)
        default: reply.add(action)
        }
    }

    /// As a store's errno would come out of the server.
    private static func number(_ errno: CInt) -> ErrorNumber {
        ErrorNumber(rawValue: StorageError(errno: errno, during: "injected").code.rawValue)
    }
}

/// What faults do to a reply alone.
struct ReplyFate {
    var isDropped = false
    var isDouble = false
    /// Later replies that pass first.
    var behind = 0
    var breaksMagic = false
    var breaksCookie = false
    /// Cut off its end, and the connection with it.
    var missingBytes: Int?
    var extraBytes = 0
    /// An error whose data follows all the same.
    var errorWithPayload: ErrorNumber?
    var portionBytes = Int.max
    var cut: (Outlet.Cut, afterBytes: Int)?

    mutating func add(_ action: FaultAction) {
        if let cut = action.asCut {
            self.cut = cut
            return
        }
        switch action {
        case .drop: isDropped = true
        case .duplicate: isDouble = true
        case .reorder(let later): behind = max(behind, later)
        case .short(let byteCount): missingBytes = byteCount
        case .slice(let byteCount): portionBytes = min(portionBytes, max(1, byteCount))
        case .special("wrong-cookie", _): breaksCookie = true
        case .special("bad-magic", _): breaksMagic = true
        case .special("extra-bytes", let byteCount): extraBytes += Int(byteCount)
        case .special("error-with-payload", let number):
            errorWithPayload = number > 0 ? ErrorNumber(rawValue: UInt32(number)) : .io
        default: preconditionFailure("\(action) is nothing that a reply can suffer")
        }
    }

    /// The bytes that leave, in place of a sound reply.
    ///
    /// - Parameter dataBytes: how many of its last bytes are data of a read.
    func distort(_ sound: [UInt8], dataBytes: Int, _ request: Request, _ replies: Replies) -> [UInt8] {
        var bytes = sound
        if let errorWithPayload {
            bytes = replies.error(request, errorWithPayload, "injected") + sound.suffix(dataBytes)
        }
        // Magic and cookie stand in the same place in both kinds of reply.
        if breaksMagic { bytes[0] ^= 0xFF }
        // Among its high bytes, so that it is never another request's.
        if breaksCookie { bytes[8] ^= 0x80 }
        bytes += [UInt8](repeating: Self.extraByte, count: extraBytes)
        if let missingBytes { bytes.removeLast(min(missingBytes, bytes.count)) }
        // After a reply that ends early nothing follows, not even the same again.
        return isDouble && missingBytes == nil ? bytes + bytes : bytes
    }

    /// No magic starts with it.
    private static let extraByte: UInt8 = 0xA5
}
