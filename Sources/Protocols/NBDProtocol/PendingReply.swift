internal import WireFormat

/// A run in a block status.
package struct StatusRun: Equatable, Sendable {
    package var byteCount: UInt32
    package var flags: UInt32

    package init(byteCount: UInt32, flags: UInt32) {
        self.byteCount = byteCount
        self.flags = flags
    }
}

/// Why a request failed; the connection lives on.
package struct RequestFailure: Error, Equatable, Sendable {
    /// As sent; ``ErrorNumber/effective`` is what to act on.
    package var error: ErrorNumber
    /// In the server's own words; empty for simple replies.
    package var message: String

    package init(_ error: ErrorNumber, _ message: String) {
        self.error = error
        self.message = message
    }

    /// The body of an error chunk:
    ///
    ///     | error u32 | text length u16 | text | offset u64, of ERROR_OFFSET |
    static func decode(_ bytes: Bytes, _ type: StructuredReply.ChunkType, for request: Request)
        throws(ProtocolViolation) -> RequestFailure
    {
        var rest = bytes
        let error = rest.takeBigEndian(as: UInt32.self)
        guard error != 0 else { throw .broken(rule: "an error chunk without an error") }
        let textBytes = Int(rest.takeBigEndian(as: UInt16.self))
        guard let text = rest.take(textBytes), let message = ProtocolString.decode(text) else {
            throw .broken(rule: "the text of an error chunk is cut or not UTF-8")
        }
        switch type {
        case .error where !rest.isEmpty: throw .broken(rule: "\(rest.count) bytes behind an error's text")
        case .errorOffset:
            guard rest.count == 8 else { throw .broken(rule: "an error's offset of \(rest.count) bytes") }
            let offset = rest.takeBigEndian(as: UInt64.self)
            guard offset >= request.offset, offset - request.offset < max(1, UInt64(request.length)) else {
                throw .broken(rule: "an error at \(offset), outside the request")
            }
        // Unknown error types may carry more ("Structured reply types").
        default: break
        }
        return RequestFailure(ErrorNumber(rawValue: error), message)
    }
}

/// What has come of one reply.
struct PendingReply: Sendable {
    let request: Request
    var coveredBytes = 0
    var hasChunks = false
    var hasStatus = false
    var failure: RequestFailure?
    /// Chunks so far, in order of their start, neighbours joined.
    private var covered: [Range<UInt64>] = []

    init(_ request: Request) { self.request = request }

    /// Whether success may be claimed.
    var isWhole: Bool {
        switch request.command {
        case .read: coveredBytes == Int(request.length)
        case .blockStatus: hasStatus
        default: true
        }
    }

    /// Notes a content chunk.
    ///
    /// - Returns: its offset from the start of the request.
    mutating func cover(_ start: UInt64, _ count: Int) throws(ProtocolViolation) -> Int {
        let requestLength = UInt64(request.length)
        guard start >= request.offset, start - request.offset <= requestLength,
            UInt64(count) <= requestLength - (start - request.offset)
        else { throw .broken(rule: "a chunk of \(count) bytes at \(start), outside the request") }
        let range = start..<start + UInt64(count)
        if request.flags.contains(.doNotFragment), !covered.isEmpty {
            throw .broken(rule: "a second chunk for a read that must not be fragmented")
        }
        let index = covered.firstIndex { $0.upperBound > range.lowerBound } ?? covered.count
        guard index == covered.count || covered[index].lowerBound >= range.upperBound else {
            throw .broken(rule: "chunks that overlap at \(start)")
        }
        covered.insert(range, at: index)
        if index > 0, covered[index - 1].upperBound == range.lowerBound {
            covered[index - 1] = covered[index - 1].lowerBound..<range.upperBound
            covered.remove(at: index)
        }
        coveredBytes += count
        return Int(start - request.offset)
    }
}
