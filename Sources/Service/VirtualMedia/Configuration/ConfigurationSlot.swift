/// One mount point of the file.
extension ConfigurationReader {
    private static let required = ["Mode", "NBDDevice"]
    private static let known =
        ["Mode", "NBDDevice", "UnixSocket", "EndpointId", "EndPointId", "Timeout", "BlockSize"]
        + [
            "InactivityTimeout", "Medium", "IOFailurePolicy", "USB", "ReadAheadKiB", "RequestTimeout",
            "Controllers", "Connections",
        ]

    mutating func slot(_ member: JSONNode.Member) -> SlotConfiguration? {
        let keyPath = "MountPoints.\(member.key)"
        guard checkName(member, at: keyPath) else { return nil }
        let members = self.members(of: member.node, at: keyPath)
        var slot = SlotConfiguration(name: member.key, mode: .proxy, device: "")
        slot.inactivitySeconds = Self.inherited
        for entry in members { take(entry, at: "\(keyPath).\(entry.key)", into: &slot) }
        for key in Self.required where !members.contains(where: { $0.key == key }) {
            let example = key == "Mode" ? "0 (Proxy) or 1 (Legacy)" : "\"nbd0\""
            report(
                member.node.position, "\(keyPath).\(key)", "this key is missing", "add it, with \(example)")
        }
        let endpoints = members.filter { $0.key == "EndpointId" || $0.key == "EndPointId" }
        if endpoints.count == 2, endpoints[0].node.value != endpoints[1].node.value {
            report(
                endpoints[1].position, "\(keyPath).\(endpoints[1].key)",
                "EndpointId and EndPointId differ", "write one of the two spellings only")
        }
        if slot.mode == .proxy, slot.socket.isEmpty,
            !members.contains(where: { $0.key == "UnixSocket" && !isString($0) })
        {
            report(
                member.node.position, "\(keyPath).UnixSocket", "a Proxy mount point needs a socket",
                "add it, as \"/run/virtual-media/nbd0.sock\"")
        }
        return slot
    }

    private func isString(_ member: JSONNode.Member) -> Bool {
        if case .string = member.node.value { return true }
        return false
    }

    private mutating func take(
        _ entry: JSONNode.Member, at keyPath: String, into slot: inout SlotConfiguration
    ) {
        switch entry.key {
        case "Mode": slot.mode = mode(entry, at: keyPath) ?? slot.mode
        case "NBDDevice": slot.device = device(entry, at: keyPath) ?? slot.device
        case "UnixSocket": slot.socket = socket(entry, at: keyPath) ?? slot.socket
        case "EndpointId", "EndPointId":
            slot.endpoint = string(entry, at: keyPath, maximumBytes: 255) ?? slot.endpoint
        case "Timeout":
            let seconds = integer(entry, at: keyPath, in: 1...3600, unit: " seconds")
            slot.timeoutSeconds = seconds.map { UInt16($0) } ?? slot.timeoutSeconds
        case "BlockSize": slot.blockBytes = blockBytes(entry, at: keyPath) ?? slot.blockBytes
        case "InactivityTimeout": slot.inactivitySeconds = inactivitySeconds(entry, at: keyPath)
        default: takeExtension(entry, at: keyPath, into: &slot)
        }
    }

    private mutating func takeExtension(
        _ entry: JSONNode.Member, at keyPath: String, into slot: inout SlotConfiguration
    ) {
        switch entry.key {
        case "Medium":
            slot.kind =
                choice(entry, at: keyPath, MediumKind.allCases.map { ($0.rawValue, $0) }) ?? slot.kind
        case "IOFailurePolicy": takePolicy(entry, at: keyPath, into: &slot.failurePolicy)
        case "USB": takeIdentity(entry, at: keyPath, into: &slot.usb)
        case "ReadAheadKiB":
            let kibibytes = integer(entry, at: keyPath, in: 0...65_536, unit: " KiB")
            slot.readAheadBytes = kibibytes.map { $0 << 10 } ?? slot.readAheadBytes
        case "RequestTimeout":
            let seconds = integer(
                entry, at: keyPath, in: 1...25, unit: " seconds; hosts give up after 30")
            slot.requestTimeoutSeconds = seconds.map { UInt16($0) } ?? slot.requestTimeoutSeconds
        case "Controllers": slot.controllers = controllers(entry, at: keyPath)
        case "Connections":
            let count = integer(
                entry, at: keyPath, in: 1...SlotConfiguration.maximumConnectionCount, unit: " connections")
            slot.connectionCount = count ?? slot.connectionCount
        default: warnUnknown(entry, at: keyPath, known: Self.known)
        }
    }

    private mutating func mode(_ entry: JSONNode.Member, at keyPath: String) -> SlotMode? {
        if case .number(let text) = entry.node.value, let number = UInt8(text),
            let mode = SlotMode(rawValue: number)
        {
            return mode
        }
        report(entry.node.position, keyPath, "found \(entry.node.kind)", "write 0 (Proxy) or 1 (Legacy)")
        return nil
    }

    private mutating func blockBytes(_ entry: JSONNode.Member, at keyPath: String) -> UInt16? {
        let sizes = ["512", "1024", "2048", "4096"]
        if case .number(let text) = entry.node.value, sizes.contains(text) { return UInt16(text) }
        report(
            entry.node.position, keyPath, "found \(entry.node.kind)", "write 512, 1024, 2048 or 4096 bytes")
        return nil
    }

    private mutating func takePolicy(
        _ entry: JSONNode.Member, at keyPath: String, into policy: inout FailurePolicy
    ) {
        for member in members(of: entry.node, at: keyPath) {
            let path = "\(keyPath).\(member.key)"
            switch member.key {
            case "StallSeconds":
                let seconds = integer(
                    member, at: path, in: 0...25, unit: " seconds; hosts give up after 30")
                policy.stallSeconds = seconds.map { UInt16($0) } ?? policy.stallSeconds
            case "ErrorSeconds":
                let seconds = integer(member, at: path, in: 0...3600, unit: " seconds")
                policy.errorSeconds = seconds.map { UInt16($0) } ?? policy.errorSeconds
            default: warnUnknown(member, at: path, known: ["StallSeconds", "ErrorSeconds"])
            }
        }
    }

    private mutating func takeIdentity(
        _ entry: JSONNode.Member, at keyPath: String, into usb: inout USBIdentity
    ) {
        let known = ["VendorId", "ProductId", "Manufacturer", "Product", "SerialNumber", "Inquiry"]
        for member in members(of: entry.node, at: keyPath) {
            let path = "\(keyPath).\(member.key)"
            switch member.key {
            case "VendorId": usb.vendorID = identifier(member, at: path) ?? usb.vendorID
            case "ProductId": usb.productID = identifier(member, at: path) ?? usb.productID
            // A string descriptor holds 126 UTF-16 units (USB 2.0 §9.6.7).
            case "Manufacturer":
                usb.manufacturer = string(member, at: path, maximumBytes: 126) ?? usb.manufacturer
            case "Product": usb.product = string(member, at: path, maximumBytes: 126) ?? usb.product
            case "SerialNumber": usb.serialNumber = serialNumber(member, at: path)
            case "Inquiry": usb.inquiry = string(member, at: path, maximumBytes: 28)
            default: warnUnknown(member, at: path, known: known)
            }
        }
    }

    private mutating func serialNumber(_ member: JSONNode.Member, at keyPath: String) -> String? {
        guard let text = string(member, at: keyPath, maximumBytes: 126) else { return nil }
        let isHexadecimal = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x46).contains($0)
        }
        guard text.utf8.count >= 12, isHexadecimal else {
            report(
                member.node.position, keyPath, "'\(text)' is no serial number of a mass-storage device",
                "write at least 12 digits 0-9 and A-F")
            return nil
        }
        return text
    }

    private mutating func controllers(_ entry: JSONNode.Member, at keyPath: String) -> [String] {
        guard case .array(let nodes) = entry.node.value else {
            report(
                entry.node.position, keyPath, "found \(entry.node.kind)",
                "write an array of names from /sys/class/udc")
            return []
        }
        return nodes.enumerated().compactMap { index, node in
            string(
                .init(key: "", position: node.position, node: node), at: "\(keyPath)[\(index)]",
                maximumBytes: 255)
        }
    }
}
