extension EmulatedFront {
    /// BMCs that are started, or stopped, at the same time: each waits for others most of the time.
    private static let atOnce = 16

    /// Starts all of them, in whatever order; "bmc0" is the name of the first.
    ///
    /// - Returns: in the order of the plans.
    /// - Throws: when one cannot be started; the others are taken down again.
    package static func start(_ plans: [Plan], sharing commons: FleetCommons) async throws(FleetFailure)
        -> [EmulatedFront]
    {
        let results = await mapped(Array(plans.enumerated())) { number, plan in
            await Result { () async throws(FleetFailure) in
                try await start(plan, name: "bmc\(number)", sharing: commons)
            }
        }
        do {
            return try results.map { result throws(FleetFailure) in try result.get() }
        } catch {
            await stop(results.compactMap { try? $0.get() })
            throw error
        }
    }

    /// Takes all of them down.
    package static func stop(_ fronts: [EmulatedFront]) async {
        _ = await mapped(fronts) { await $0.stop() }
    }

    /// Works on a few elements at a time.
    ///
    /// - Returns: in the order of the elements.
    private static func mapped<Element: Sendable, Result: Sendable>(
        _ elements: [Element], _ work: @escaping @Sendable (Element) async -> Result
    ) async -> [Result] {
        await withTaskGroup(of: (Int, Result).self) { group in
            var results = [Result?](repeating: nil, count: elements.count)
            var next = 0
            func begin() {
                guard next < elements.count else { return }
                let (number, element) = (next, elements[next])
                next += 1
                group.addTask { (number, await work(element)) }
            }
            for _ in 0..<atOnce { begin() }
            for await (number, result) in group {
                results[number] = result
                begin()
            }
            return results.compactMap(\.self)
        }
    }
}

extension Result where Failure: Error {
    fileprivate init(_ body: () async throws(Failure) -> Success) async {
        do throws(Failure) { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
