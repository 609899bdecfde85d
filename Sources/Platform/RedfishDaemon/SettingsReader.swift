import RedfishServer
import VirtualMedia

/// Reads the configuration file of ``RedfishDaemon``: JSON, every key optional.
enum SettingsReader {
    /// Everything that is wrong with it, each with its place, its cause and what to write instead.
    struct Problem: Error, CustomStringConvertible {
        let lines: [String]
        var description: String { lines.joined(separator: "\n") }
    }

    /// - Parameter file: its name, for messages.
    static func read(_ text: [UInt8], file: String, into settings: inout RedfishDaemonSettings)
        throws(Problem)
    {
        let node: JSONNode
        do throws(JSONSyntaxError) { node = try JSONReader.read(text) } catch {
            throw Problem(lines: ["\(file):\(error.position.line):\(error.position.column): \(error.message)"]
            )
        }
        var fields = SettingsObject(node, file: file, path: "")
        fields.text("Address") { settings.address = $0 }
        fields.number("Port", in: 0...65_535) { settings.port = $0 }
        fields.text("Bus") { settings.bus = .address($0) }
        fields.text("State") { settings.stateFolder = $0 }
        fields.text("Certificate") { settings.certificateFile = $0 }
        fields.text("Key") { settings.keyFile = $0 }
        fields.texts("Names") { settings.names = $0 }
        fields.text("HostName") { settings.hostName = $0 }
        fields.text("SystemId") { settings.systemID = $0 }
        fields.text("ManagerId") { settings.managerID = $0 }
        fields.text("FirmwareVersion") { settings.firmwareVersion = $0 }
        fields.text("MediaBusName") { settings.mediaBusName = $0 }
        fields.text("MediaRootPath") { settings.mediaRootPath = $0 }
        fields.object("ImageSources") { readImageSources(&$0, into: &settings.imageSources) }
        fields.object("Sessions") { sessions in
            sessions.number("TimeoutSeconds", in: 30...86_400) { settings.sessionTimeoutSeconds = $0 }
            sessions.number("Maximum", in: 1...65_536) { settings.maximumSessions = $0 }
            sessions.number("MaximumPerUser", in: 1...65_536) { settings.maximumSessionsPerUser = $0 }
        }
        fields.number("ShortWaitSeconds", in: 0...60) { settings.shortWaitSeconds = $0 }
        fields.number("Connections", in: 1...65_536) { settings.limits.connections = $0 }
        fields.text("EventAuthorities") { settings.eventAuthorities = $0 }
        fields.finish()
        var problems = fields.problems
        if (settings.certificateFile == nil) != (settings.keyFile == nil) {
            problems.append("\(file): Certificate and Key belong together; give both, or neither")
        }
        guard problems.isEmpty else { throw Problem(lines: problems) }
    }

    /// Redfish's words for what a virtual media service may open.
    private static let protocols = ["https": "HTTPS", "http": "HTTP", "smb": "CIFS", "nfs": "NFS"]

    private static func readImageSources(_ fields: inout SettingsObject, into policy: inout ImageSourcePolicy)
    {
        var schemes: [String]?
        fields.texts("Schemes", among: protocols.keys.sorted()) { schemes = $0 }
        if let schemes {
            policy.schemes = Dictionary(schemes.map { ($0, protocols[$0] ?? "OEM") }) { first, _ in first }
        }
        fields.texts("AllowedHosts") { policy.allowedHosts = $0 }
        fields.texts("RefusedHosts") { policy.refusedHosts = $0 }
        fields.flag("AdministratorsMayUseLocalAddresses") {
            policy.letsAdministratorsUseLocalAddresses = $0
        }
    }
}

/// One object of the file, taken apart key by key; what nobody took is a mistake.
struct SettingsObject {
    private let file: String
    private let path: String
    private var members: [JSONNode.Member] = []
    private(set) var problems: [String] = []

    init(_ node: JSONNode, file: String, path: String) {
        self.file = file
        self.path = path
        guard case .object(let members) = node.value else {
            let place = path.isEmpty ? "" : "\(path.dropLast()): "
            complain(node.position, "\(place)found \(node.kind)", "write an object")
            return
        }
        for member in members {
            if self.members.contains(where: { $0.key == member.key }) {
                complain(member.position, "\(path)\(member.key) is there twice", "keep one")
            } else {
                self.members.append(member)
            }
        }
    }

    mutating func text(_ key: String, _ store: (String) -> Void) {
        guard let node = take(key) else { return }
        guard case .string(let text) = node.value, !text.isEmpty else {
            return complain(node.position, "\(path)\(key): found \(node.kind)", "write a string")
        }
        store(text)
    }

    mutating func texts(_ key: String, among allowed: [String]? = nil, _ store: ([String]) -> Void) {
        guard let node = take(key) else { return }
        guard case .array(let elements) = node.value else {
            return complain(node.position, "\(path)\(key): found \(node.kind)", "write an array of strings")
        }
        var texts: [String] = []
        for element in elements {
            guard case .string(let text) = element.value, !text.isEmpty else {
                return complain(element.position, "\(path)\(key): found \(element.kind)", "write a string")
            }
            if let allowed, !allowed.contains(text) {
                return complain(
                    element.position, "\(path)\(key): '\(text)' is not known",
                    "write \(allowed.joined(separator: ", "))")
            }
            texts.append(text)
        }
        store(texts)
    }

    mutating func number(_ key: String, in range: ClosedRange<Int>, _ store: (Int) -> Void) {
        guard let node = take(key) else { return }
        guard case .number(let text) = node.value, let number = Int(text), range.contains(number) else {
            return complain(
                node.position, "\(path)\(key): found \(node.kind)",
                "write a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        store(number)
    }

    mutating func flag(_ key: String, _ store: (Bool) -> Void) {
        guard let node = take(key) else { return }
        guard case .boolean(let flag) = node.value else {
            return complain(node.position, "\(path)\(key): found \(node.kind)", "write true or false")
        }
        store(flag)
    }

    mutating func object(_ key: String, _ read: (inout SettingsObject) -> Void) {
        guard let node = take(key) else { return }
        var inner = SettingsObject(node, file: file, path: "\(path)\(key).")
        if case .object = node.value { read(&inner) }
        inner.finish()
        problems += inner.problems
    }

    /// Complains of what nobody took.
    mutating func finish() {
        for member in members {
            complain(member.position, "\(path)\(member.key) is not known", "see docs/redfishd.md")
        }
        members = []
    }

    private mutating func take(_ key: String) -> JSONNode? {
        guard let index = members.firstIndex(where: { $0.key == key }) else { return nil }
        return members.remove(at: index).node
    }

    private mutating func complain(_ position: TextPosition, _ cause: String, _ remedy: String) {
        problems.append("\(file):\(position.line):\(position.column): \(cause); \(remedy)")
    }
}
