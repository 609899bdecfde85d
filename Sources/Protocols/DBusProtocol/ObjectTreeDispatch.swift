/// A method call that the program has to carry out; its arguments have the types it declared.
package struct Invocation: Equatable, Sendable {
    package let path: String
    package let interface: String
    package let method: MethodDescription
    package let arguments: [Value]
    package let call: Message

    package var member: String { method.name }

    /// The answer; `nil` when the caller wants none.
    ///
    /// - Precondition: `results` have the types that the method declares.
    package func reply(_ results: [Value] = []) -> Message? {
        let signature = results.map(\.typeCode).joined()
        precondition(signature == method.outputSignature, "\(member) returned \(signature)")
        return call.expectsReply ? .methodReturn(to: call, body: results) : nil
    }

    package func failure(_ error: BusError) -> Message? {
        call.expectsReply ? .error(to: call, error) : nil
    }
}

extension ObjectTree {
    /// Decides about one incoming message. Only method calls concern it.
    package func handle(_ call: Message) -> Outcome {
        guard call.kind == .methodCall, let path = call.path, let member = call.member else {
            return .nothing
        }
        do throws(BusError) {
            return try dispatch(call, path, member)
        } catch {
            return call.expectsReply ? .send(.error(to: call, error)) : .nothing
        }
    }

    private func dispatch(_ call: Message, _ path: String, _ member: String) throws(BusError) -> Outcome {
        // Peer concerns the connection, so any path will do (D-Bus specification, "Peer").
        if call.interface == WellKnown.peer { return try answer(call, peer(call, member)) }
        let isKnown = path == "/" || objects[path] != nil || managers.contains(path) || hasChildren(path)
        guard isKnown else { throw BusError(ErrorName.unknownObject, "No such object path '\(path)'") }
        let object = objects[path] ?? Object(interfaces: [], properties: [:])
        if let invocation = try invocation(call, object, path, member) { return .invoke(invocation) }
        return try standard(call, object, path, member)
    }

    private func invocation(_ call: Message, _ object: Object, _ path: String, _ member: String)
        throws(BusError) -> Invocation?
    {
        let candidates = object.interfaces.filter { call.interface == nil || $0.name == call.interface }
        for interface in candidates {
            let overloads = interface.methods.filter { $0.name == member }
            guard !overloads.isEmpty else { continue }
            let signature = call.signature
            guard let method = overloads.first(where: { $0.inputSignature == signature }) else {
                throw wrongSignature(call, expected: overloads.map(\.inputSignature))
            }
            return Invocation(
                path: path, interface: interface.name, method: method, arguments: call.body, call: call)
        }
        return nil
    }

    private func standard(_ call: Message, _ object: Object, _ path: String, _ member: String)
        throws(BusError) -> Outcome
    {
        let wanted = call.interface
        func isMeant(_ interface: String, _ members: String...) -> Bool {
            wanted == interface || (wanted == nil && members.contains(member))
        }
        if isMeant(WellKnown.properties, "Get", "GetAll", "Set") {
            return try properties(call, object, path, member)
        }
        if isMeant(WellKnown.introspectable, "Introspect") {
            try check(call, member, is: "Introspect", takes: "")
            return answer(call, [.string(introspect(path))])
        }
        if managers.contains(path), isMeant(WellKnown.objectManager, "GetManagedObjects") {
            try check(call, member, is: "GetManagedObjects", takes: "")
            return answer(call, [managedObjects(under: path)])
        }
        if isMeant(WellKnown.peer, "Ping", "GetMachineId") { return try answer(call, peer(call, member)) }
        guard let wanted, object.interface(wanted) == nil else { throw unknownMethod(call) }
        throw BusError(ErrorName.unknownInterface, "Unknown interface '\(wanted)' at '\(path)'")
    }

    private func peer(_ call: Message, _ member: String) throws(BusError) -> [Value] {
        switch member {
        case "Ping":
            try check(call, member, is: "Ping", takes: "")
            return []
        default:
            try check(call, member, is: "GetMachineId", takes: "")
            return [.string(machineID)]
        }
    }

    private func properties(_ call: Message, _ object: Object, _ path: String, _ member: String)
        throws(BusError) -> Outcome
    {
        switch member {
        case "Get":
            try check(call, member, is: "Get", takes: "ss")
            let (interface, property) = try find(call, object)
            guard property.access != .write else {
                throw BusError(ErrorName.accessDenied, "Property '\(property.name)' is not readable")
            }
            return answer(call, [.variant(self.property(at: path, interface, property.name)!)])
        case "Set": return try write(call, object, path)
        default:
            try check(call, member, is: "GetAll", takes: "s")
            guard let name = call.body[0].text, !name.isEmpty else {
                return answer(call, [allProperties(of: object)])
            }
            if let interface = object.interface(name) {
                return answer(call, [object.propertyValues(of: interface)])
            }
            guard Self.standardInterfaces.contains(name) else {
                throw BusError(ErrorName.unknownInterface, "Unknown interface '\(name)' at '\(path)'")
            }
            return answer(call, [.dictionary(key: "s", value: "v", [])])
        }
    }

    private func write(_ call: Message, _ object: Object, _ path: String) throws(BusError) -> Outcome {
        try check(call, "Set", is: "Set", takes: "ssv")
        let (interface, property) = try find(call, object)
        guard property.access != .read else {
            throw BusError(ErrorName.propertyReadOnly, "Property '\(property.name)' is not writable")
        }
        guard case .variant(let value) = call.body[2], value.typeCode == property.type else {
            throw BusError(
                ErrorName.invalidArguments, "Property '\(property.name)' has type '\(property.type)'")
        }
        return .write(
            PropertyWrite(
                call: call, path: path, interface: interface, property: property.name, value: value))
    }

    /// The property that the first two arguments name; an empty interface searches them all.
    private func find(_ call: Message, _ object: Object) throws(BusError) -> (String, PropertyDescription) {
        let interfaceName = call.body[0].text ?? ""
        let name = call.body[1].text ?? ""
        guard interfaceName.isEmpty || object.interface(interfaceName) != nil else {
            throw BusError(ErrorName.unknownInterface, "Unknown interface '\(interfaceName)'")
        }
        for interface in object.interfaces where interfaceName.isEmpty || interface.name == interfaceName {
            if let property = interface.properties.first(where: { $0.name == name }) {
                return (interface.name, property)
            }
        }
        throw BusError(ErrorName.unknownProperty, "Unknown property '\(name)'")
    }

    private func allProperties(of object: Object) -> Value {
        var entries: [Value.Entry] = []
        for interface in object.interfaces {
            guard case .dictionary(_, _, let more) = object.propertyValues(of: interface) else { continue }
            entries += more.filter { entry in !entries.contains { $0.key == entry.key } }
        }
        return .dictionary(key: "s", value: "v", entries)
    }

    private func answer(_ call: Message, _ body: [Value]) -> Outcome {
        call.expectsReply ? .send(.methodReturn(to: call, body: body)) : .nothing
    }

    private func check(_ call: Message, _ member: String, is name: String, takes signature: String)
        throws(BusError)
    {
        guard member == name else { throw unknownMethod(call) }
        guard call.signature == signature else { throw wrongSignature(call, expected: [signature]) }
    }

    private func unknownMethod(_ call: Message) -> BusError {
        let interface = call.interface.map { " on interface '\($0)'" } ?? ""
        return BusError(
            ErrorName.unknownMethod,
            "Unknown method '\(call.member ?? "")'\(interface) at '\(call.path ?? "")'")
    }

    private func wrongSignature(_ call: Message, expected: [String]) -> BusError {
        let wanted = expected.map { "'\($0)'" }.joined(separator: " or ")
        return BusError(
            ErrorName.invalidArguments,
            "Invalid arguments '\(call.signature)' to call \(call.member ?? ""), expecting \(wanted)")
    }
}

extension Value {
    /// The text of a string, object path or signature.
    package var text: String? {
        switch self {
        case .string(let text), .objectPath(let text), .signature(let text): text
        default: nil
        }
    }
}
