/// The service side of D-Bus without the wire: objects at paths, each with interfaces described as
/// data. It answers Introspectable, Properties, ObjectManager and Peer by itself and names what the
/// program has to do for every other call.
///
///     incoming call ──▶ handle(_:) ──▶ .send(reply) · .invoke(invocation) · .write(write) · .nothing
///
/// The program sends the messages that come back, in order; their serials and sender are filled in by
/// the connection.
package struct ObjectTree: Sendable {
    /// What to do about an incoming message.
    package enum Outcome: Equatable, Sendable {
        case send(Message)
        /// Run a method, then send ``Invocation/reply(_:)`` or ``Invocation/failure(_:)``.
        case invoke(Invocation)
        /// A checked Properties.Set: answer with ``ObjectTree/accept(_:)`` or ``PropertyWrite/failure(_:)``.
        case write(PropertyWrite)
        case nothing
    }

    /// Where a property's value comes from.
    package enum PropertySource: Sendable {
        case stored(Value)
        /// Asked at each Get; changes of it are announced with ``announceChange(at:_:_:)``.
        case computed(@Sendable () -> Value)

        var value: Value {
            switch self {
            case .stored(let value): value
            case .computed(let compute): compute()
            }
        }
    }

    struct Object: Sendable {
        var interfaces: [InterfaceDescription]
        /// By interface, then property.
        var properties: [String: [String: PropertySource]]
    }

    /// Sorted by path when walked: the order shows in replies.
    private(set) var objects: [String: Object] = [:]
    private(set) var managers: Set<String> = []
    /// 32 hexadecimal digits, answered to Peer.GetMachineId.
    let machineID: String

    package init(machineID: String) { self.machineID = machineID }

    /// Adds an object, or more interfaces to one that is there.
    ///
    /// - Parameter properties: a source for every property of every interface, by interface and name.
    /// - Returns: InterfacesAdded from the nearest ObjectManager above, if any.
    /// - Precondition: values have the types that the interfaces say.
    package mutating func export(
        at path: String, _ interfaces: [InterfaceDescription],
        properties: [String: [String: PropertySource]] = [:]
    ) -> [Message] {
        precondition(Names.isObjectPath(path), "object path \(path)")
        var object = objects[path] ?? Object(interfaces: [], properties: [:])
        for interface in interfaces {
            precondition(object.interface(interface.name) == nil, "\(interface.name) twice at \(path)")
            for property in interface.properties {
                guard let source = properties[interface.name]?[property.name] else {
                    preconditionFailure("no value for \(interface.name).\(property.name)")
                }
                let type = source.value.typeCode
                precondition(type == property.type, "\(property.name) is \(type), not \(property.type)")
            }
            object.interfaces.append(interface)
            object.properties[interface.name] = properties[interface.name] ?? [:]
        }
        objects[path] = object
        guard let manager = manager(over: path) else { return [] }
        let added = Value.dictionary(
            key: "s", value: "a{sv}",
            interfaces.map { .init(.string($0.name), object.propertyValues(of: $0)) })
        return [objectManagerSignal("InterfacesAdded", at: manager, [.objectPath(path), added])]
    }

    /// - Returns: InterfacesRemoved from the nearest ObjectManager above, if any.
    package mutating func remove(_ path: String) -> [Message] {
        guard let object = objects.removeValue(forKey: path), let manager = manager(over: path) else {
            return []
        }
        let names = object.interfaces.map { Value.string($0.name) }
        return [
            objectManagerSignal(
                "InterfacesRemoved", at: manager, [.objectPath(path), .array(element: "s", names)])
        ]
    }

    /// Makes `path` answer GetManagedObjects for everything below it. It need not be exported.
    package mutating func addObjectManager(at path: String) {
        precondition(Names.isObjectPath(path), "object path \(path)")
        managers.insert(path)
    }

    /// Whether something is exported at `path` itself.
    package func contains(_ path: String) -> Bool { objects[path] != nil }

    package var paths: [String] { objects.keys.sorted() }

    private func objectManagerSignal(_ member: String, at path: String, _ body: [Value]) -> Message {
        .signal(path: path, interface: WellKnown.objectManager, member: member, body: body)
    }

    private func manager(over path: String) -> String? {
        managers.filter { isBelow(path, $0) }.max { $0.utf8.count < $1.utf8.count }
    }

    func isBelow(_ path: String, _ ancestor: String) -> Bool {
        path != ancestor && (ancestor == "/" || path.hasPrefix(ancestor + "/"))
    }

    mutating func store(_ value: Value, at path: String, _ interface: String, _ property: String) {
        objects[path]?.properties[interface]?[property] = .stored(value)
    }
}

extension ObjectTree.Object {
    func interface(_ name: String) -> InterfaceDescription? { interfaces.first { $0.name == name } }

    /// a{sv} of all readable properties.
    func propertyValues(of interface: InterfaceDescription) -> Value {
        let readable = interface.properties.filter { $0.access != .write }
        return .dictionary(
            key: "s", value: "v",
            readable.compactMap { property in
                properties[interface.name]?[property.name].map {
                    .init(.string(property.name), .variant($0.value))
                }
            })
    }
}
