/// One thing that goes wrong: what, to whom, when, for how long, how often at most, and what the
/// system must do about it.
///
/// In JSON only `kind` is required; a misspelt key is an error. `trigger`, `expect`, `duration` and
/// the stall are text: "nth 3", "retry", "250ms".
package struct Fault: Equatable, Sendable {
    /// Its name in the plan. Empty until the plan gives it one: f1, f2, …
    package var identifier: String
    /// Its name in the catalogue: "http.status".
    package var kind: String
    package var parameters: [String: ParameterValue]
    package var select: Selector
    package var trigger: Trigger
    /// How long it stays active once it is; until the heal if `nil`, and for a counted trigger the
    /// occasion only.
    package var duration: Duration?
    package var budget: Budget
    /// That of the catalogue if `nil`.
    package var expect: FaultExpectation?
    /// The random stream that it draws from; one of its own, after its identifier, if `nil`.
    package var stream: String?

    /// What it may do at most.
    package struct Budget: Equatable, Sendable {
        /// Firings.
        package var times: Int?
        /// All delays together. A delay that would exceed it is cut, and a hold without an end
        /// becomes a delay of what is left.
        package var stall: Duration?

        package static let unlimited = Budget()

        package init(times: Int? = nil, stall: Duration? = nil) {
            self.times = times
            self.stall = stall
        }
    }

    package init(
        _ kind: String, _ parameters: [String: ParameterValue] = [:], identifier: String = "",
        select: Selector = Selector(), trigger: Trigger = .always, duration: Duration? = nil,
        budget: Budget = .unlimited, expect: FaultExpectation? = nil, stream: String? = nil
    ) {
        self.identifier = identifier
        self.kind = kind
        self.parameters = parameters
        self.select = select
        self.trigger = trigger
        self.duration = duration
        self.budget = budget
        self.expect = expect
        self.stream = stream
    }

    var streamName: String { stream ?? "fault \(identifier)" }
}

extension Fault: CustomStringConvertible {
    /// One line: "f1 http.status(code: 503) get of *.iso; nth 3; for 2s; at most 3 times; expect retry".
    package var description: String {
        let list = parameters.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        var line = identifier.isEmpty ? kind : "\(identifier) \(kind)"
        if !list.isEmpty { line += "(" + list.joined(separator: ", ") + ")" }
        let selection = select.description
        if !selection.isEmpty { line += " \(selection)" }
        line += "; \(trigger)"
        if let duration { line += "; for \(DurationText.write(duration))" }
        if let times = budget.times { line += "; at most \(times) times" }
        if let stall = budget.stall { line += "; stalls at most \(DurationText.write(stall))" }
        if let expect { line += "; expect \(expect)" }
        return line
    }
}

extension Fault: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case identifier, kind, parameters, select, trigger, duration, budget, expect, stream
    }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(CodingKeys.self)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        identifier = try container.decodeIfPresent(String.self, forKey: .identifier) ?? ""
        kind = try container.decode(String.self, forKey: .kind)
        parameters = try container.decodeIfPresent([String: ParameterValue].self, forKey: .parameters) ?? [:]
        select = try container.decodeIfPresent(Selector.self, forKey: .select) ?? Selector()
        trigger = try container.decodeIfPresent(Trigger.self, forKey: .trigger) ?? .always
        duration = try container.decodeIfPresent(WrittenDuration.self, forKey: .duration)?.duration
        budget = try container.decodeIfPresent(Budget.self, forKey: .budget) ?? .unlimited
        expect = try container.decodeIfPresent(FaultExpectation.self, forKey: .expect)
        stream = try container.decodeIfPresent(String.self, forKey: .stream)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        if !identifier.isEmpty { try container.encode(identifier, forKey: .identifier) }
        try container.encode(kind, forKey: .kind)
        if !parameters.isEmpty { try container.encode(parameters, forKey: .parameters) }
        if select != Selector() { try container.encode(select, forKey: .select) }
        try container.encode(trigger, forKey: .trigger)
        try container.encodeIfPresent(duration.map(WrittenDuration.init), forKey: .duration)
        if budget != .unlimited { try container.encode(budget, forKey: .budget) }
        try container.encodeIfPresent(expect, forKey: .expect)
        try container.encodeIfPresent(stream, forKey: .stream)
    }
}

extension Fault.Budget: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case times, stall }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(CodingKeys.self)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        times = try container.decodeIfPresent(Int.self, forKey: .times)
        stall = try container.decodeIfPresent(WrittenDuration.self, forKey: .stall)?.duration
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(times, forKey: .times)
        try container.encodeIfPresent(stall.map(WrittenDuration.init), forKey: .stall)
    }
}

/// A duration as text in JSON.
struct WrittenDuration: TextCodable {
    static let form = "a duration like \"250ms\", \"1.5s\" or \"2min\""
    let duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    init?(_ text: String) {
        guard let duration = DurationText.parse(text) else { return nil }
        self.duration = duration
    }

    var description: String { DurationText.write(duration) }
}
