/// A run that did not come to its end.
package enum SimulationFailure: Error, Equatable, Sendable {
    /// Nothing is ready and nothing sleeps, but these tasks have not ended.
    case deadlock(at: Duration, waiting: [String])
    case outOfSteps(Int, at: Duration, waiting: [String])
    case outOfTime(Duration, waiting: [String])
    /// Jobs came from other threads, so the order was not the seed's.
    case escaped(foreignEnqueues: Int)
}

extension SimulationFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .deadlock(let time, let waiting):
            "deadlock at \(time): nothing is ready, nothing sleeps; waiting: \(list(waiting))"
        case .outOfSteps(let steps, let time, let waiting):
            "no end after \(steps) steps, at \(time); waiting: \(list(waiting))"
        case .outOfTime(let time, let waiting):
            "no end after \(time) of virtual time; waiting: \(list(waiting))"
        case .escaped(let count): "\(count) jobs came from threads outside the simulation"
        }
    }

    private func list(_ names: [String]) -> String { names.joined(separator: ", ") }
}
