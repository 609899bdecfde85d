package import FaultPlan
import Foundation
import Yams

/// Faults as people and programs hand them in: JSON or YAML; one fault, a list of them, or a plan.
package enum FaultText {
    /// More text than this is no list of faults.
    package static let maximumBytes = 1 << 20

    /// - Throws: with what is wrong and where, as far as the decoder knows.
    package static func parse(_ text: String) throws(StoreFailure) -> [Fault] {
        guard text.utf8.count <= maximumBytes else {
            throw StoreFailure("faults: more than \(maximumBytes) bytes")
        }
        guard text.contains(where: { !$0.isWhitespace }) else { return [] }
        let data = Data(text.utf8)
        do {
            // YAML reads JSON as well, but knows less of what is wrong with it.
            let isJSON = (try? JSONSerialization.jsonObject(with: data)) != nil
            return isJSON
                ? try JSONDecoder().decode(Several.self, from: data).faults
                : try YAMLDecoder().decode(Several.self, from: text).faults
        } catch {
            throw StoreFailure("faults: \(words(error))")
        }
    }

    /// A value for a parameter of a kind, as somebody typed it: a number where it is one and the parameter is
    /// no word.
    package static func value(_ text: String, for name: String, of kind: String) -> ParameterValue {
        let rule = FaultCatalogue.standard[kind]?.parameters.first { $0.name == name }
        switch rule?.form {
        case .choice, .text, .duration, .latency, .sense: return .text(text)
        default: return Int64(text).map { .integer($0) } ?? .text(text)
        }
    }

    /// One fault, a list, or a plan.
    private struct Several: Decodable {
        let faults: [Fault]

        private enum CodingKeys: String, CodingKey { case kind, faults }

        init(from decoder: any Decoder) throws {
            if let list = try? decoder.unkeyedContainer(), list.count != nil {
                faults = try [Fault](from: decoder)
                return
            }
            let container = try decoder.container(keyedBy: CodingKeys.self)
            if container.contains(.kind) {
                faults = [try Fault(from: decoder)]
            } else {
                faults = try FaultPlan(from: decoder).faults
            }
        }
    }

    private static func words(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        switch error {
        case .keyNotFound(let key, let context): return "\(place(context))needs \"\(key.stringValue)\""
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            return place(context) + context.debugDescription
        @unknown default: return "\(error)"
        }
    }

    /// "2.trigger: ".
    private static func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { $0.intValue.map { "\($0 + 1)" } ?? $0.stringValue }
        return path.isEmpty ? "" : path.joined(separator: ".") + ": "
    }
}
