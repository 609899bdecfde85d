/// What a parameter of a fault must be.
package struct ParameterRule: Equatable, Sendable {
    package enum Form: Equatable, Sendable {
        case flag
        case integer(ClosedRange<Int64>)
        case number(ClosedRange<Double>)
        case text
        /// One of these words.
        case choice([String])
        case duration(ClosedRange<Duration>)
        /// A ``Latency``; each draw from the fault's own stream.
        case latency
        /// A name as in errno(3) or its number on Linux.
        case errno
        /// A name of ``SenseName`` or "03/11/00": key, code and qualifier in hexadecimal.
        case sense
        case integers(ClosedRange<Int64>)
        case texts
    }

    package var name: String
    package var form: Form
    /// `nil`: must be given, unless it is optional.
    package var standard: ParameterValue?
    package var isOptional: Bool
    /// "bytes", "milliseconds"; empty where the form says it.
    package var unit: String
    package var meaning: String

    package static func required(_ name: String, _ form: Form, _ meaning: String, unit: String = "")
        -> ParameterRule
    {
        ParameterRule(name: name, form: form, standard: nil, isOptional: false, unit: unit, meaning: meaning)
    }

    package static func standard(
        _ name: String, _ form: Form, _ value: ParameterValue, _ meaning: String, unit: String = ""
    ) -> ParameterRule {
        ParameterRule(
            name: name, form: form, standard: value, isOptional: false, unit: unit, meaning: meaning)
    }

    package static func optional(_ name: String, _ form: Form, _ meaning: String, unit: String = "")
        -> ParameterRule
    {
        ParameterRule(name: name, form: form, standard: nil, isOptional: true, unit: unit, meaning: meaning)
    }

    /// - Returns: the value in its plainest form (an errno's number), or `nil` if it is not of the form.
    func normalise(_ value: ParameterValue) -> ParameterValue? {
        switch (form, value) {
        case (.flag, .flag), (.text, .text): return value
        case (.text, .integer), (.text, .number), (.text, .flag): return .text(value.description)
        case (.integer(let range), .integer(let number)): return range.contains(number) ? value : nil
        case (.integer(let range), .number(let number)):
            guard let whole = Int64(exactly: number), range.contains(whole) else { return nil }
            return .integer(whole)
        case (.number(let range), .number(let number)): return range.contains(number) ? value : nil
        case (.number(let range), .integer(let number)):
            return range.contains(Double(number)) ? .number(Double(number)) : nil
        case (.choice(let words), .text(let text)): return words.contains(text) ? value : nil
        case (.duration(let range), .text(let text)):
            guard let duration = DurationText.parse(text), range.contains(duration) else { return nil }
            return value
        case (.latency, .text(let text)): return Latency(text) == nil ? nil : value
        case (.errno, .integer(let number)): return (1...133).contains(number) ? value : nil
        case (.errno, .text(let text)): return ErrnoName.number(of: text).map { .integer(Int64($0)) }
        case (.sense, .text(let text)): return SenseName(text).map { .text($0.hexadecimal) }
        case (.integers(let range), .list(let values)):
            let isRight = values.allSatisfy { value in
                guard case .integer(let number) = value else { return false }
                return range.contains(number)
            }
            return isRight && !values.isEmpty ? value : nil
        case (.texts, .list(let values)):
            let isRight = values.allSatisfy { value in
                guard case .text = value else { return false }
                return true
            }
            return isRight && !values.isEmpty ? value : nil
        default: return nil
        }
    }
}

extension ParameterRule.Form: CustomStringConvertible {
    /// For people: "a whole number from 400 to 599".
    package var description: String {
        switch self {
        case .flag: "true or false"
        case .integer(let range): "a whole number" + Self.bounds(range)
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .text: "text"
        case .choice(let words): "one of " + words.joined(separator: ", ")
        case .duration(let range):
            "a duration from \(DurationText.write(range.lowerBound)) to \(DurationText.write(range.upperBound))"
        case .latency:
            "a latency: 20ms, uniform 10ms 50ms, normal 20ms 5ms, exp 20ms or pareto 10ms 1.5"
        case .errno: "an errno: EIO, ESTALE, …, or its number"
        case .sense: "a sense: " + SenseName.names.joined(separator: ", ") + ", or hexadecimal 03/11/00"
        case .integers(let range): "a list of whole numbers" + Self.bounds(range)
        case .texts: "a list of texts"
        }
    }

    private static func bounds(_ range: ClosedRange<Int64>) -> String {
        switch (range.lowerBound, range.upperBound) {
        case (.min, .max): ""
        case (let low, .max): " of at least \(low)"
        case (.min, let high): " of at most \(high)"
        case (let low, let high): " from \(low) to \(high)"
        }
    }
}

extension ParameterRule.Form {
    package static let count = Self.integer(0...Int64.max)
    package static let positive = Self.integer(1...Int64.max)
    package static let anyInteger = Self.integer(Int64.min...Int64.max)
    package static let chance = Self.number(0...1)
    /// Up to an hour.
    package static let time = Self.duration(.zero ... .seconds(3600))
}
