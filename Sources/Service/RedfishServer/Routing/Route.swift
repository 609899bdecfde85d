/// Who may do something.
package enum PrivilegeRule: Equatable, Sendable {
    /// Anybody, without a login.
    case open
    /// One of these is enough; ConfigureSelf counts only for the owner.
    case anyOf([Privilege])

    func allows(_ role: Role, isOwner: Bool) -> Bool {
        switch self {
        case .open: true
        case .anyOf(let privileges):
            privileges.contains {
                role.privileges.contains($0) && ($0 != .configureSelf || isOwner)
            }
        }
    }
}

/// One row of the table: a path, and what may be done there by whom.
package struct Route: Sendable {
    package enum Method: String, Sendable, CaseIterable {
        case get = "GET"
        case post = "POST"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    package struct Operation: Sendable {
        package let method: Method
        package let rule: PrivilegeRule
    }

    /// "/redfish/v1/Systems/{system}/VirtualMedia/{slot}"
    package let pattern: String
    let endpoint: Endpoint
    package let operations: [Operation]
    let segments: [Segment]
    /// For the Allow header.
    package let allowed: String

    enum Segment: Equatable, Sendable {
        case literal(String)
        case parameter(String)
    }

    init(_ pattern: String, _ endpoint: Endpoint, _ operations: [(Method, PrivilegeRule)]) {
        self.pattern = pattern
        self.endpoint = endpoint
        self.operations = operations.map { Operation(method: $0.0, rule: $0.1) }
        segments = pattern.split(separator: "/").map { part in
            part.hasPrefix("{") ? .parameter(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
        var names = operations.map(\.0.rawValue)
        if names.first == "GET" { names.insert("HEAD", at: 1) }
        allowed = names.joined(separator: ", ")
    }

    func match(_ target: [String]) -> PathParameters? {
        guard target.count == segments.count else { return nil }
        var parameters = PathParameters()
        for (segment, text) in zip(segments, target) {
            switch segment {
            case .literal(let wanted): if wanted != text { return nil }
            case .parameter(let name): parameters.values.append((name, text))
            }
        }
        return parameters
    }
}

/// What stood in the place of the names in braces.
struct PathParameters {
    var values: [(name: String, value: String)] = []
    subscript(name: String) -> String { values.first { $0.name == name }?.value ?? "" }
}
