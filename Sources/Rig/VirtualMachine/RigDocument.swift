import Yams

// Reads `rig.yaml`.
extension RigDefinition {
    /// Far more than any rig needs to say.
    package static let maximumDocumentBytes = 64 << 10

    /// - Parameter file: what to call it in an error.
    /// - Throws: with line and path of the first thing that is wrong.
    package init(name: String, yaml: String, file: String) throws(RigFailure) {
        guard yaml.utf8.count <= Self.maximumDocumentBytes else {
            throw RigFailure(.usage, "\(file): more than \(Self.maximumDocumentBytes) bytes")
        }
        let root: Node?
        do { root = try Yams.compose(yaml: yaml) } catch {
            throw RigFailure(.usage, "\(file): \(error)")
        }
        guard let root else { throw RigFailure(.usage, "\(file): empty; a rig has `targets:`") }
        var document = try RigFields(root, path: "", file: file)
        var targets = try document.fields("targets")
        try document.end()
        guard targets.names == ["main"] else {
            throw targets.wrong("targets", "a rig has one target, `main`")
        }
        var target = try targets.fields("main")
        var resources = try target.fields("resources")
        let features = try target.texts("features")
        try target.end()
        self.init(name: name, features: features, place: try Self.place(&resources))
        try resources.end()
    }

    private static func place(_ resources: inout RigFields) throws(RigFailure) -> Place {
        switch resources.names {
        case ["QEMUMachine"]:
            var fields = try resources.fields("QEMUMachine")
            let machine = try MachineDefinition(&fields)
            try fields.end()
            return .machine(machine)
        case ["NetworkService"]:
            var fields = try resources.fields("NetworkService")
            var service = NetworkService(address: try fields.text("address"))
            if let user = try fields.optionalText("username") { service.user = user }
            if let port = try fields.optionalNumber("port", 1...65_535) { service.port = UInt16(port) }
            try fields.end()
            return .network(service)
        default:
            throw resources.wrong("resources", "wants QEMUMachine or NetworkService, one of them")
        }
    }
}

extension MachineDefinition {
    fileprivate init(_ fields: inout RigFields) throws(RigFailure) {
        self.init()
        if let memory = try fields.optionalNumber("memory", Self.memoryRange) { memoryMiB = memory }
        if let cores = try fields.optionalNumber("cores", Self.coreRange) { coreCount = cores }
        if let name = try fields.optionalText("accelerator") {
            guard let known = Accelerator(rawValue: name) else {
                throw fields.wrong("accelerator", "is \(Accelerator.allCases.map(\.rawValue)), not \(name)")
            }
            accelerator = known
        }
        if let name = try fields.optionalText("network") {
            guard let known = Network(rawValue: name) else {
                throw fields.wrong("network", "is \(Network.allCases.map(\.rawValue)), not \(name)")
            }
            network = known
        }
        if let package = try fields.optionalText("kernel_package") { kernelPackage = package }
        if let arguments = try fields.optionalText("kernel_arguments") {
            kernelArguments = arguments.split(separator: " ").map(String.init)
        }
        for text in try fields.texts("modules") {
            let words = text.split(separator: " ", maxSplits: 1)
            guard let name = words.first else { throw fields.wrong("modules", "has an empty name") }
            modules.append(Module(String(name), parameters: words.count > 1 ? String(words[1]) : ""))
        }
    }
}

/// A mapping whose keys must all be known.
private struct RigFields {
    private var rest: [String: Node] = [:]
    private(set) var names: [String] = []
    private var lines: [String: Int] = [:]
    private let line: Int
    private let path: String
    private let file: String

    init(_ node: Node, path: String, file: String) throws(RigFailure) {
        self.path = path
        self.file = file
        line = node.mark?.line ?? 1
        guard let mapping = node.mapping else {
            throw RigFailure(.usage, "\(file):\(line): \(path.isEmpty ? "the document" : path) wants fields")
        }
        for (key, value) in mapping {
            guard let name = key.string, rest.updateValue(value, forKey: name) == nil else {
                throw RigFailure(
                    .usage, "\(file):\(key.mark?.line ?? line): a field without a name of its own")
            }
            names.append(name)
            lines[name] = key.mark?.line
        }
    }

    func wrong(_ name: String, _ why: String) -> RigFailure {
        let place =
            path.isEmpty
            ? name : name == path.split(separator: ".").last.map(String.init) ? path : "\(path).\(name)"
        return RigFailure(.usage, "\(file):\(lines[name] ?? line): \(place) \(why)")
    }

    mutating func fields(_ name: String) throws(RigFailure) -> RigFields {
        guard let node = rest[name] else { throw wrong(name, "is missing") }
        rest[name] = nil
        return try RigFields(node, path: path.isEmpty ? name : "\(path).\(name)", file: file)
    }

    mutating func text(_ name: String) throws(RigFailure) -> String {
        guard let text = try optionalText(name) else { throw wrong(name, "is missing") }
        return text
    }

    mutating func optionalText(_ name: String) throws(RigFailure) -> String? {
        guard let node = rest[name] else { return nil }
        guard let text = node.scalar?.string else { throw wrong(name, "wants a text") }
        rest[name] = nil
        return text
    }

    mutating func optionalNumber(_ name: String, _ range: ClosedRange<Int>) throws(RigFailure) -> Int? {
        guard let node = rest[name] else { return nil }
        guard let number = node.int, range.contains(number) else {
            throw wrong(name, "wants a number from \(range.lowerBound) to \(range.upperBound)")
        }
        rest[name] = nil
        return number
    }

    mutating func texts(_ name: String) throws(RigFailure) -> [String] {
        guard let node = rest[name] else { return [] }
        guard let sequence = node.sequence else { throw wrong(name, "wants a list") }
        var texts: [String] = []
        for element in sequence {
            guard let text = element.scalar?.string else { throw wrong(name, "wants a list of texts") }
            texts.append(text)
        }
        rest[name] = nil
        return texts
    }

    func end() throws(RigFailure) {
        guard let name = names.first(where: { rest[$0] != nil }) else { return }
        throw wrong(name, "is no field that is known here")
    }
}
