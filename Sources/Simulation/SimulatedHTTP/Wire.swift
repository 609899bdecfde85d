import HTTPRanges
import RemoteImages

/// An answer on its way, and what the client has taken of it.
struct Wire {
    /// Departures closer than this are not waited for one by one.
    static let granularity = Duration.milliseconds(1)

    let half: Duration
    /// On the server's clock.
    let requestDeadline: Duration
    let stallTimeout: Duration
    var lastByteAt: Duration
    let sink: ResponseSink
    /// Bytes until the connection ends.
    var cut: Int?
    var sliceBytes: Int?
    var bytesPerSecond: Int?
    var freeAt = Duration.zero
    /// The connection ended before the answer did.
    var hasEnded = false
    /// More came than the client takes for this answer.
    private(set) var hasSurplus = false
    /// Of the body, as the head has it; `nil` in chunks or to the end.
    private var promisedBytes: Int?
    private var bodyBytes = 0

    init(
        half: Duration, requestDeadline: Duration, stallTimeout: Duration, lastByteAt: Duration,
        sink: ResponseSink
    ) {
        self.half = half
        self.requestDeadline = requestDeadline
        self.stallTimeout = stallTimeout
        self.lastByteAt = lastByteAt
        self.sink = sink
    }

    /// Nothing more is to be sent.
    var isOver: Bool { hasEnded || sink.refusal != nil }

    var missingBytes: Int { promisedBytes.map { max(0, $0 - bodyBytes) } ?? 0 }

    var patience: Patience {
        Patience(deadline: requestDeadline, fault: .requestTimeout, shift: half)
            .orEarlier(lastByteAt + stallTimeout, .stalled)
    }

    /// Small enough that a slow link shows a byte now and then.
    func segment(isPaced: Bool) -> Int {
        var segment = isPaced ? RangeExchange.segmentBytes : .max
        if let bytesPerSecond { segment = min(segment, max(1, bytesPerSecond / 20)) }
        return min(segment, sliceBytes ?? .max)
    }

    mutating func expect(_ response: ImageResponse, isHead: Bool) {
        guard !isHead, !response.isChunked else { return }
        promisedBytes = sink.head.contentLength.map { Int(min($0, UInt64(Int.max))) }
    }

    mutating func deliver(_ bytes: ArraySlice<UInt8>, isHead: Bool) {
        if let cut {
            self.cut = cut - bytes.count
            if cut == bytes.count { hasEnded = true }
        }
        if isHead {
            headLine += bytes
            // A line that was cut, by slices or by the end of the connection, is none yet.
            guard headLine.last == 10 else { return }
            _ = headLine.withUnsafeBytes { sink.receive(headerLine: $0) }
            headLine = []
        } else {
            let wanted = min(bytes.count, promisedBytes.map { $0 - bodyBytes } ?? .max)
            hasSurplus = hasSurplus || wanted < bytes.count
            bodyBytes += wanted
            guard wanted > 0 else { return }
            _ = bytes.prefix(wanted).withUnsafeBytes { sink.receive(body: $0) }
        }
    }

    private var headLine: [UInt8] = []
}
