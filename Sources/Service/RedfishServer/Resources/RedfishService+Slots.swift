import HTTPTypes
import VirtualMedia

/// VirtualMedia as a resource: what is true of a slot at this moment.
extension RedfishService {
    func slotsDocument(under base: String) async -> ResourceDocument {
        // Clients take the first slot that may do: those with InsertMedia come first.
        let known = await media.current() ?? []
        let slots = known.filter { $0.mode == .legacy } + known.filter { $0.mode == .proxy }
        return ResourceDocument(
            collection: "\(base)/VirtualMedia", of: "VirtualMedia", name: "Virtual Media",
            members: slots.map { "\(base)/VirtualMedia/\($0.name)" })
    }

    /// - Throws: 404, or 503 while the virtual media service is not there.
    func slot(_ parameters: PathParameters) async throws(Refusal) -> MediaSlot {
        _ = try checkedBase(of: parameters)
        guard let slots = await media.current() else {
            var refusal = Refusal(.serviceAbsent)
            refusal.retryAfterSeconds = 5
            throw refusal
        }
        let name = parameters["slot"]
        guard let slot = slots.first(where: { $0.name == name }) else {
            throw Refusal(.resourceNotFound, "VirtualMedia", name)
        }
        return slot
    }

    static let insertAction = "VirtualMedia.InsertMedia"
    static let ejectAction = "VirtualMedia.EjectMedia"

    func slotDocument(_ slot: MediaSlot, under base: String) -> ResourceDocument {
        let path = "\(base)/VirtualMedia/\(slot.name)"
        var object: JSONObject = [
            "Id": .string(slot.name), "Name": "Virtual Removable Media",
            "MediaTypes": .strings(Self.mediaTypes(of: slot)), "Inserted": JSON(slot.isActive),
            "ConnectedVia": .string(Self.connectedVia(slot)), "WriteProtected": JSON(slot.isWriteProtected),
            "TransferMethod": "Stream", "Status": Self.status(of: slot),
        ]
        switch slot.mode {
        case .legacy:
            let url = slot.imageURL
            let scheme = url.split(separator: ":").first.map { $0.lowercased() } ?? ""
            object["Image"] = JSON(url.isEmpty ? nil : Self.withoutSecrets(url))
            object["ImageName"] = JSON(Self.imageName(of: url))
            object["TransferProtocolType"] = JSON(configuration.imageSources.schemes[scheme])
            if slot.canTrust {
                object["VerifyCertificate"] = JSON(trust[slot.name]?.isExclusive ?? false)
                object["Certificates"] = .link("\(path)/Certificates")
            }
            object["UserName"] = .null
            object["Password"] = .null
        case .proxy: object["TransferProtocolType"] = "OEM"
        }
        addSettings(of: slot, to: &object)
        object["Oem"] = .object(oem(of: slot))
        var actions: JSONObject = [:]
        if slot.mode == .legacy {
            actions["#\(Self.insertAction)"] = [
                "target": .string("\(path)/Actions/\(Self.insertAction)"),
                "@Redfish.ActionInfo": .string("\(path)/InsertMediaActionInfo"),
            ]
        }
        actions["#\(Self.ejectAction)"] = ["target": .string("\(path)/Actions/\(Self.ejectAction)")]
        object["Actions"] = .object(actions)
        return ResourceDocument(path, type: SchemaTypes.virtualMedia, object)
    }

    /// What the slot can be for the host; while there is a medium, what it is.
    private static func mediaTypes(of slot: MediaSlot) -> [String] {
        guard slot.isActive, let kind = slot.details?.mediumKind else { return ["CD", "DVD", "USBStick"] }
        return kind == MediumKind.cdrom.rawValue ? ["CD", "DVD"] : ["USBStick"]
    }

    private static func connectedVia(_ slot: MediaSlot) -> String {
        guard slot.isActive else { return "NotConnected" }
        return slot.mode == .proxy ? "Applet" : "URI"
    }

    private static func status(of slot: MediaSlot) -> JSON {
        guard let details = slot.details else { return enabled }
        return switch details.state {
        case "Recovering": ["State": "Enabled", "Health": "Warning"]
        case "Activating": ["State": "Starting", "Health": "OK"]
        default: enabled
        }
    }

    /// The last part of the path, decoded; `nil` where there is none.
    static func imageName(of url: String) -> String? {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        let rest = url[scheme.upperBound...].prefix { $0 != "?" && $0 != "#" }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count > 1, let name = parts.last, !name.isEmpty else { return nil }
        return String(name)
    }

    /// A token in a query is as good as a password.
    static func withoutSecrets(_ url: String) -> String {
        let parts = url.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 ? "\(parts[0])?…" : url
    }

    private func oem(of slot: MediaSlot) -> JSONObject {
        var oem: JSONObject = [:]
        if !slot.endpoint.isEmpty {
            oem["OpenBMC"] = [
                "@odata.type": .string("#\(SchemaTypes.openBMC)"),
                "WebSocketEndpoint": .string(slot.endpoint),
            ]
        }
        var own: JSONObject = ["@odata.type": .string("#\(SchemaTypes.mediaRig)")]
        own["ReadBytes"] = JSON(slot.readBytes ?? 0)
        own["WrittenBytes"] = JSON(slot.writtenBytes ?? 0)
        own["RemainingInactivitySeconds"] = JSON(slot.remainingInactivitySeconds)
        if let details = slot.details {
            own["State"] = .string(details.state)
            own["Status"] = .string(details.status)
            own["HostPresence"] = .string(details.hostPresence)
            own["MediumKind"] = .string(details.mediumKind)
            own["MediumBytes"] = JSON(details.mediumBytes)
            own["Controller"] = Self.orNull(details.controller)
            own["LastError"] = Self.orNull(details.lastError)
            own["LastErrorCause"] = Self.orNull(details.lastErrorCause)
            own["LastErrorCode"] = JSON(details.lastErrorCode)
        }
        addBackground(of: slot, to: &own)
        oem["MediaRig"] = .object(own)
        return oem
    }

    private static func orNull(_ text: String) -> JSON { JSON(text.isEmpty ? nil : text) }

    func insertMediaInfo(_ slot: MediaSlot, under base: String) -> ResourceDocument {
        func parameter(_ name: String, _ type: String, isRequired: Bool = false, allowed: [String] = [])
            -> JSON
        {
            var object: JSONObject = [
                "Name": .string(name), "Required": JSON(isRequired), "DataType": .string(type),
            ]
            if !allowed.isEmpty { object["AllowableValues"] = .strings(allowed) }
            return .object(object)
        }
        return ResourceDocument(
            "\(base)/VirtualMedia/\(slot.name)/InsertMediaActionInfo", type: SchemaTypes.actionInfo,
            [
                "Id": "InsertMediaActionInfo", "Name": "InsertMedia Action Info",
                "Parameters": [
                    parameter("Image", "String", isRequired: true),
                    // Allowable values are strings, and clients compare them with a boolean.
                    parameter("Inserted", "Boolean"),
                    parameter("WriteProtected", "Boolean"),
                    parameter("UserName", "String"), parameter("Password", "String"),
                    parameter(
                        "TransferProtocolType", "String", allowed: configuration.imageSources.protocols),
                    parameter("TransferMethod", "String", allowed: ["Stream"]),
                    parameter("MediaTypes", "StringArray", allowed: ["CD", "DVD", "USBStick"]),
                ],
            ])
    }
}

extension ImageSourcePolicy {
    /// Redfish's words for the schemes, in order.
    var protocols: [String] { schemes.values.sorted() }
}
