/// A resource as it is sent: its JSON and what is said about it in headers.
struct ResourceDocument: Equatable {
    let path: String
    /// The name of its schema, for the Link header.
    let schema: String?
    var object: JSONObject
    private(set) var entityTag: String?

    /// - Parameters:
    ///   - type: with version, without "#": "VirtualMedia.v1_6_5.VirtualMedia".
    init(_ path: String, type: String, _ members: JSONObject) {
        self.path = path
        schema = type.split(separator: ".").first.map(String.init)
        object = ["@odata.id": .string(path), "@odata.type": .string("#\(type)")]
        object.merge(members)
        // What counts bytes and seconds is not what a client guards with If-Match.
        let tag = "W/\"\(Self.fingerprint(object.filter { $0.key != "Oem" }))\""
        entityTag = tag
        object["@odata.etag"] = .string(tag)
    }

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

    private static func fingerprint(_ object: JSONObject) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        for byte in JSON.object(object).text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let text = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
