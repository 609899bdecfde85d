import FaultPoints
import HTTPRanges
import RemoteStore
import Scenarios
import StoreService
internal import Worlds

/// How the image server behaves: as the scenario's topology says, and as its faults demand.
struct StoreConduct: Sendable {
    /// A handshake of TLS 1.3 over a fresh TCP connection.
    private static let handshakeRoundTrips = 2

    private let store: Scenario.Store
    private let faults: ServerFaults
    private let standing: Standing

    init(_ store: Scenario.Store, faults: ServerFaults, standing: Standing) {
        self.store = store
        self.faults = faults
        self.standing = standing
    }

    func answer(_ request: ReceivedRequest) -> AnswerFaults {
        var answer = faults.answer(request)
        answer.plan.delay += store.roundTrip
        if !store.hasRanges { answer.plan.ignoresRange = true }
        // "" is no field at all.
        switch store.versions {
        case .entityTag: break
        case .modificationTime: answer.plan.entityTag = answer.plan.entityTag ?? ""
        case .none:
            answer.plan.entityTag = answer.plan.entityTag ?? ""
            answer.plan.lastModified = answer.plan.lastModified ?? ""
        }
        if let hold = standing.present { answer.holds.append(hold) }
        return answer
    }

    func handshake(_ connection: Int) -> HandshakeFaults {
        var handshake = faults.handshake(connection)
        handshake.delay += store.roundTrip * Self.handshakeRoundTrips
        if let hold = standing.present { handshake.holds.append(hold) }
        return handshake
    }
}
