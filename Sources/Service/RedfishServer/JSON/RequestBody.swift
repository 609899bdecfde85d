import VirtualMedia

/// The JSON object of a request, taken apart key by key. What is wrong with it is collected, so that a client
/// hears of all of it at once; what nobody took is unknown.
struct RequestBody {
    enum Purpose: Equatable {
        /// PATCH, or POST to a collection.
        case properties
        /// "VirtualMedia.InsertMedia"
        case action(String)
    }

    private let purpose: Purpose
    private var remaining: [JSONNode.Member] = []
    private var problems: [MessageEntry] = []
    let isEmpty: Bool

    /// - Parameters:
    ///   - isOptional: Whether there may be no body at all.
    init(_ bytes: [UInt8], contentType: String?, for purpose: Purpose, isOptional: Bool = false)
        throws(Refusal)
    {
        self.purpose = purpose
        if bytes.isEmpty, isOptional {
            isEmpty = true
            return
        }
        if let contentType, !Self.isJSON(contentType) {
            throw Refusal(.headerInvalid, "Content-Type", status: 415)
        }
        guard !bytes.isEmpty else { throw Refusal(.malformedJSON) }
        let node: JSONNode
        do throws(JSONSyntaxError) { node = try JSONReader.read(bytes) } catch {
            throw Refusal(.invalidJSON, "\(error.position.line)")
        }
        guard case .object(let members) = node.value else { throw Refusal(.unrecognizedRequestBody) }
        isEmpty = members.isEmpty
        var keys: [String] = []
        for member in members {
            if keys.contains(where: { $0.utf8.elementsEqual(member.key.utf8) }) {
                problems.append(
                    entry(.propertyDuplicate, .actionParameterDuplicate, [member.key], about: member.key))
            } else {
                keys.append(member.key)
                // Annotations that a client repeats from an answer change nothing.
                if !member.key.hasPrefix("@odata.") { remaining.append(member) }
            }
        }
    }

    /// An object that did not come with a request.
    init(_ node: JSONNode) {
        if case .object(let members) = node.value {
            self.init(members, .properties)
        } else {
            self.init([], .properties)
        }
    }

    /// The members of an object, whatever their names are.
    mutating func members(_ key: String) -> [(name: String, node: JSONNode)]? {
        guard let node = take(key) else { return nil }
        guard case .object(let members) = node.value else {
            addTypeProblem(key, Self.shown(node))
            return nil
        }
        return members.map { ($0.key, $0.node) }
    }

    /// Objects inside a body.
    private init(_ members: [JSONNode.Member], _ purpose: Purpose) {
        self.purpose = purpose
        isEmpty = members.isEmpty
        remaining = members
    }

    private static func isJSON(_ contentType: String) -> Bool {
        let parts = contentType.lowercased().split(separator: ";", omittingEmptySubsequences: false)
        guard let kind = parts.first, kind.filter({ $0 != " " }) == "application/json" else { return false }
        for part in parts.dropFirst() where part.contains("charset") {
            let name = part.split(separator: "=").last.map { $0.filter { $0 != "\"" && $0 != " " } }
            if name != "utf-8" && name != "utf8" { return false }
        }
        return true
    }

    // MARK: Taking

    mutating func string(_ key: String, isSecret: Bool = false, isNullable: Bool = false) -> String? {
        guard let node = take(key) else { return nil }
        if case .string(let text) = node.value { return text }
        if isNullable, node.value == .null { return nil }
        addTypeProblem(key, isSecret ? "******" : Self.shown(node))
        return nil
    }

    mutating func boolean(_ key: String, isNullable: Bool = false) -> Bool? {
        guard let node = take(key) else { return nil }
        if case .boolean(let flag) = node.value { return flag }
        if isNullable, node.value == .null { return nil }
        addTypeProblem(key, Self.shown(node))
        return nil
    }

    /// A whole number in a range.
    mutating func integer(_ key: String, in range: ClosedRange<Int64>) -> Int64? {
        guard let node = take(key) else { return nil }
        guard case .number(let text) = node.value, let number = Int64(text) else {
            addTypeProblem(key, Self.shown(node))
            return nil
        }
        guard range.contains(number) else {
            add(MessageEntry(.propertyValueOutOfRange, [text, key], about: key))
            return nil
        }
        return number
    }

    /// A string that is one of a list.
    mutating func choice<Choice: RawRepresentable<String>>(
        _ key: String, of type: Choice.Type, isNullable: Bool = false
    ) -> Choice? {
        guard let text = string(key, isNullable: isNullable) else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        add(notInList(key, text))
        return nil
    }

    mutating func strings(_ key: String, limit: Int) -> [String]? {
        guard let node = take(key) else { return nil }
        guard case .array(let elements) = node.value else {
            addTypeProblem(key, Self.shown(node))
            return nil
        }
        guard elements.count <= limit else {
            add(MessageEntry(.propertyValueError, [key], about: key))
            return nil
        }
        var texts: [String] = []
        for element in elements {
            guard case .string(let text) = element.value else {
                addTypeProblem(key, Self.shown(element))
                return nil
            }
            texts.append(text)
        }
        return texts
    }

    /// An array of objects whose values are strings.
    mutating func objects(_ key: String, limit: Int) -> [[(name: String, value: String)]]? {
        guard let node = take(key) else { return nil }
        guard case .array(let elements) = node.value, elements.count <= limit else {
            addTypeProblem(key, Self.shown(node))
            return nil
        }
        var objects: [[(String, String)]] = []
        for element in elements {
            guard case .object(let members) = element.value else {
                addTypeProblem(key, Self.shown(element))
                return nil
            }
            var object: [(String, String)] = []
            for member in members {
                // The value may be a secret, and is not repeated.
                guard case .string(let text) = member.node.value else {
                    addTypeProblem(key, member.node.kind)
                    return nil
                }
                object.append((member.key, text))
            }
            objects.append(object)
        }
        return objects
    }

    /// An object to be taken apart in its turn; give it back to ``absorb(_:)``.
    mutating func object(_ key: String) -> RequestBody? {
        guard let node = take(key) else { return nil }
        guard case .object(let members) = node.value else {
            addTypeProblem(key, Self.shown(node))
            return nil
        }
        return RequestBody(members, purpose)
    }

    /// An object that names another resource: its "@odata.id".
    mutating func link(_ key: String) -> String? {
        guard let node = take(key) else { return nil }
        guard case .object(let members) = node.value, members.count == 1, members[0].key == "@odata.id",
            case .string(let path) = members[0].node.value
        else {
            addTypeProblem(key, Self.shown(node))
            return nil
        }
        return path
    }

    mutating func absorb(_ nested: RequestBody) {
        problems += nested.problems + nested.unknown
    }

    /// Whether anything is left that nobody has taken, or was wrong.
    var hasMore: Bool { !remaining.isEmpty || !problems.isEmpty }

    /// Whether a key is there that nobody has taken yet.
    func has(_ key: String) -> Bool { remaining.contains { $0.key == key } }

    /// Keys of the resource that cannot be written.
    mutating func refuse(readOnly keys: [String]) {
        for key in keys where take(key) != nil {
            add(MessageEntry(.propertyNotWritable, [key], about: key))
        }
    }

    /// Takes a key whose value is null; another value stays.
    mutating func takesNull(_ key: String) -> Bool { takes(key, .null) }
    /// Takes a key whose value is false; another value stays.
    mutating func takesFalse(_ key: String) -> Bool { takes(key, .boolean(false)) }

    private mutating func takes(_ key: String, _ value: JSONNode.Value) -> Bool {
        guard remaining.contains(where: { $0.key == key && $0.node.value == value }) else { return false }
        return take(key) != nil
    }

    /// Keys that mean nothing beside others that are there.
    mutating func drop(_ keys: [String]) { for key in keys { _ = take(key) } }

    // MARK: What is wrong

    mutating func add(_ problem: MessageEntry) { problems.append(problem) }

    mutating func addMissing(_ key: String) {
        guard !problems.contains(where: { $0.relatedProperty == "#/\(key)" }) else { return }
        switch purpose {
        case .properties: add(MessageEntry(.propertyMissing, [key], about: key))
        case .action(let action): add(MessageEntry(.actionParameterMissing, [action, key], about: key))
        }
    }

    mutating func addFormatProblem(_ key: String, _ value: String) {
        switch purpose {
        case .properties: add(MessageEntry(.propertyValueFormatError, [value, key], about: key))
        case .action(let action):
            add(MessageEntry(.actionParameterValueFormatError, [value, key, action], about: key))
        }
    }

    /// Does not repeat the value.
    mutating func addValueProblem(_ key: String) {
        switch purpose {
        case .properties: add(MessageEntry(.propertyValueError, [key], about: key))
        case .action(let action):
            add(MessageEntry(.actionParameterValueError, [key, action], about: key))
        }
    }

    func notInList(_ key: String, _ value: String) -> MessageEntry {
        switch purpose {
        case .properties: MessageEntry(.propertyValueNotInList, [value, key], about: key)
        case .action(let action):
            MessageEntry(.actionParameterValueNotInList, [value, key, action], about: key)
        }
    }

    /// - Throws: all that was wrong.
    func finish() throws(Refusal) {
        let all = problems + unknown
        if !all.isEmpty { throw Refusal(Array(all.prefix(Self.maximumMessages))) }
    }

    private static let maximumMessages = 16

    private var unknown: [MessageEntry] {
        remaining.map { entry(.propertyUnknown, .actionParameterUnknown, [$0.key], about: $0.key) }
    }

    private func entry(
        _ property: MessageDefinition, _ parameter: MessageDefinition, _ arguments: [String],
        about key: String
    ) -> MessageEntry {
        switch purpose {
        case .properties: MessageEntry(property, arguments, about: key)
        case .action(let action): MessageEntry(parameter, [action] + arguments, about: key)
        }
    }

    private mutating func addTypeProblem(_ key: String, _ value: String) {
        switch purpose {
        case .properties: add(MessageEntry(.propertyValueTypeError, [value, key], about: key))
        case .action(let action):
            add(MessageEntry(.actionParameterValueTypeError, [value, key, action], about: key))
        }
    }

    private mutating func take(_ key: String) -> JSONNode? {
        guard let index = remaining.firstIndex(where: { $0.key == key }) else { return nil }
        return remaining.remove(at: index).node
    }

    private static func shown(_ node: JSONNode) -> String {
        switch node.value {
        case .string(let text): text
        case .number(let text): text
        default: node.kind
        }
    }
}
