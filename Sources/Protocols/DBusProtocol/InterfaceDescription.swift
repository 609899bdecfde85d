/// What an interface offers, as data: introspection, dispatch and checks all read it.
package struct InterfaceDescription: Equatable, Sendable {
    package let name: String
    package let methods: [MethodDescription]
    package let signals: [SignalDescription]
    package let properties: [PropertyDescription]

    /// - Precondition: every name and signature is valid, and no two methods share both their name
    ///   and their input signature.
    package init(
        _ name: String, methods: [MethodDescription] = [], signals: [SignalDescription] = [],
        properties: [PropertyDescription] = []
    ) {
        precondition(Names.isInterface(name), "interface \(name)")
        for method in methods {
            precondition(Names.isMember(method.name), "method \(method.name)")
            precondition(Signature.isValid(method.inputSignature + method.outputSignature), method.name)
        }
        for signal in signals { precondition(Names.isMember(signal.name), "signal \(signal.name)") }
        for property in properties {
            precondition(Names.isMember(property.name), "property \(property.name)")
            precondition((try? Signature.split(property.type).count) == 1, "type of \(property.name)")
        }
        let overloads = Set(methods.map { "\($0.name)(\($0.inputSignature))" })
        precondition(overloads.count == methods.count, "a method of \(name) is there twice")
        self.name = name
        self.methods = methods
        self.signals = signals
        self.properties = properties
    }
}

/// A named argument of a method or signal.
package struct Argument: Equatable, Sendable {
    package let name: String
    /// One single complete type: "a{sv}".
    package let type: String

    package init(_ name: String, _ type: String) {
        self.name = name
        self.type = type
    }
}

/// A method. Several of one name and different inputs are overloads; the incoming signature chooses.
package struct MethodDescription: Equatable, Sendable {
    package let name: String
    package let input: [Argument]
    package let output: [Argument]
    /// Overloads that clients know without being told can be left out of introspection data, whose
    /// readers expect a name once.
    package let isListed: Bool

    package init(_ name: String, input: [Argument] = [], output: [Argument] = [], isListed: Bool = true) {
        self.name = name
        self.input = input
        self.output = output
        self.isListed = isListed
    }

    package var inputSignature: String { input.map(\.type).joined() }
    package var outputSignature: String { output.map(\.type).joined() }
}

package struct SignalDescription: Equatable, Sendable {
    package let name: String
    package let arguments: [Argument]

    package init(_ name: String, _ arguments: [Argument] = []) {
        self.name = name
        self.arguments = arguments
    }
}

package struct PropertyDescription: Equatable, Sendable {
    package enum Access: String, Sendable {
        case read
        case write
        case readWrite = "readwrite"
    }

    /// org.freedesktop.DBus.Property.EmitsChangedSignal.
    package enum Change: String, Sendable {
        /// PropertiesChanged carries the new value.
        case emits = "true"
        /// PropertiesChanged names the property only.
        case invalidates
        /// Never changes while the object lives.
        case constant = "const"
        /// Changes in silence.
        case silent = "false"
    }

    package let name: String
    /// One single complete type.
    package let type: String
    package let access: Access
    package let change: Change

    package init(_ name: String, _ type: String, access: Access = .read, change: Change = .emits) {
        self.name = name
        self.type = type
        self.access = access
        self.change = change
    }
}
