import Foundation

/// JSON as all of the store's interfaces write it.
enum StoreJSON {
    static func text(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else {
            preconditionFailure("\(type(of: value)) does not fit into JSON")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
