import FaultPlan

/// The JSON Schema (draft 2020-12) of scenarios, for editors: they complete keys and mark mistakes while
/// one types. What needs more than one place to be seen, the reader alone knows.
package enum ScenarioSchema {
    /// Indented, with a line feed at the end.
    package static var text: String { JSONWriter.text(of: node) }

    static var node: DocumentNode {
        let records = ScenarioFields.records
        return .map([
            .init("$schema", .text("https://json-schema.org/draft/2020-12/schema")),
            .init("title", .text("MediaRig scenario")),
            .init("$ref", .text(reference(to: ScenarioFields.scenario.shape.name))),
            .init("$defs", .map(records.map { .init(identifier($0.name), schema(of: $0)) })),
        ])
    }

    private static func schema(of record: RecordShape) -> DocumentNode {
        var entries: [DocumentNode.Entry] = [
            .init("description", .text(record.meaning)), .init("type", .text("object")),
            .init("additionalProperties", .boolean(false)),
            .init("properties", .map(record.fields.map { .init($0.key, schema(of: $0)) })),
        ]
        let required = record.fields.filter(\.isRequired).map { DocumentNode.text($0.key) }
        if !required.isEmpty { entries.append(.init("required", .list(required))) }
        if record.isChoice {
            entries += [.init("minProperties", .integer(1)), .init("maxProperties", .integer(1))]
        }
        if record.name == ScenarioFields.fault.shape.name { entries.append(.init("allOf", faultRules)) }
        return .map(entries)
    }

    private static func schema(of field: FieldShape) -> DocumentNode {
        var entries = [DocumentNode.Entry("description", .text(field.meaning))]
        entries += field.shape.schema
        if let fallback = field.fallback, fallback != .null, fallback.entries == nil {
            entries.append(.init("default", fallback))
        }
        return .map(entries)
    }

    static func reference(to record: String) -> String { "#/$defs/\(identifier(record))" }

    private static func identifier(_ record: String) -> String {
        String(record.map { $0 == " " ? "-" : $0 })
    }

    /// The parameters that each kind of fault has.
    private static var faultRules: DocumentNode {
        .list(
            FaultCatalogue.standard.kinds.map { kind in
                let parameters = kind.parameters.map { rule in
                    DocumentNode.Entry(
                        rule.name, .map([.init("description", .text("\(rule.meaning) (\(rule.form))"))]))
                }
                let needed = kind.parameters.filter { $0.standard == nil && !$0.isOptional }
                var schema: [DocumentNode.Entry] = [
                    .init("properties", .map(parameters)), .init("additionalProperties", .boolean(false)),
                ]
                if !needed.isEmpty {
                    schema.append(.init("required", .list(needed.map { .text($0.name) })))
                }
                let isKind = DocumentNode.map([.init("kind", .map([.init("const", .text(kind.name))]))])
                return .map([
                    .init("if", .map([.init("properties", isKind)])),
                    .init(
                        "then", .map([.init("properties", .map([.init("parameters", .map(schema))]))])),
                ])
            })
    }
}

extension Shape {
    /// Keywords of JSON Schema.
    fileprivate var schema: [DocumentNode.Entry] {
        switch self {
        case .text(_, let pattern):
            return [.init("type", .text("string"))] + (pattern.map { [.init("pattern", .text($0))] } ?? [])
        case .integer(let range):
            return [.init("type", .text("integer"))]
                + (range.lowerBound == .min ? [] : [.init("minimum", .integer(range.lowerBound))])
                + (range.upperBound == .max ? [] : [.init("maximum", .integer(range.upperBound))])
        case .number(let range):
            return [
                .init("type", .text("number")), .init("minimum", .number(range.lowerBound)),
                .init("maximum", .number(range.upperBound)),
            ]
        case .boolean: return [.init("type", .text("boolean"))]
        case .choice(let words): return [.init("enum", .list(words.map { .text($0) }))]
        case .list(let element, let count):
            return [
                .init("type", .text("array")), .init("items", .map(element.schema)),
                .init("minItems", .integer(Int64(count.lowerBound))),
                .init("maxItems", .integer(Int64(count.upperBound))),
            ]
        case .map(let keys, let values):
            return [
                .init("type", .text("object")), .init("propertyNames", .map(keys.keySchema)),
                .init("additionalProperties", .map(values.schema)),
            ]
        case .record(let name): return [.init("$ref", .text(ScenarioSchema.reference(to: name)))]
        case .either(let shapes): return [.init("anyOf", .list(shapes.map { .map($0.schema) }))]
        case .anything: return []
        }
    }

    /// Keys are strings always, so that only what is in them can be said.
    private var keySchema: [DocumentNode.Entry] { schema.filter { $0.key != "type" } }
}
