package import FaultPoints
package import SimulatedTime

/// Where a fault can be carried out.
package enum FaultWorld: String, Codable, Sendable, CaseIterable {
    /// In memory, on virtual time.
    case sim
    /// The store's file system and image server, alone.
    case store
    /// The emulated BMC on real time: real sockets, kernel in memory.
    case emulated
    /// A real kernel in a virtual machine, or a board.
    case kernel
}

/// A fault of the catalogue.
package struct FaultKind: Sendable {
    /// How it happens.
    package enum Manner: String, Codable, Sendable {
        /// An operation meets it, and something is done to that operation.
        case met
        /// It strikes by itself, once, and is over.
        case struck
        /// It strikes by itself and lasts until its duration is over or the run is healed.
        case lasting
    }

    /// What it makes of an occasion. All chance comes from the stream.
    package typealias Actions =
        @Sendable (FaultParameters, FaultOccasion, inout RandomStream) -> [FaultAction]

    /// "http.status": the layer or what it is done to, then what.
    package var name: String
    /// Of the list of faults that it stands for: "HT05".
    package var codes: [String]
    /// Under which it is listed.
    package var layer: FaultLayer
    /// Whose operations meet it, or set it off; the same layer but for SMB, which the store plays.
    package var metIn: FaultLayer
    /// In the words of the layer; empty for every operation of it.
    package var operations: [String]
    package var manner: Manner
    package var parameters: [ParameterRule]
    /// What it does, in one or two sentences.
    package var effect: String
    /// What a sound system does then, for people.
    package var expected: String
    /// The same for programs, where a fault of a plan does not say otherwise.
    package var expectation: FaultExpectation
    package var worlds: [FaultWorld]
    /// Empty result for one that is struck.
    package var actions: Actions

    /// - Parameter operations: in the words of the layer; empty for every one.
    init(
        _ name: String, _ codes: [String], _ layer: FaultLayer, metIn: FaultLayer? = nil,
        on operations: [String] = [], _ parameters: [ParameterRule] = [], effect: String, expected: String,
        _ expectation: FaultExpectation, in worlds: [FaultWorld], actions: @escaping Actions
    ) {
        self.name = name
        self.codes = codes
        self.layer = layer
        self.metIn = metIn ?? layer
        self.operations = operations
        manner = .met
        self.parameters = parameters
        self.effect = effect
        self.expected = expected
        self.expectation = expectation
        self.worlds = worlds
        self.actions = actions
    }

    /// One that strikes by itself.
    static func striking(
        _ name: String, _ codes: [String], _ layer: FaultLayer, lasts: Bool = false,
        _ parameters: [ParameterRule] = [], effect: String, expected: String, _ expectation: FaultExpectation,
        in worlds: [FaultWorld]
    ) -> FaultKind {
        var kind = FaultKind(
            name, codes, layer, parameters, effect: effect, expected: expected, expectation, in: worlds
        ) { _, _, _ in [] }
        kind.manner = lasts ? .lasting : .struck
        return kind
    }
}

extension Array where Element == FaultWorld {
    /// Everywhere but on a real kernel, whose inside nobody can change.
    static let everywhere = FaultWorld.allCases
    static let machine: [FaultWorld] = [.sim, .emulated, .kernel]
    static let modelled: [FaultWorld] = [.sim, .emulated]
}
