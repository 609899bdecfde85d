/// A resource as it is sent: its JSON and what is said about it in headers.
struct ResourceDocument {
    let path: String
    /// The name of its schema, for the Link header.
    let schema: String?
    var object: JSONObject { didSet { rendered = nil } }
    private(set) var entityTag: String?
    /// The object as text, where it was needed already.
    private var rendered: [UInt8]?

    /// - Parameters:
    ///   - type: with version, without "#": "VirtualMedia.v1_6_5.VirtualMedia".
    init(_ path: String, type: String, _ members: JSONObject) {
        self.path = path
        schema = type.split(separator: ".").first.map(String.init)
        object = ["@odata.id": .string(path), "@odata.type": .string("#\(type)")]
        object.merge(members)
        // What counts bytes and seconds is not what a client guards with If-Match.
        let isWhole = object["Oem"] == nil
        var text = JSON.object(isWhole ? object : object.filter { $0.key != "Oem" }).text
        let tag = "W/\"\(Self.fingerprint(text))\""
        entityTag = tag
        object["@odata.etag"] = .string(tag)
        guard isWhole else { return }
        // The text once more, with this last member.
        text.removeLast()
        text += ",\"@odata.etag\":".utf8
        JSON.string(tag).write(to: &text)
        text.append(UInt8(ascii: "}"))
        rendered = text
    }

    /// As it is sent.
    var text: [UInt8] { rendered ?? JSON.object(object).text }

    /// A collection: its members by path.
    init(collection path: String, of schema: String, name: String, members: [String]) {
        self.init(
            path, type: "\(schema)Collection.\(schema)Collection",
            [
                "Name": .string(name), "Members": .links(members),
                "Members@odata.count": JSON(members.count),
            ])
    }

    /// What has no resource behind it: the list of versions, the OData service document.
    init(plain path: String, _ members: JSONObject) {
        self.path = path
        schema = nil
        object = members
    }

    var members: [String]? {
        object["Members"]?.array?.compactMap { $0.object?["@odata.id"]?.string }
    }

    private static func fingerprint(_ text: [UInt8]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let text = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
