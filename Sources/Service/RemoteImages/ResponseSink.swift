import Glibc

/// Takes one response as it comes: gathers the head, has it judged, and only then lets the body into
/// the memory that was set aside for it, never one byte more.
package final class ResponseSink {
    package typealias Judge = (ResponseHead) throws(FetchFailure) -> Void

    package private(set) var head = ResponseHead()
    package private(set) var refusal: FetchFailure?
    package private(set) var bodyBytes = 0
    /// Head and body: grows with any sign of life.
    package var receivedBytes: Int { head.byteCount + bodyBytes }
    package let bodyCapacity: Int
    private let segments: [UnsafeMutableRawBufferPointer]
    private let shown: String
    private let judge: Judge

    /// - Parameter segments: Where the body goes, in order. All but the last have one length.
    package init(shown: String, segments: [UnsafeMutableRawBufferPointer] = [], judge: @escaping Judge) {
        self.shown = shown
        self.segments = segments
        self.judge = judge
        bodyCapacity = segments.reduce(0) { $0 + $1.count }
    }

    /// - Returns: whether to go on.
    package func receive(headerLine: UnsafeRawBufferPointer) -> Bool {
        // Trailers follow a chunked body; nothing in them matters.
        guard !head.isComplete else { return true }
        switch head.append(Array(headerLine)) {
        case .wantsMore: return true
        case .tooLong, .malformed:
            refusal = FetchFailure(
                .serverError,
                "\(shown): the head of the server's answer is malformed or over \(ResponseHead.maximumBytes) bytes"
            )
            return false
        case .complete:
            do throws(FetchFailure) {
                try judge(head)
                return true
            } catch {
                refusal = error
                return false
            }
        }
    }

    /// - Returns: whether to go on.
    package func receive(body: UnsafeRawBufferPointer) -> Bool {
        guard head.isComplete, body.count <= bodyCapacity - bodyBytes else {
            refusal = FetchFailure(
                .wrongLength, "\(shown): more bytes came than the \(bodyCapacity) that were asked for")
            return false
        }
        var rest = body
        while !rest.isEmpty {
            let unit = segments[0].count
            let segment = segments[bodyBytes / unit]
            let start = bodyBytes % unit
            let count = min(rest.count, segment.count - start)
            memcpy(segment.baseAddress! + start, rest.baseAddress!, count)
            bodyBytes += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return true
    }
}
