import Threads
internal import VirtualMedia

/// The first conversation with a server: does the image exist, may we read it, how long is it, and do
/// ranges work? One request for one byte answers all four; a HEAD follows only where the length is
/// left open, and servers that refuse HEAD (signed links for GET) do well without.
struct HTTPSOpening: Sendable {
    let location: HTTPSLocation
    let options: HTTPSOptions
    let authorization: AuthorizationHeader?
    let connection: CurlConnection

    init(location: HTTPSLocation, options: HTTPSOptions, credentials: Credentials?) throws(ImageError) {
        self.location = location
        self.options = options
        var header: AuthorizationHeader?
        if let credentials { header = try AuthorizationHeader(credentials) }
        authorization = header
        connection = CurlConnection(to: location, options: options, authorization: header)
    }

    private var check: RangeResponseCheck {
        RangeResponseCheck(location: location, hadCredentials: authorization != nil)
    }

    /// Blocks its thread. ``CurlConnection/cancel()`` ends it early.
    func store(deadline: Duration) throws(ImageError) -> HTTPSStore {
        let identity = try probe(deadline: deadline)
        return try HTTPSStore(
            identity: identity, first: connection, check: check, options: options,
            authorization: authorization)
    }

    private func probe(deadline: Duration) throws(ImageError) -> ImageIdentity {
        let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
        defer { byte.deallocate() }
        let check = self.check
        let found = try request(.get, range: 0..<1, into: [byte], deadline: deadline) {
            head throws(FetchFailure) in try check.probe(head)
        }
        switch found {
        case .image(let identity): return identity
        case .sizeUnknown(let entityTag, let lastModified):
            let byteCount = try request(.head, range: nil, into: [], deadline: deadline) {
                head throws(FetchFailure) in try check.size(head)
            }
            return ImageIdentity(byteCount: byteCount, entityTag: entityTag, lastModified: lastModified)
        }
    }

    /// - Returns: what `judge` made of the answer's head.
    private func request<Finding>(
        _ method: CurlConnection.Method, range: Range<UInt64>?,
        into segments: [UnsafeMutableRawBufferPointer],
        deadline: Duration, judge: @escaping (ResponseHead) throws(FetchFailure) -> Finding
    ) throws(ImageError) -> Finding {
        var attempts = Attempts(phase: .opening)
        while true {
            let sink = ResponseSink(shown: location.shown, segments: segments) {
                head throws(FetchFailure) in _ = try judge(head)
            }
            do throws(FetchFailure) {
                try connection.perform(
                    method, range: range, precondition: nil, timeout: deadline - Monotonic.now, into: sink)
                return try judge(sink.head)
            } catch {
                let pause = attempts.failed(
                    error, remaining: deadline - Monotonic.now, jitter: Double.random(in: 0...1))
                guard let pause else { throw attempts.error }
                guard connection.pause(pause) else {
                    throw ImageError(.cancelled, "\(location.shown): given up on request")
                }
            }
        }
    }
}
