internal import VirtualMedia

/// What a worker needs beside its connection.
struct FetchSetting: Sendable {
    let check: RangeResponseCheck
    let options: HTTPSOptions
    let clock: any MediaClock
    let spawner: any Spawner
    let jitter: Jitter
    let readFailed: @Sendable (ImageError) -> Void
}

/// One task with one connection, fetching what the board says until it is closed.
struct FetchWorker: Sendable {
    let board: FetchBoard
    let connection: any RangeConnection
    let identity: ImageIdentity
    let setting: FetchSetting

    /// - Throws: when the system has no thread left.
    func start(number: Int) throws(ImageError) -> any SpawnedTask {
        let task = setting.spawner.spawnIfPossible("https fetch \(number)", .ownThread) {
            await run()
            connection.disconnect()
        }
        guard let task else {
            throw ImageError(.unreadable, "the system has no thread left for a connection")
        }
        return task
    }

    private func run() async {
        while let fetch = await board.nextFetch() {
            do throws(ImageError) {
                try await perform(fetch)
                board.finish(fetch)
            } catch {
                board.fail(fetch, error)
            }
        }
    }

    /// Reading ahead gets one try: it must not hold a connection that someone may soon wait for.
    private func perform(_ fetch: FetchPlan.Fetch) async throws(ImageError) {
        let clock = setting.clock
        var attempts = Attempts(phase: .reading)
        // A reader who comes to wait for what is read ahead must not wait beyond its own deadline, which is
        // never earlier than this.
        let limit = min(setting.options.requestTimeout, setting.options.readTimeout)
        let deadline = fetch.deadline ?? clock.now + limit
        while true {
            do throws(FetchFailure) {
                return try await request(fetch, timeout: deadline - clock.now)
            } catch {
                let pause = attempts.failed(
                    error, remaining: deadline - clock.now, jitter: setting.jitter.draw())
                guard fetch.deadline != nil, let pause,
                    (try? await clock.sleep(until: clock.now + pause)) != nil, !board.isOver
                else { throw attempts.error }
            }
        }
    }

    private func request(_ fetch: FetchPlan.Fetch, timeout: Duration) async throws(FetchFailure) {
        let unit = UInt64(setting.options.fetching.blockBytes)
        let range =
            UInt64(fetch.blocks.lowerBound)
            * unit..<min(UInt64(fetch.blocks.upperBound) * unit, identity.byteCount)
        let check = setting.check
        let identity = self.identity
        let sink = ResponseSink(
            shown: check.location.shown, segments: board.segments(of: fetch, byteCount: range.count)
        ) { head throws(FetchFailure) in try check.accept(head, range: range, of: identity) }
        try await connection.perform(
            .get, range: range, precondition: identity.precondition, timeout: timeout, into: sink)
    }
}
