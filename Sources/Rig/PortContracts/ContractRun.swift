import VirtualMedia

/// How one contract ended.
package struct ContractResult: Codable, Equatable, Sendable {
    package let area: String
    package let name: String
    /// `nil` when it holds.
    package let breach: String?
    package let milliseconds: Int

    package init(area: String, name: String, breach: String?, milliseconds: Int) {
        self.area = area
        self.name = name
        self.breach = breach
        self.milliseconds = milliseconds
    }
}

/// Holds contracts against a subject, one after the other: they share its names.
package enum ContractRun {
    /// Then a contract is cancelled; what waits in the kernel goes on until the kernel lets it.
    static let limit = Duration.seconds(90)

    /// - Parameter each: told of every result as it comes.
    package static func hold(
        _ contracts: [PortContract], against subject: ContractSubject,
        each: (ContractResult) -> Void = { _ in }
    ) async -> [ContractResult] {
        var results: [ContractResult] = []
        for contract in contracts {
            await subject.tidy()
            let begin = subject.clock.now
            let breach = await hold(contract, against: subject)
            let result = ContractResult(
                area: contract.area.rawValue, name: contract.name, breach: breach,
                milliseconds: Int((subject.clock.now - begin) / .milliseconds(1)))
            results.append(result)
            each(result)
        }
        await subject.tidy()
        return results
    }

    private static func hold(_ contract: PortContract, against subject: ContractSubject) async -> String? {
        let held = Outcome<String>()
        // May block, as a slot's step may.
        let body = subject.spawner.spawn("contract", .ownThread) {
            do {
                try await contract.body(subject)
            } catch {
                held.set(Task.isCancelled ? "not done in \(limit)" : "\(error)")
                return
            }
            // A stream that ends early, when cancelled, ends a wait without an error.
            if Task.isCancelled { held.set("not done in \(limit)") }
        }
        let timer = subject.spawner.spawn("contract limit", .shared) {
            do { try await subject.clock.sleep(until: subject.clock.now + limit) } catch { return }
            body.cancel()
        }
        await body.finished()
        timer.cancel()
        return held.value
    }
}
