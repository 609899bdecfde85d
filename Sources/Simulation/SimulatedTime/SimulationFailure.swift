/// A run that did not come to its end.
package enum SimulationFailure: Error, Equatable, Sendable {
    /// Nothing is ready and nothing sleeps, but these tasks have not ended; in the order of their start.
    case deadlock(at: Duration, waiting: [WaitingTask])
    /// - running: Names of the tasks of the last steps, those that ran most first.
    case outOfSteps(Int, at: Duration, running: [String], waiting: [WaitingTask])
    case outOfTime(Duration, running: [String], waiting: [WaitingTask])
    /// The run did what its seed does not decide.
    case escaped(Escapes)
}

extension SimulationFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .deadlock(let time, let waiting):
            "deadlock at \(time): nothing is ready, nothing sleeps; waiting: \(list(waiting))"
        case .outOfSteps(let steps, let time, let running, let waiting):
            "no end after \(steps) steps, at \(time); running last: \(list(running)); "
                + "waiting: \(list(waiting))"
        case .outOfTime(let time, let running, let waiting):
            "no end after \(time) of virtual time; running last: \(list(running)); "
                + "waiting: \(list(waiting))"
        case .escaped(let escapes): "not determined by the seed: \(escapes)"
        }
    }

    private func list(_ items: [some CustomStringConvertible]) -> String {
        items.isEmpty ? "none" : items.map(\.description).joined(separator: ", ")
    }
}
