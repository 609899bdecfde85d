/// What a GET asks of its resource beside the resource itself.
struct ResourceQuery: Equatable {
    enum Links: Equatable {
        /// "*", all; "." those below; "~" those beside.
        case all, below, beside
    }

    var isOnly = false
    var expand: Links?
    var expandLevels = 1
    /// Paths of properties: "Status/State".
    var select: [[String]] = []
    var top: Int?
    var skip = 0

    static let maximumLevels = 3
    var isPlain: Bool { self == ResourceQuery() }

    init() {}

    /// - Throws: 501 for what begins with "$" and is not known, 400 for what is wrong.
    init(_ parameters: [RequestTarget.Parameter]) throws(Refusal) {
        for parameter in parameters {
            switch parameter.name {
            case "only":
                guard !parameter.hasValue else { throw Refusal(.queryParameterValueError, "only") }
                isOnly = true
            case "$expand": try takeExpand(parameter.value)
            case "$select": try takeSelect(parameter.value)
            case "$top": top = try Self.number(parameter)
            case "$skip": skip = try Self.number(parameter)
            case let name where name.hasPrefix("$"): throw Refusal(.queryParameterUnsupported, name)
            case "excerpt": throw Refusal(.queryParameterUnsupported, "excerpt", status: 400)
            // Others are not ours to judge: the specification has them ignored.
            default: continue
            }
        }
        if isOnly, expand != nil || !select.isEmpty || top != nil || skip > 0 {
            throw Refusal(.queryCombinationInvalid)
        }
    }

    private mutating func takeExpand(_ text: String) throws(Refusal) {
        switch text.first {
        case "*": expand = .all
        case ".": expand = .below
        case "~": expand = .beside
        default: throw Refusal(.queryParameterValueError, "$expand")
        }
        let rest = text.dropFirst()
        guard !rest.isEmpty else { return }
        guard rest.hasPrefix("($levels="), rest.last == ")",
            let levels = Int(rest.dropFirst("($levels=".count).dropLast())
        else { throw Refusal(.queryParameterValueError, "$expand") }
        guard (1...Self.maximumLevels).contains(levels) else {
            throw Refusal(.queryParameterOutOfRange, "\(levels)", "$expand", "1-\(Self.maximumLevels)")
        }
        expandLevels = levels
    }

    private mutating func takeSelect(_ text: String) throws(Refusal) {
        select = text.split(separator: ",", omittingEmptySubsequences: false)
            .map { $0.split(separator: "/").map(String.init) }
        guard !select.contains(where: \.isEmpty) else { throw Refusal(.queryParameterValueError, "$select") }
    }

    private static func number(_ parameter: RequestTarget.Parameter) throws(Refusal) -> Int {
        guard let number = Int(parameter.value) else {
            throw Refusal(.queryParameterValueTypeError, parameter.value, parameter.name)
        }
        guard number >= 0 else {
            throw Refusal(.queryParameterOutOfRange, parameter.value, parameter.name, "0-")
        }
        return number
    }

    // MARK: Applying

    /// Keeps what was selected, and what makes the rest understandable.
    func selected(from object: JSONObject) -> JSONObject {
        guard !select.isEmpty else { return object }
        return Self.select(select, from: object)
    }

    private static func select(_ paths: [[String]], from object: JSONObject) -> JSONObject {
        var kept = JSONObject()
        for member in object.members {
            if member.key.hasPrefix("@") {
                kept[member.key] = member.value
                continue
            }
            let wanted = paths.filter { $0[0] == member.key || "\($0[0])@odata.count" == member.key }
            guard !wanted.isEmpty else { continue }
            let deeper = wanted.filter { $0.count > 1 }.map { Array($0.dropFirst()) }
            if deeper.count == wanted.count, case .object(let inner) = member.value {
                kept[member.key] = .object(select(deeper, from: inner))
            } else {
                kept[member.key] = member.value
            }
        }
        return kept
    }

    /// The part of a collection that was asked for.
    func page(of object: JSONObject, at path: String) -> JSONObject {
        guard top != nil || skip > 0, let members = object["Members"]?.array else { return object }
        var object = object
        let page = Array(members.dropFirst(skip).prefix(top ?? .max))
        object["Members"] = .array(page)
        let next = skip + page.count
        if let top, top > 0, next < members.count {
            object["Members@odata.nextLink"] = .string("\(path)?$skip=\(next)&$top=\(top)")
        }
        return object
    }
}
