import Foundation
import TestSupport
import Testing
import VirtualMedia

@testable import RedfishServer

/// docs/redfish.md and the registries say what the code does.
struct DocumentationTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static func page() throws -> [String] {
        let text = try String(contentsOf: root.appendingPathComponent("docs/redfish.md"), encoding: .utf8)
        return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    static func cell(_ rule: PrivilegeRule) -> String {
        switch rule {
        case .open: "no login"
        case .anyOf(let privileges): privileges.map(\.rawValue).joined(separator: " or ")
        }
    }

    @Test func `the page lists every route with the least privilege of each method`() throws {
        let lines = try Self.page()
        let documented = lines.filter { $0.hasPrefix("| `/") }
        let expected = RouteTable.routes.map { route in
            "| `\(route.pattern)` | "
                + route.operations.map { "\($0.method.rawValue): \(Self.cell($0.rule))" }.joined(
                    separator: "; ")
                + " |"
        }
        #expect(documented == expected, "the table should be:\n\(expected.joined(separator: "\n"))")
    }

    @Test func `the page lists every failure of a mount with its message and status`() throws {
        let lines = try Self.page()
        let documented = lines.filter { $0.hasPrefix("| ") && $0.dropFirst(2).first?.isNumber == true }
        let expected = CompletionCode.allCases.filter { $0 != .done }.map { code in
            let entry = MessageDefinition.failure(code.rawValue)
            return "| \(code.rawValue) | `\(code)` | `\(entry.definition.key)` | \(entry.definition.status) |"
        }
        #expect(documented == expected, "the table should be:\n\(expected.joined(separator: "\n"))")
    }

    @Test func `every cause has a message of its own, and none is an internal error`() {
        let messages = CompletionCode.allCases.filter { $0 != .done }.map {
            MessageDefinition.failure($0.rawValue).definition
        }
        #expect(Set(messages.map(\.key)).count == messages.count)
        #expect(messages.allSatisfy { (400...599).contains($0.status) && $0.status != 500 })
        #expect(MessageDefinition.failure(9999).arguments == ["9999"])
    }

    @Test func `keys are there once, and texts have as many places as arguments`() {
        let all = MessageDefinition.allBase + MessageDefinition.allMedia + MessageDefinition.allEvents
        #expect(Set(all.map(\.id)).count == all.count)
        for message in all {
            let places = (1...9).filter { message.text.contains("%\($0)") }.count
            #expect(places == message.argumentCount, "\(message.id)")
        }
    }

    static let registries: [(file: String, messages: [MessageDefinition])] = [
        ("Base.\(MessageDefinition.baseRegistryVersion).json", MessageDefinition.allBase),
        (
            "ResourceEvent.\(MessageDefinition.resourceEventVersion).json",
            MessageDefinition.allEvents.filter { $0.registry == "ResourceEvent.1.4" }
        ),
        (
            "TaskEvent.\(MessageDefinition.taskEventVersion).json",
            MessageDefinition.allEvents.filter { $0.registry == "TaskEvent.1.0" }
        ),
    ]

    @Test(
        .enabled(if: DMTFData.file("Base.1.22.1.json").capability.isUsable, "DMTF's registries are not here"),
        arguments: registries.indices)
    func `the messages of DMTF's registries are theirs word for word`(index: Int) throws {
        let (file, definitions) = Self.registries[index]
        let text = try Data(contentsOf: DMTFData.file(file).url)
        let registry = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
        let messages = try #require(registry["Messages"] as? [String: [String: Any]])
        for message in definitions {
            let entry = try #require(messages[message.key], "\(message.key)")
            #expect(entry["Message"] as? String == message.text)
            #expect(entry["NumberOfArgs"] as? Int == message.argumentCount, "\(message.key)")
            #expect(entry["MessageSeverity"] as? String == message.severity.rawValue, "\(message.key)")
        }
    }

    static let privileges = DMTFData.file("Redfish_1.8.0_PrivilegeRegistry.json")

    @Test(.enabled(if: privileges.capability.isUsable, "DMTF's registries are not here"))
    func `no route asks for less than the standard privilege registry`() throws {
        let text = try Data(contentsOf: Self.privileges.url)
        let registry = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
        let mappings = try #require(registry["Mappings"] as? [[String: Any]])
        var rules: [String: [String: [[String]]]] = [:]
        for mapping in mappings {
            let operations = mapping["OperationMap"] as? [String: [[String: [String]]]] ?? [:]
            rules[mapping["Entity"] as? String ?? ""] = operations.mapValues {
                $0.compactMap { $0["Privilege"] }
            }
        }
        for route in RouteTable.routes {
            guard let entity = Self.entity(of: route.endpoint) else { continue }
            for operation in route.operations {
                let wanted = try #require(rules[entity]?[operation.method.rawValue], "\(entity)").map {
                    $0[0]
                }
                let isLogIn = operation.method == .post && entity == "SessionCollection"
                // Media under a system are components of it: docs/redfish.md says why.
                let isComponent =
                    route.pattern.hasPrefix("/redfish/v1/Systems/")
                    && ["VirtualMedia", "CertificateCollection", "Certificate"].contains(entity)
                // A task ends for whoever began it.
                let isOwnTask = entity == "Task" && operation.method == .delete
                // A user may change its own password; the property override of the registry.
                let isOwnPassword = entity == "ManagerAccount" && operation.method == .patch
                var allowed = wanted
                if isComponent { allowed.append("ConfigureComponents") }
                if isOwnTask || isOwnPassword { allowed.append("ConfigureSelf") }
                guard case .anyOf(let privileges) = operation.rule else {
                    #expect(wanted.contains("NoAuth") || isLogIn, "\(route.pattern)")
                    continue
                }
                for privilege in privileges {
                    #expect(allowed.contains(privilege.rawValue), "\(operation.method) \(route.pattern)")
                }
            }
        }
    }

    private static func entity(of endpoint: Endpoint) -> String? {
        switch endpoint {
        case .sessionService: "SessionService"
        case .sessions: "SessionCollection"
        case .session: "Session"
        case .accountService: "AccountService"
        case .accounts: "ManagerAccountCollection"
        case .account: "ManagerAccount"
        case .roles: "RoleCollection"
        case .role: "Role"
        case .manager: "Manager"
        case .networkProtocol: "ManagerNetworkProtocol"
        case .system: "ComputerSystem"
        case .slots: "VirtualMediaCollection"
        case .slot, .insertMedia, .ejectMedia: "VirtualMedia"
        case .taskService: "TaskService"
        case .task: "Task"
        case .certificateService, .replaceCertificate: "CertificateService"
        case .certificateLocations: "CertificateLocations"
        case .certificates: "CertificateCollection"
        case .certificate: "Certificate"
        case .eventService, .submitTestEvent: "EventService"
        case .subscriptions: "EventDestinationCollection"
        case .subscription: "EventDestination"
        default: nil
        }
    }
}

/// DMTF's schemas and registries, which are not part of this project: beside it, or where
/// `MEDIARIG_REDFISH_DATA` says.
enum DMTFData {
    static func file(_ name: String) -> (capability: Capability, url: URL) {
        let folder =
            ProcessInfo.processInfo.environment["MEDIARIG_REDFISH_DATA"].map { URL(fileURLWithPath: $0) }
            ?? DocumentationTests.root.deletingLastPathComponent().appendingPathComponent("shared/redfish")
        let url = folder.appendingPathComponent(name)
        return (
            Capability(name: "redfish-data", isPresent: FileManager.default.fileExists(atPath: url.path)), url
        )
    }
}
