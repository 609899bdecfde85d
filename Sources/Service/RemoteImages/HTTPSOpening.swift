internal import VirtualMedia

/// The first conversation with a server: does the image exist, may we read it, how long is it, and do
/// ranges work? One request for one byte answers all four; a HEAD follows only where the length is
/// left open, and servers that refuse HEAD (signed links for GET) do well without.
struct HTTPSOpening: Sendable {
    let setting: FetchSetting
    let connector: any RangeConnector
    let authorization: AuthorizationHeader?
    let deadline: Duration

    private var location: HTTPSLocation { setting.check.location }

    /// The end of the task ends it early. Without a store, no connection is left.
    func store() async throws(ImageError) -> HTTPSStore {
        let connect: @Sendable () -> any RangeConnection = {
            connector.connection(to: location, options: setting.options, authorization: authorization)
        }
        let first = connect()
        do throws(ImageError) {
            let identity = try await probe(first)
            return try HTTPSStore(identity: identity, first: first, connect: connect, setting)
        } catch {
            first.disconnect()
            throw error
        }
    }

    private func probe(_ connection: any RangeConnection) async throws(ImageError) -> ImageIdentity {
        let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
        defer { byte.deallocate() }
        let check = setting.check
        let found = try await request(.get, range: 0..<1, into: [byte], over: connection) {
            head throws(FetchFailure) in try check.probe(head)
        }
        switch found {
        case .image(let identity): return identity
        case .sizeUnknown(let entityTag, let lastModified):
            let byteCount = try await request(.head, range: nil, into: [], over: connection) {
                head throws(FetchFailure) in try check.size(head)
            }
            return ImageIdentity(byteCount: byteCount, entityTag: entityTag, lastModified: lastModified)
        }
    }

    /// - Returns: what `judge` made of the answer's head.
    private func request<Finding>(
        _ method: RangeMethod, range: Range<UInt64>?, into segments: [UnsafeMutableRawBufferPointer],
        over connection: any RangeConnection, judge: @escaping (ResponseHead) throws(FetchFailure) -> Finding
    ) async throws(ImageError) -> Finding {
        let clock = setting.clock
        var attempts = Attempts(phase: .opening)
        while true {
            let sink = ResponseSink(shown: location.shown, segments: segments) {
                head throws(FetchFailure) in _ = try judge(head)
            }
            do throws(FetchFailure) {
                try await connection.perform(
                    method, range: range, precondition: nil, timeout: deadline - clock.now, into: sink)
                return try judge(sink.head)
            } catch {
                let pause = attempts.failed(
                    error, remaining: deadline - clock.now, jitter: setting.jitter.draw())
                guard let pause else { throw attempts.error }
                guard (try? await clock.sleep(until: clock.now + pause)) != nil else {
                    throw ImageError(.cancelled, "\(location.shown): given up on request")
                }
            }
        }
    }
}
