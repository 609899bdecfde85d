import HTTPTypes

/// The manager (the BMC itself) and the system that it manages.
extension RedfishService {
    var managerPath: String { "\(Self.root)/Managers/\(configuration.managerID)" }
    var systemPath: String { "\(Self.root)/Systems/\(configuration.systemID)" }

    var managersDocument: ResourceDocument {
        ResourceDocument(
            collection: "\(Self.root)/Managers", of: "Manager", name: "Managers", members: [managerPath])
    }

    var managerDocument: ResourceDocument {
        ResourceDocument(
            managerPath, type: SchemaTypes.manager,
            [
                "Id": .string(configuration.managerID), "Name": "BMC", "ManagerType": "BMC",
                "UUID": .string(configuration.uuid), "Model": "MediaRig",
                "FirmwareVersion": .string(configuration.firmwareVersion), "PowerState": "On",
                "DateTime": .string(timeStamp(platform.wallClock.secondsSince1970)),
                "DateTimeLocalOffset": "+00:00", "Status": Self.enabled,
                "NetworkProtocol": .link("\(managerPath)/NetworkProtocol"),
                "VirtualMedia": .link("\(managerPath)/VirtualMedia"),
                "Links": [
                    "ManagerForServers": .links([systemPath]), "ManagerForServers@odata.count": 1,
                ],
            ])
    }

    var networkProtocolDocument: ResourceDocument {
        ResourceDocument(
            "\(managerPath)/NetworkProtocol", type: SchemaTypes.networkProtocol,
            [
                "Id": "NetworkProtocol", "Name": "Manager Network Protocol",
                "HostName": .string(configuration.hostName), "FQDN": .string(configuration.hostName),
                "Status": Self.enabled,
                "HTTPS": ["ProtocolEnabled": true, "Port": JSON(configuration.httpsPort)],
                "HTTP": ["ProtocolEnabled": false, "Port": 80],
                "SSDP": ["ProtocolEnabled": false], "IPMI": ["ProtocolEnabled": false],
                "SSH": ["ProtocolEnabled": false],
            ])
    }

    var systemsDocument: ResourceDocument {
        ResourceDocument(
            collection: "\(Self.root)/Systems", of: "ComputerSystem", name: "Computer Systems",
            members: [systemPath])
    }

    private static let bootTargets = BootOverride.Target.allCases.map(\.rawValue)

    func systemDocument() async -> ResourceDocument {
        let boot = await platform.host.bootOverride()
        return ResourceDocument(
            systemPath, type: SchemaTypes.system,
            [
                "Id": .string(configuration.systemID), "Name": "System", "SystemType": "Physical",
                "UUID": .string(configuration.uuid), "Status": Self.enabled,
                "Boot": [
                    "BootSourceOverrideTarget": .string(boot.target.rawValue),
                    "BootSourceOverrideEnabled": .string(boot.persistence.rawValue),
                    "BootSourceOverrideTarget@Redfish.AllowableValues": .strings(Self.bootTargets),
                    "BootSourceOverrideEnabled@Redfish.AllowableValues": .strings(
                        BootOverride.Persistence.allCases.map(\.rawValue)),
                ],
                "VirtualMedia": .link("\(systemPath)/VirtualMedia"),
                "Links": ["ManagedBy": .links([managerPath]), "ManagedBy@odata.count": 1],
            ])
    }

    func changeSystem(_ context: RequestContext) async throws(Refusal) -> Answer {
        try checkParentsExist(context)
        try checkIfMatch(context, await systemDocument())
        var body = try RequestBody(context.body, contentType: context.contentType, for: .properties)
        var boot = await platform.host.bootOverride()
        guard var wanted = body.object("Boot") else {
            body.refuse(readOnly: ["Id", "Name", "SystemType", "UUID", "Status", "VirtualMedia", "Links"])
            try body.finish()
            throw Refusal(.noOperation)
        }
        let target = wanted.choice("BootSourceOverrideTarget", of: BootOverride.Target.self)
        let persistence = wanted.choice("BootSourceOverrideEnabled", of: BootOverride.Persistence.self)
        body.refuse(readOnly: ["Id", "Name", "SystemType", "UUID", "Status", "VirtualMedia", "Links"])
        body.absorb(wanted)
        try body.finish()
        guard target != nil || persistence != nil else { throw Refusal(.noOperation) }
        if let target { boot.target = target }
        if let persistence { boot.persistence = persistence }
        // A target alone is meant for the next start, as most clients that name one alone mean it.
        if let target, persistence == nil, boot.persistence == .disabled, target != .none {
            boot.persistence = .once
        }
        if boot.target == .none || boot.persistence == .disabled { boot = BootOverride() }
        do throws(StoreFailure) { try await platform.host.setBootOverride(boot) } catch {
            throw Refusal(.internalError)
        }
        return answer(await systemDocument(), to: context)
    }

    func checkParentsExist(_ context: RequestContext) throws(Refusal) {
        _ = try checkedBase(of: context.parameters)
    }

    /// The resource above a collection of slots: the manager's path or the system's.
    static func base(of parameters: PathParameters) -> String {
        let manager = parameters["manager"]
        return manager.isEmpty ? "\(root)/Systems/\(parameters["system"])" : "\(root)/Managers/\(manager)"
    }

    func checkedBase(of parameters: PathParameters) throws(Refusal) -> String {
        let base = Self.base(of: parameters)
        guard base == managerPath || base == systemPath else {
            let isManager = !parameters["manager"].isEmpty
            throw Refusal(
                .resourceNotFound, isManager ? "Manager" : "ComputerSystem",
                isManager ? parameters["manager"] : parameters["system"])
        }
        return base
    }
}
