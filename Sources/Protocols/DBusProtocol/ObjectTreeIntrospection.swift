extension ObjectTree {
    static let standardInterfaces = [
        WellKnown.introspectable, WellKnown.peer, WellKnown.properties, WellKnown.objectManager,
    ]

    /// Introspection data (D-Bus specification, "Introspection Data Format").
    package func introspect(_ path: String) -> String {
        var interfaces = [Self.introspectable, Self.peer]
        if objects[path] != nil || managers.contains(path) { interfaces.append(Self.properties) }
        if managers.contains(path) { interfaces.append(Self.objectManager) }
        interfaces += objects[path]?.interfaces ?? []
        return IntrospectionText.document(interfaces: interfaces, children: children(of: path))
    }

    /// a{oa{sa{sv}}} of everything below `path`, sorted by path.
    func managedObjects(under path: String) -> Value {
        let managed = paths.filter { isBelow($0, path) }
        return .dictionary(
            key: "o", value: "a{sa{sv}}",
            managed.map { path in
                let object = objects[path]!
                let interfaces = object.interfaces.map {
                    Value.Entry(.string($0.name), object.propertyValues(of: $0))
                }
                return .init(
                    .objectPath(path), .dictionary(key: "s", value: "a{sv}", interfaces))
            })
    }

    func hasChildren(_ path: String) -> Bool { !children(of: path).isEmpty }

    /// Next elements of the paths below, each once, sorted.
    private func children(of path: String) -> [String] {
        let prefix = path == "/" ? "/" : path + "/"
        var names: Set<Substring> = []
        for other in Array(objects.keys) + managers where isBelow(other, path) {
            names.insert(other.dropFirst(prefix.count).prefix { $0 != "/" })
        }
        return names.map(String.init).sorted()
    }

    static let introspectable = InterfaceDescription(
        WellKnown.introspectable,
        methods: [MethodDescription("Introspect", output: [Argument("data", "s")])])

    static let peer = InterfaceDescription(
        WellKnown.peer,
        methods: [
            MethodDescription("Ping"),
            MethodDescription("GetMachineId", output: [Argument("machine_uuid", "s")]),
        ])

    static let properties = InterfaceDescription(
        WellKnown.properties,
        methods: [
            MethodDescription(
                "Get", input: [Argument("interface_name", "s"), Argument("property_name", "s")],
                output: [Argument("value", "v")]),
            MethodDescription(
                "GetAll", input: [Argument("interface_name", "s")], output: [Argument("props", "a{sv}")]),
            MethodDescription(
                "Set",
                input: [
                    Argument("interface_name", "s"), Argument("property_name", "s"), Argument("value", "v"),
                ]),
        ],
        signals: [
            SignalDescription(
                "PropertiesChanged",
                [
                    Argument("interface_name", "s"), Argument("changed_properties", "a{sv}"),
                    Argument("invalidated_properties", "as"),
                ])
        ])

    static let objectManager = InterfaceDescription(
        WellKnown.objectManager,
        methods: [
            MethodDescription("GetManagedObjects", output: [Argument("objects", "a{oa{sa{sv}}}")])
        ],
        signals: [
            SignalDescription(
                "InterfacesAdded", [Argument("object", "o"), Argument("interfaces", "a{sa{sv}}")]),
            SignalDescription(
                "InterfacesRemoved", [Argument("object", "o"), Argument("interfaces", "as")]),
        ])
}
