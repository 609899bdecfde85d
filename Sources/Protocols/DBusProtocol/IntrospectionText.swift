/// Writes introspection XML. Names and signatures hold no character that XML would need escaped.
package enum IntrospectionText {
    private static let documentType = """
        <!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
        "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">

        """

    package static func document(interfaces: [InterfaceDescription], children: [String]) -> String {
        documentType + "<node>\n" + interfaces.map(interface).joined()
            + children.map { "  <node name=\"\($0)\"/>\n" }.joined() + "</node>\n"
    }

    private static func interface(_ interface: InterfaceDescription) -> String {
        "  <interface name=\"\(interface.name)\">\n"
            + interface.methods.filter(\.isListed).map(method).joined()
            + interface.signals.map(signal).joined() + interface.properties.map(property).joined()
            + "  </interface>\n"
    }

    private static func method(_ method: MethodDescription) -> String {
        let arguments =
            method.input.map { argument($0, direction: "in") }
            + method.output.map { argument($0, direction: "out") }
        return element("method", method.name, arguments)
    }

    private static func signal(_ signal: SignalDescription) -> String {
        element("signal", signal.name, signal.arguments.map { argument($0, direction: nil) })
    }

    private static func element(_ tag: String, _ name: String, _ arguments: [String]) -> String {
        guard !arguments.isEmpty else { return "    <\(tag) name=\"\(name)\"/>\n" }
        return "    <\(tag) name=\"\(name)\">\n" + arguments.joined() + "    </\(tag)>\n"
    }

    private static func argument(_ argument: Argument, direction: String?) -> String {
        let suffix = direction.map { " direction=\"\($0)\"" } ?? ""
        return "      <arg name=\"\(argument.name)\" type=\"\(argument.type)\"\(suffix)/>\n"
    }

    private static func property(_ property: PropertyDescription) -> String {
        let start =
            "    <property name=\"\(property.name)\" type=\"\(property.type)\" "
            + "access=\"\(property.access.rawValue)\""
        guard property.change != .emits else { return start + "/>\n" }
        let annotation = "org.freedesktop.DBus.Property.EmitsChangedSignal"
        return start + ">\n      <annotation name=\"\(annotation)\" value=\"\(property.change.rawValue)\"/>\n"
            + "    </property>\n"
    }
}
