import Testing

@testable import RedfishServer

/// What is sent is the object as it is, however it came to be text.
struct ResourceDocumentTests {
    static let names = ["plain", "", "with \"quotes\" and \\", "line\nbreak\tand\u{1}", "größer", "🦊"]

    static func document(_ name: String, oem: Bool) -> ResourceDocument {
        var members: JSONObject = [
            "Id": .string(name), "Count": 3, "Nothing": .null, "Flags": [true, false],
        ]
        if oem { members["Oem"] = ["Bytes": 17] }
        return ResourceDocument("/redfish/v1/Things/1", type: "Thing.v1_0_0.Thing", members)
    }

    @Test(arguments: names, [false, true])
    func `the text is the object's, with its tag at the end`(name: String, oem: Bool) {
        let document = Self.document(name, oem: oem)
        #expect(document.text == JSON.object(document.object).text)
        #expect(document.object["@odata.etag"]?.string == document.entityTag)
    }

    @Test(arguments: [false, true])
    func `an object that is changed is sent as it is then`(oem: Bool) {
        var document = Self.document("a", oem: oem)
        document.object["Count"] = 4
        #expect(document.text == JSON.object(document.object).text)
        #expect(String(decoding: document.text, as: UTF8.self).contains("\"Count\":4"))
    }

    @Test func `what counts bytes changes the text and not the tag, and anything else changes both`() {
        let (without, with) = (Self.document("a", oem: false), Self.document("a", oem: true))
        #expect(without.entityTag == with.entityTag && without.text != with.text)
        #expect(without.entityTag != Self.document("b", oem: false).entityTag)
    }

    @Test(arguments: names)
    func `an encoded path is the same as a plain one`(name: String) throws {
        let encoded = name.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        guard !name.isEmpty, !name.utf8.contains(where: { $0 < 0x20 }) else {
            #expect(throws: Refusal.self) { try RequestTarget("/a/\(encoded)/b") }
            return
        }
        #expect(try RequestTarget("/a/\(encoded)/b").segments == ["a", name, "b"])
    }
}
