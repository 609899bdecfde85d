/// A checked Properties.Set that waits for the program's decision.
package struct PropertyWrite: Equatable, Sendable {
    package let call: Message
    package let path: String
    package let interface: String
    package let property: String
    package let value: Value

    /// What refuses the write; `nil` when the caller wants no answer.
    package func failure(_ error: BusError) -> Message? {
        call.expectsReply ? .error(to: call, error) : nil
    }
}

extension ObjectTree {
    /// - Returns: the current value, stored or computed; `nil` for what is not there.
    package func property(at path: String, _ interface: String, _ property: String) -> Value? {
        objects[path]?.properties[interface]?[property]?.value
    }

    /// Stores a new value.
    ///
    /// - Returns: the PropertiesChanged signal to send, or `nil` when nothing changed, when the
    ///   property changes in silence, or when the object has gone.
    /// - Precondition: the property was exported with this type.
    package mutating func setProperty(
        at path: String, _ interface: String, _ property: String, _ value: Value
    ) -> Message? {
        guard let object = objects[path] else { return nil }
        let description = object.describe(interface, property)
        precondition(value.typeCode == description.type, "\(property) is \(description.type)")
        let old = object.properties[interface]?[property]?.value
        store(value, at: path, interface, property)
        return old == value ? nil : changed(at: path, interface, [(description, value)])
    }

    /// Stores several values of one interface.
    ///
    /// - Returns: one PropertiesChanged with those that really changed.
    package mutating func setProperties(
        at path: String, _ interface: String, _ values: [(property: String, value: Value)]
    ) -> Message? {
        guard let object = objects[path] else { return nil }
        var changes: [(PropertyDescription, Value)] = []
        for (property, value) in values {
            let description = object.describe(interface, property)
            precondition(value.typeCode == description.type, "\(property) is \(description.type)")
            if object.properties[interface]?[property]?.value != value {
                changes.append((description, value))
            }
            store(value, at: path, interface, property)
        }
        return changed(at: path, interface, changes)
    }

    /// PropertiesChanged for a computed property that the program knows has changed.
    package func announceChange(at path: String, _ interface: String, _ property: String) -> Message? {
        guard let object = objects[path], let value = object.properties[interface]?[property]?.value
        else { return nil }
        return changed(at: path, interface, [(object.describe(interface, property), value)])
    }

    /// PropertiesChanged with every property that is ever announced, for listeners that may have missed
    /// something; constants are left out.
    package func announceAll(at path: String, _ interface: String) -> Message? {
        guard let object = objects[path], let properties = object.interface(interface)?.properties else {
            return nil
        }
        let values = properties.compactMap { description in
            object.properties[interface]?[description.name].map { (description, $0.value) }
        }
        return changed(at: path, interface, values)
    }

    /// Stores what a client has written.
    ///
    /// - Returns: the reply, if one is wanted, and then PropertiesChanged.
    package mutating func accept(_ write: PropertyWrite) -> [Message] {
        let reply = write.call.expectsReply ? Message.methodReturn(to: write.call) : nil
        let signal = setProperty(at: write.path, write.interface, write.property, write.value)
        return [reply, signal].compactMap(\.self)
    }

    private func changed(
        at path: String, _ interface: String, _ changes: [(PropertyDescription, Value)]
    ) -> Message? {
        let emitted = changes.filter { $0.0.change == .emits }
        let invalidated = changes.filter { $0.0.change == .invalidates }
        guard !emitted.isEmpty || !invalidated.isEmpty else { return nil }
        return .signal(
            path: path, interface: WellKnown.properties, member: "PropertiesChanged",
            body: [
                .string(interface),
                .dictionary(
                    key: "s", value: "v", emitted.map { .init(.string($0.0.name), .variant($0.1)) }),
                .array(element: "s", invalidated.map { .string($0.0.name) }),
            ])
    }
}

extension ObjectTree.Object {
    /// - Precondition: the property was exported.
    func describe(_ interface: String, _ property: String) -> PropertyDescription {
        guard let found = self.interface(interface)?.properties.first(where: { $0.name == property })
        else { preconditionFailure("no property \(interface).\(property)") }
        return found
    }
}
