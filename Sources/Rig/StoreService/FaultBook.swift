package import FaultPlan
package import FaultPoints
import FaultyFiles
import RemoteStore
import RunLog

/// The faults of a running store: what may be added, what is there, how often each fired.
package final class FaultBook: FaultInjector {
    private let engine: FaultEngine

    /// - Throws: when a fault cannot be, or is none that a store can carry out.
    package init(_ faults: [Fault], seed: UInt64, fileExists: @escaping @Sendable (String) -> Bool)
        throws(StoreFailure)
    {
        do throws(FaultPlanError) {
            engine = try FaultEngine(
                FaultPlan(seed: seed), surroundings: FaultEngine.Surroundings(fileExists: fileExists))
        } catch {
            throw StoreFailure("\(error)")
        }
        for fault in faults { try add(fault, at: .zero) }
    }

    package func meet(_ occasion: FaultOccasion) -> [FaultAction] { engine.meet(occasion) }

    package var seed: UInt64 { engine.seed }

    /// - Returns: the fault with its name and all its parameters.
    @discardableResult
    package func add(_ fault: Fault, at now: Duration) throws(StoreFailure) -> Fault {
        if let kind = FaultCatalogue.standard[fault.kind], !Self.carriesOut(kind) {
            throw StoreFailure(
                "\(fault.kind): not a fault of a store alone; `mediarig store faults` lists those that are")
        }
        switch fault.trigger {
        case .onEvent, .onState:
            throw StoreFailure("\(fault.kind): a store sees no events and no slots: use another trigger")
        default: break
        }
        do throws(FaultPlanError) {
            return try engine.add(fault, at: now)
        } catch {
            throw StoreFailure("\(error)")
        }
    }

    /// - Returns: `false` if there is none of that name.
    package func remove(_ name: String, at now: Duration) -> Bool { engine.remove(name, at: now) }

    package func removeAll(at now: Duration) { engine.clear(at: now) }

    package struct Entry: Encodable, Sendable {
        package let fault: Fault
        /// Occasions it looked at, and those at which it fired.
        package let matched: Int
        package let fired: Int
    }

    /// Those that are there, in order.
    package var entries: [Entry] {
        let tallies = Dictionary(engine.tallies.map { ($0.identifier, $0) }) { $1 }
        return engine.faults.map { fault in
            let tally = tallies[fault.identifier]
            return Entry(fault: fault, matched: tally?.matched ?? 0, fired: tally?.fired ?? 0)
        }
    }

    /// Of all that there ever were.
    package var fired: [(name: String, count: Int)] {
        engine.tallies.map { ($0.identifier, $0.fired) }
    }

    /// Kinds that a store by itself carries out.
    package static let kinds: [FaultKind] = FaultCatalogue.standard.kinds.filter(carriesOut)

    /// By the layer in which they are met.
    package static let carriedOut: [FaultLayer: FaultTable] = [
        .store: StoreFaults.carriedOut, .http: AnswerFaults.carriedOut,
        .tls: HandshakeFaults.carriedOut + AnswerFaults.carriedOutAtClose,
    ]

    private static func carriesOut(_ kind: FaultKind) -> Bool {
        kind.manner == .met && kind.worlds.contains(.store) && carriedOut[kind.metIn] != nil
    }
}
