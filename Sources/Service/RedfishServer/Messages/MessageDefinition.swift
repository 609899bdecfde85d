/// One entry of a message registry: what a client may be told, and with which HTTP status.
package struct MessageDefinition: Equatable, Sendable {
    package enum Severity: String, Sendable {
        case ok = "OK"
        case warning = "Warning"
        case critical = "Critical"
    }

    /// The registry with its version of two parts, "Base.1.22".
    package let registry: String
    package let key: String
    /// With %1, %2 … where arguments belong.
    package let text: String
    package let argumentCount: Int
    package let severity: Severity
    /// The status that an answer has which says this and nothing else.
    package let status: Int
    package let resolution: String

    package var id: String { "\(registry).\(key)" }
}

/// A message with its arguments, as it stands in answers, events and tasks.
package struct MessageEntry: Equatable, Sendable {
    package let definition: MessageDefinition
    package let arguments: [String]
    /// A JSON pointer to what is meant: "#/Image".
    package var relatedProperty: String?

    package init(_ definition: MessageDefinition, _ arguments: [String] = [], about property: String? = nil) {
        precondition(
            definition.argumentCount == arguments.count, "\(definition.id) has \(definition.argumentCount)")
        self.definition = definition
        self.arguments = arguments.map { Self.shortened($0) }
        relatedProperty = property.map { "#/\($0)" }
    }

    /// What clients sent is repeated to them up to this many characters.
    static let maximumArgumentCharacters = 256

    private static func shortened(_ text: String) -> String {
        text.count <= maximumArgumentCharacters ? text : text.prefix(maximumArgumentCharacters) + "…"
    }

    package var text: String {
        var text = ""
        var rest = definition.text[...]
        while let mark = rest.firstIndex(of: "%") {
            text += rest[..<mark]
            rest = rest[rest.index(after: mark)...]
            guard let number = rest.first?.wholeNumberValue, (1...9).contains(number) else {
                text += "%"
                continue
            }
            if number <= arguments.count { text += arguments[number - 1] }
            rest = rest.dropFirst()
        }
        return text + rest
    }

    package var json: JSONObject {
        var object: JSONObject = [
            "@odata.type": "#Message.v1_3_0.Message", "MessageId": .string(definition.id),
            "Message": .string(text), "MessageArgs": .strings(arguments),
            "MessageSeverity": .string(definition.severity.rawValue),
            "Resolution": .string(definition.resolution),
        ]
        if let relatedProperty { object["RelatedProperties"] = .strings([relatedProperty]) }
        return object
    }
}

/// Why a request is not carried out: the status and the messages of its answer.
package struct Refusal: Error, Equatable, Sendable {
    package var status: Int
    package var messages: [MessageEntry]
    /// What is known besides, in the words of whoever found it; never a secret.
    package var detail = ""
    /// Seconds for a Retry-After header.
    package var retryAfterSeconds: Int?

    package init(_ messages: [MessageEntry], status: Int? = nil) {
        precondition(!messages.isEmpty)
        self.messages = messages
        self.status = status ?? messages[0].definition.status
    }

    package init(
        _ definition: MessageDefinition, _ arguments: String..., about property: String? = nil,
        status: Int? = nil
    ) {
        self.init([MessageEntry(definition, arguments, about: property)], status: status)
    }

    /// The error object of the Redfish specification ("Error responses").
    package var json: JSON {
        let first = messages[0]
        let general = MessageEntry(.generalError)
        return [
            "error": [
                "code": .string(messages.count == 1 ? first.definition.id : general.definition.id),
                "message": .string(messages.count == 1 ? first.text : general.text),
                "@Message.ExtendedInfo": .array(messages.map { .object(extended($0)) }),
            ]
        ]
    }

    /// The detail stands where people look for what to do.
    private func extended(_ message: MessageEntry) -> JSONObject {
        var object = message.json
        if !detail.isEmpty { object["Resolution"] = .string("\(message.definition.resolution)  (\(detail))") }
        return object
    }
}
