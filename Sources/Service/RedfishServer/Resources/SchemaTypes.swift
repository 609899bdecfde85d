/// The types of DMTF's bundle 2025.4 that the resources have, one version of each.
enum SchemaTypes {
    static let serviceRoot = "ServiceRoot.v1_20_0.ServiceRoot"
    static let sessionService = "SessionService.v1_2_0.SessionService"
    static let session = "Session.v1_8_0.Session"
    static let accountService = "AccountService.v1_18_1.AccountService"
    static let account = "ManagerAccount.v1_14_1.ManagerAccount"
    static let role = "Role.v1_3_3.Role"
    static let manager = "Manager.v1_24_0.Manager"
    static let networkProtocol = "ManagerNetworkProtocol.v1_12_0.ManagerNetworkProtocol"
    static let system = "ComputerSystem.v1_27_0.ComputerSystem"
    static let virtualMedia = "VirtualMedia.v1_6_5.VirtualMedia"
    static let taskService = "TaskService.v1_3_0.TaskService"
    static let task = "Task.v1_7_4.Task"
    static let actionInfo = "ActionInfo.v1_5_0.ActionInfo"
    static let registryFile = "MessageRegistryFile.v1_1_5.MessageRegistryFile"
    static let registry = "MessageRegistry.v1_7_0.MessageRegistry"
    static let schemaFile = "JsonSchemaFile.v1_1_5.JsonSchemaFile"
    static let message = "Message.v1_3_0.Message"
    static let certificateService = "CertificateService.v1_2_1.CertificateService"
    static let certificateLocations = "CertificateLocations.v1_0_4.CertificateLocations"
    static let certificate = "Certificate.v1_11_0.Certificate"
    static let eventService = "EventService.v1_12_0.EventService"
    static let eventDestination = "EventDestination.v1_16_0.EventDestination"
    static let event = "Event.v1_13_0.Event"
    static let openBMC = "OpenBMCVirtualMedia.v1_0_0.VirtualMedia"
    static let mediaRig = "MediaRigVirtualMedia.v1_0_0.VirtualMedia"

    /// A schema file: where a client finds what a type means.
    struct Schema: Equatable, Sendable {
        /// "VirtualMedia"
        let name: String
        /// "VirtualMedia.v1_6_5"; a collection has no versions.
        let versionedNamespace: String?
        let isOwn: Bool

        init(_ type: String, isOwn: Bool = false) {
            let parts = type.split(separator: ".").map(String.init)
            name = parts[0]
            versionedNamespace = parts.count == 3 ? "\(parts[0]).\(parts[1])" : nil
            self.isOwn = isOwn
        }

        var metadataURI: String {
            isOwn
                ? "/redfish/v1/JsonSchemas/\(name)/\(name)_v1.xml"
                : "http://redfish.dmtf.org/schemas/v1/\(name)_v1.xml"
        }
        /// "VirtualMedia.v1_6_5.json"
        var fileName: String { "\(versionedNamespace ?? name).json" }
    }

    static let all: [Schema] =
        [
            serviceRoot, sessionService, session, "SessionCollection", accountService, account,
            "ManagerAccountCollection", role, "RoleCollection", manager, "ManagerCollection", networkProtocol,
            system, "ComputerSystemCollection", virtualMedia, "VirtualMediaCollection", taskService, task,
            "TaskCollection", certificateService, certificateLocations, certificate, "CertificateCollection",
            eventService, eventDestination, "EventDestinationCollection", event, actionInfo,
            registryFile, "MessageRegistryFileCollection", registry, schemaFile,
            "JsonSchemaFileCollection", message, "Resource", "RedfishExtensions.v1_0_0.Terms",
        ].map { Schema($0) } + [Schema(openBMC, isOwn: true), Schema(mediaRig, isOwn: true)]

    /// Those of which there is a JSON schema to point to.
    static let files: [Schema] = all.filter { !$0.isOwn && $0.name != "RedfishExtensions" }
}
