import Threads
internal import VirtualMedia

/// One thread with one connection, fetching what the board says until it is closed.
struct FetchWorker: Sendable {
    let board: FetchBoard
    let connection: CurlConnection
    let check: RangeResponseCheck
    let identity: ImageIdentity
    let options: HTTPSOptions

    /// - Throws: when the system has no thread left.
    func start(number: Int) throws(ImageError) {
        board.workerStarted()
        let isStarted = BlockingThread.start("https fetch \(number)") {
            run()
            connection.disconnect()
            board.workerEnded()
        }
        guard isStarted else {
            board.workerEnded()
            throw ImageError(.unreadable, "the system has no thread left for a connection")
        }
    }

    private func run() {
        while let fetch = board.nextFetch() {
            do throws(ImageError) {
                try perform(fetch)
                board.finish(fetch)
            } catch {
                board.fail(fetch, error)
            }
        }
    }

    /// Reading ahead gets one try: it must not hold a connection that someone may soon wait for.
    private func perform(_ fetch: FetchPlan.Fetch) throws(ImageError) {
        var attempts = Attempts(phase: .reading)
        // A reader who comes to wait for what is read ahead must not wait beyond its own deadline, which is
        // never earlier than this.
        let limit = min(options.requestTimeout, options.readTimeout)
        let deadline = fetch.deadline ?? Monotonic.now + limit
        while true {
            do throws(FetchFailure) {
                return try request(fetch, timeout: deadline - Monotonic.now)
            } catch {
                let pause = attempts.failed(
                    error, remaining: deadline - Monotonic.now, jitter: Double.random(in: 0...1))
                guard fetch.deadline != nil, let pause, connection.pause(pause), !board.isOver else {
                    throw attempts.error
                }
            }
        }
    }

    private func request(_ fetch: FetchPlan.Fetch, timeout: Duration) throws(FetchFailure) {
        let unit = UInt64(options.fetching.blockBytes)
        let range =
            UInt64(fetch.blocks.lowerBound)
            * unit..<min(UInt64(fetch.blocks.upperBound) * unit, identity.byteCount)
        let sink = ResponseSink(
            shown: check.location.shown, segments: board.segments(of: fetch, byteCount: range.count)
        ) { head throws(FetchFailure) in try check.accept(head, range: range, of: identity) }
        try connection.perform(
            .get, range: range, precondition: identity.precondition, timeout: timeout, into: sink)
    }
}
