/// What a room carries out: which actions on which operations of which layers. The catalogue of faults
/// may promise no more, and a room traps on what is not in its table.
package struct FaultTable: Sendable {
    package struct Entry: Hashable, Sendable {
        package var layer: FaultLayer
        package var operation: String
        /// See ``FaultAction/word``.
        package var action: String

        package init(_ layer: FaultLayer, _ operation: String, _ action: String) {
            self.layer = layer
            self.operation = operation
            self.action = action
        }
    }

    /// In the order of the table, each once.
    package private(set) var entries: [Entry] = []
    private var known: Set<Entry> = []

    package init() {}

    /// Each of the actions on each of the operations.
    package init(_ layer: FaultLayer, _ operations: [String], _ actions: [String]) {
        for operation in operations {
            for action in actions { add(Entry(layer, operation, action)) }
        }
    }

    package static func + (left: FaultTable, right: FaultTable) -> FaultTable {
        var sum = left
        for entry in right.entries { sum.add(entry) }
        return sum
    }

    package func carriesOut(_ action: FaultAction, on operation: String, of layer: FaultLayer) -> Bool {
        known.contains(Entry(layer, operation, action.word))
    }

    /// Traps on an action that is not carried out there: a fault that does nothing proves nothing.
    package func check(_ actions: [FaultAction], on operation: String, of layer: FaultLayer) {
        for action in actions where !carriesOut(action, on: operation, of: layer) {
            preconditionFailure(
                "\(layer.rawValue) does not carry out \"\(action.word)\" on \"\(operation)\"")
        }
    }

    private mutating func add(_ entry: Entry) {
        if known.insert(entry).inserted { entries.append(entry) }
    }
}

extension FaultAction {
    /// Its name in tables: "delay", "fail-afterwards", "lie-size"; of a special one its own.
    package var word: String {
        switch self {
        case .delay: "delay"
        case .hold: "hold"
        case .fail: "fail"
        case .failAfterwards: "fail-afterwards"
        case .pretend: "pretend"
        case .short: "short"
        case .torn: "torn"
        case .corrupt: "corrupt"
        case .drop: "drop"
        case .duplicate: "duplicate"
        case .reorder: "reorder"
        case .close: "close"
        case .reset: "reset"
        case .bandwidth: "bandwidth"
        case .slice: "slice"
        case .lie(let field, _): "lie-\(field)"
        case .status: "status"
        case .sense: "sense"
        case .special(let name, _): name
        }
    }
}

/// Asks nobody but a closure: for tests, and for hosts of one fault.
package struct InjectorOf: FaultInjector {
    private let answer: @Sendable (FaultOccasion) -> [FaultAction]
    package init(_ answer: @escaping @Sendable (FaultOccasion) -> [FaultAction]) { self.answer = answer }
    package func meet(_ occasion: FaultOccasion) -> [FaultAction] { answer(occasion) }
}
