import HTTPTypes
import Scenarios
import Testing
import VirtualMedia

@testable import RedfishServer

/// Requests that are wrong: each is answered with a 4xx and a Redfish error, and changes nothing.
struct BadRequestTests {
    struct Wrong: Sendable, CustomStringConvertible {
        var method = "POST"
        var path = Front.insert()
        var body = ""
        var headers: [String: String] = [:]
        var status = 400
        var message: String?
        var description: String { "\(method) \(path.prefix(80)) \(body.prefix(120)) \(headers)" }
    }

    // MARK: Bodies that are no JSON object

    static let brokenJSON: [String] = [
        "{", "}", "[", "]", "{]", "{}}", "nul", "{\"Image\"}", "{\"Image\":}", "{\"Image\":1,}", "{,}",
        "{'Image': 1}",
        "{Image: 1}", "{\"a\":01}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\u{1}\"}", "{\"a\":\"x}",
        "{\"a\":tru}",
        "{} {}", "{}x", "//\n{}", "{/**/}", "\u{FEFF}{", "{\"a\": 1 \"b\": 2}",
        String(repeating: "[", count: 1000), String(repeating: "{\"a\":", count: 60),
    ]
    static let notObjects: [String] = ["null", "true", "1", "\"x\"", "[]", "[{}]", "-0", "[1,2]"]

    // MARK: Parameters

    static let image = #""Image": "https://images.example/a.iso""#

    static let values: [(type: String, texts: [String])] = [
        ("string", ["1", "true", "null", "[]", "{}", "1.5", "[\"x\"]"]),
        ("boolean", ["1", "0", "\"true\"", "null", "[]", "{}"]),
    ]

    static func types() -> [Wrong] {
        var wrongs: [Wrong] = []
        for key in ["Image"] {
            for text in values[0].texts {
                wrongs.append(Wrong(body: "{\"\(key)\": \(text)}", message: "ActionParameterValueTypeError"))
            }
        }
        for key in ["UserName", "Password", "TransferProtocolType", "TransferMethod"] {
            for text in values[0].texts where text != "null" {
                wrongs.append(
                    Wrong(body: "{\(image), \"\(key)\": \(text)}", message: "ActionParameterValueTypeError"))
            }
        }
        for key in ["Inserted", "WriteProtected"] {
            for text in values[1].texts {
                wrongs.append(
                    Wrong(body: "{\(image), \"\(key)\": \(text)}", message: "ActionParameterValueTypeError"))
            }
        }
        for text in ["1", "\"CD\"", "{}", "[1]", "[null]", "[[\"CD\"]]"] {
            wrongs.append(
                Wrong(body: "{\(image), \"MediaTypes\": \(text)}", message: "ActionParameterValueTypeError"))
        }
        return wrongs
    }

    static let addresses: [(image: String, status: Int, message: String)] = [
        ("", 400, "ActionParameterValueFormatError"), (" ", 400, "ActionParameterValueFormatError"),
        ("a.iso", 400, "ActionParameterValueFormatError"), ("/a.iso", 400, "ActionParameterValueFormatError"),
        ("https:", 400, "ActionParameterValueFormatError"),
        ("https:/a/b", 400, "ActionParameterValueFormatError"),
        ("https://", 400, "ActionParameterValueFormatError"),
        ("https:///a.iso", 400, "ActionParameterValueFormatError"),
        ("https://a b/c", 400, "ActionParameterValueFormatError"),
        ("https://a/b\\nc", 400, "ActionParameterValueFormatError"),
        ("https://a/b\\u0000c", 400, "ActionParameterValueFormatError"),
        ("https://a\\\\@b/c", 400, "ActionParameterValueFormatError"),
        ("https://me@a/b", 400, "ActionParameterValueFormatError"),
        ("https://me:hunter2@a/b", 400, "ActionParameterValueFormatError"),
        ("https://a:0/b", 400, "ActionParameterValueFormatError"),
        ("https://a:65536/b", 400, "ActionParameterValueFormatError"),
        ("https://a:x/b", 400, "ActionParameterValueFormatError"),
        ("https://[::1/b", 400, "ActionParameterValueFormatError"),
        ("https://[::1]x/b", 400, "ActionParameterValueFormatError"),
        ("https://%31%32%37.0.0.1/b", 400, "ActionParameterValueFormatError"),
        ("http://a/b", 400, "ActionParameterValueNotInList"),
        ("ftp://a/b", 400, "ActionParameterValueNotInList"),
        ("file:///etc/shadow", 400, "ActionParameterValueNotInList"),
        ("smb://a/b/c", 400, "ActionParameterValueNotInList"),
        ("nfs://a/b", 400, "ActionParameterValueNotInList"),
        ("gopher://a/b", 400, "ActionParameterValueNotInList"),
        ("data://x", 400, "ActionParameterValueNotInList"),
        ("HTTPSS://a/b", 400, "ActionParameterValueNotInList"),
        ("://a/b", 400, "ActionParameterValueNotInList"),
        ("https://a/" + String(repeating: "b", count: 3000), 400, "ActionParameterValueFormatError"),
    ]

    static let parameters: [Wrong] =
        types()
        + addresses.map { Wrong(body: #"{"Image": "\#($0.image)"}"#, status: $0.status, message: $0.message) }
        + [
            Wrong(body: "{}", message: "ActionParameterMissing"),
            Wrong(body: #"{"WriteProtected": true}"#, message: "ActionParameterMissing"),
            Wrong(body: "{\(image), \"Inserted\": false}", message: "ActionParameterValueNotInList"),
            Wrong(
                body: "{\(image), \"TransferMethod\": \"Upload\"}", message: "ActionParameterValueNotInList"),
            Wrong(
                body: "{\(image), \"TransferMethod\": \"stream\"}", message: "ActionParameterValueNotInList"),
            Wrong(
                body: "{\(image), \"TransferProtocolType\": \"NFS\"}",
                message: "ActionParameterValueNotInList"),
            Wrong(
                body: "{\(image), \"TransferProtocolType\": \"https\"}",
                message: "ActionParameterValueNotInList"),
            Wrong(body: "{\(image), \"MediaTypes\": []}", message: "ActionParameterValueError"),
            Wrong(
                body: "{\(image), \"MediaTypes\": [\"CD\", \"USBStick\"]}",
                message: "ActionParameterValueError"),
            Wrong(body: "{\(image), \"MediaTypes\": [\"Tape\"]}", message: "ActionParameterValueNotInList"),
            Wrong(body: "{\(image), \"Password\": \"a\\u0000b\"}", message: "ActionParameterValueError"),
            Wrong(body: "{\(image), \"UserName\": \"a\\u0000b\"}", message: "ActionParameterValueError"),
            Wrong(
                body: "{\(image), \"Password\": \"\(String(repeating: "hunter2", count: 200))\"}",
                message: "ActionParameterValueError"),
            Wrong(body: "{\(image), \(image)}", message: "ActionParameterDuplicate"),
            Wrong(
                body: "{\(image), \"Password\": \"a\", \"Password\": \"b\"}",
                message: "ActionParameterDuplicate"),
            Wrong(body: "{\(image), \"image\": \"x\"}", message: "ActionParameterUnknown"),
            Wrong(body: "{\(image), \"Oem\": {}}", message: "ActionParameterUnknown"),
            Wrong(body: "{\(image), \"\": 1}", message: "ActionParameterUnknown"),
            Wrong(
                body: "{\(image), \"@Redfish.OperationApplyTime\": \"Immediate\"}",
                message: "ActionParameterUnknown"),
            Wrong(path: Front.eject(), body: #"{"Force": true}"#, message: "ActionParameterUnknown"),
            Wrong(path: Front.eject(), body: "[]", message: "UnrecognizedRequestBody"),
        ]

    // MARK: Requests to other resources

    static let sessions = "/redfish/v1/SessionService/Sessions"
    static let accounts = "/redfish/v1/AccountService/Accounts"
    static let good = #""UserName": "eve", "Password": "Qu1te-Long", "RoleId": "Operator""#

    static let others: [Wrong] =
        [
            Wrong(path: sessions, body: "{}", message: "PropertyMissing"),
            Wrong(path: sessions, body: #"{"UserName": "root"}"#, message: "PropertyMissing"),
            Wrong(
                path: sessions, body: #"{"UserName": 1, "Password": "x"}"#, message: "PropertyValueTypeError"),
            Wrong(
                path: sessions, body: #"{"UserName": "root", "Password": {}}"#,
                message: "PropertyValueTypeError"),
            Wrong(
                path: sessions, body: #"{"UserName": "root", "Password": "x", "X": 1}"#,
                message: "PropertyUnknown"),
            Wrong(path: sessions, body: #"{"UserName": "root", "Password": "wrong"}"#, status: 401),
            Wrong(path: sessions, body: #"{"UserName": "", "Password": ""}"#, status: 401),
            Wrong(
                path: sessions, body: #"{"UserName": "ROOT", "Password": "\#(Front.password)"}"#, status: 401),
            Wrong(
                path: sessions, body: #"{"UserName": "root\u0000", "Password": "\#(Front.password)"}"#,
                status: 401),
            Wrong(path: "/login", body: "{}", message: "PropertyMissing"),
            Wrong(path: accounts, body: "{}", message: "PropertyMissing"),
            Wrong(path: accounts, body: "{\(good), \"Locked\": true}", message: "PropertyValueNotInList"),
            Wrong(path: accounts, body: "{\(good), \"Enabled\": 1}", message: "PropertyValueTypeError"),
            Wrong(path: accounts, body: "{\(good), \"Name\": \"x\"}", message: "PropertyNotWritable"),
            Wrong(
                path: accounts, body: "{\(good), \"AccountTypes\": [\"IPMI\"]}",
                message: "PropertyValueNotInList"),
            Wrong(path: accounts, body: "{\(good), \"RoleId\": \"Operator\"}", message: "PropertyDuplicate"),
            Wrong(
                path: accounts, body: #"{"UserName": "eve", "Password": "Qu1te-Long", "RoleId": "God"}"#,
                message: "PropertyValueNotInList"),
            Wrong(
                method: "PATCH", path: accounts + "/oper", body: #"{"UserName": "root"}"#,
                message: "PropertyNotWritable"),
            Wrong(method: "PATCH", path: accounts + "/oper", body: "{}", message: "NoOperation"),
            Wrong(
                method: "PATCH", path: accounts + "/oper", body: #"{"RoleId": null}"#,
                message: "PropertyValueTypeError"),
            Wrong(
                method: "PATCH", path: accounts + "/oper", body: #"{"Password": "short"}"#,
                message: "PasswordIncorrectLength"),
            Wrong(method: "PATCH", path: accounts + "/nobody", body: #"{"Enabled": true}"#, status: 404),
            Wrong(method: "DELETE", path: accounts + "/nobody", status: 404),
            Wrong(method: "DELETE", path: sessions + "/nobody", status: 404),
            Wrong(method: "DELETE", path: "/redfish/v1/TaskService/Tasks/7", status: 404),
            Wrong(
                method: "PATCH", path: "/redfish/v1/SessionService", body: #"{"SessionTimeout": 29}"#,
                message: "PropertyValueOutOfRange"),
            Wrong(
                method: "PATCH", path: "/redfish/v1/SessionService", body: #"{"SessionTimeout": 60.5}"#,
                message: "PropertyValueTypeError"),
            Wrong(
                method: "PATCH", path: "/redfish/v1/SessionService",
                body: #"{"SessionTimeout": 99999999999999999999}"#,
                message: "PropertyValueTypeError"),
            Wrong(
                method: "PATCH", path: "/redfish/v1/Systems/system",
                body: #"{"Boot": {"BootSourceOverrideTarget": "Pxe"}}"#, message: "PropertyValueNotInList"),
            Wrong(
                method: "PATCH", path: "/redfish/v1/Systems/system", body: #"{"Boot": []}"#,
                message: "PropertyValueTypeError"),
            Wrong(
                method: "PATCH", path: "/redfish/v1/Systems/system", body: #"{"Boot": {"X": 1}}"#,
                message: "PropertyUnknown"),
            Wrong(
                method: "PATCH", path: "/redfish/v1/Systems/system", body: #"{"Name": "x"}"#,
                message: "PropertyNotWritable"),
            Wrong(method: "PATCH", path: Front.slot(), body: "{}", message: "NoOperation"),
            Wrong(
                method: "PATCH", path: Front.slot(), body: #"{"ConnectedVia": "URI"}"#,
                message: "PropertyNotWritable"),
        ]
        + [
            "../x", "a/b", "a b", "1abc", "", "-a", "a:b", "é", String(repeating: "a", count: 65),
            "a\\u0000b", "a%2fb",
        ].map {
            Wrong(
                path: accounts,
                body: #"{"UserName": "\#($0)", "Password": "Qu1te-Long", "RoleId": "ReadOnly"}"#,
                message: "PropertyValueFormatError")
        }
        + ["", "1234567", String(repeating: "x", count: 129), "line\\nbreak1"].map {
            Wrong(
                path: accounts, body: #"{"UserName": "eve", "Password": "\#($0)", "RoleId": "ReadOnly"}"#,
                message: "PasswordIncorrectLength")
        }

    // MARK: Request lines, queries, headers

    static let lines: [Wrong] =
        [
            "/redfish/v1/../../etc/passwd", "/redfish/v1/%2e%2e/x", "/redfish/v1//Systems",
            "/redfish/v1/./Systems",
            "/redfish/v1/Systems%2Fsystem", "/redfish/v1/Systems/system%2FVirtualMedia", "/redfish/v2",
            "/redfish/v1/systems",
            "/Redfish/v1", "/", "/favicon.ico", "/redfish/v1/Systems/other",
            "/redfish/v1/Systems/other/VirtualMedia/Slot_2",
            "/redfish/v1/Managers/system/VirtualMedia/Slot_2",
            "/redfish/v1/Systems/system/VirtualMedia/slot_2",
            "/redfish/v1/Systems/system/VirtualMedia/Slot_9", "/redfish/v1/AccountService/Roles/God",
            "/redfish/v1/Registries/Other", "/redfish/v1/Registries/MediaRig/Other.json",
            "/redfish/v1/JsonSchemas/Other",
            "/redfish/v1/JsonSchemas/MediaRigVirtualMedia/other.xml",
            "/redfish/v1/TaskService/TaskMonitors/9",
        ].map { Wrong(method: "GET", path: $0, status: 404) }
        + [
            "redfish/v1", "*", "", "/redfish/v1/%", "/redfish/v1/%4", "/redfish/v1/%zz", "/redfish/v1/%00",
            "/redfish/v1/%0a",
            "/redfish/v1/%ff%fe", "/redfish/v1/Systems?%zz=1",
        ].map { Wrong(method: "GET", path: $0) }
        + [Wrong(method: "GET", path: "/redfish/v1/" + String(repeating: "a", count: 5000), status: 414)]
        + [
            "$select=", "$select=a,,b", "$expand=", "$expand=x", "$expand=*($levels=x)",
            "$expand=*($levels=0)",
            "$expand=*($levels=4)", "$expand=*levels=1", "$top=x", "$top=-1", "$skip=-1", "$top=1.5",
            "only=1", "only&$select=Id",
            "$top=99999999999999999999", "excerpt",
            (0..<20).map { "a\($0)=1" }.joined(separator: "&"),
        ].map { Wrong(method: "GET", path: "/redfish/v1/Systems?" + $0) }
        + ["only", "$top=1", "$skip=1"].map {
            Wrong(
                method: "GET", path: "/redfish/v1/Systems/system?" + $0,
                message: "QueryNotSupportedOnResource")
        }
        + [
            Wrong(path: Front.eject() + "?$select=Id", message: "QueryNotSupportedOnOperation"),
            Wrong(method: "DELETE", path: accounts + "/oper?x=1", message: "QueryNotSupportedOnOperation"),
            Wrong(body: "{\(image)}", headers: ["Content-Type": "text/plain"], status: 415),
            Wrong(
                body: "{\(image)}", headers: ["Content-Type": "application/x-www-form-urlencoded"],
                status: 415),
            Wrong(
                body: "{\(image)}", headers: ["Content-Type": "application/json; charset=latin1"], status: 415
            ),
            Wrong(body: "{\(image)}", headers: ["Content-Type": "application/jsonp"], status: 415),
            Wrong(body: "{\(image)}", headers: ["OData-Version": "3.0"], status: 412),
            Wrong(body: "{\(image)}", headers: ["OData-Version": "4.01"], status: 412),
            Wrong(method: "GET", path: Front.slot(), headers: ["Accept": "image/png"], status: 406),
            Wrong(
                method: "GET", path: Front.slot(), headers: ["Accept": "application/json;q=0"], status: 406),
            Wrong(
                method: "PATCH", path: accounts + "/oper", body: #"{"Enabled": false}"#,
                headers: ["If-Match": "\"x\""], status: 412),
            Wrong(
                method: "PATCH", path: accounts + "/oper", body: #"{"Enabled": false}"#,
                headers: ["If-Match": "W/\"0\""], status: 412),
            Wrong(method: "DELETE", path: accounts + "/oper", headers: ["If-Match": "\"x\""], status: 412),
            Wrong(
                method: "PATCH", path: Front.slot(), body: #"{"Image": null}"#,
                headers: ["If-Match": "nonsense"], status: 412),
            Wrong(path: Front.insert(), body: "", message: "MalformedJSON"),
            Wrong(
                path: Front.insert(),
                body: "{\(image), \"X\": \"" + String(repeating: "x", count: 70_000) + "\"}", status: 413),
        ]
        + [
            "Basic", "Basic ", "Basic !!!!", "Basic cm9vdA==", "Bearer x", "Basic /////w==", "Digest x", "x",
            "Basic " + String(repeating: "A", count: 3000), "Basic Og==",
        ].map { Wrong(method: "GET", path: Front.slot(), headers: ["Authorization": $0], status: 401) }
        + ["nope", String(repeating: "0", count: 80), String(repeating: "x", count: 4000)].map {
            Wrong(method: "GET", path: Front.slot(), headers: ["X-Auth-Token": $0], status: 401)
        }

    static let all: [Wrong] =
        brokenJSON.map { Wrong(body: $0, message: "InvalidJSON") }
        + notObjects.map { Wrong(body: $0, message: "UnrecognizedRequestBody") }
        + [sessions, accounts].flatMap { path in
            (brokenJSON.prefix(10) + notObjects).map { Wrong(path: path, body: String($0)) }
        }
        + parameters + others + lines

    @Test func `hundreds of wrong requests are each refused with a Redfish error, and nothing changes`()
        throws
    {
        #expect(Self.all.count > 250)
        try Front.run { front in
            func state() async -> [String] {
                var texts: [String] = []
                for path in [
                    Front.slot(), Front.slot("Slot_0"), Front.slot("Slot_3"), Self.accounts + "?$expand=*",
                    Self.sessions, "/redfish/v1/SessionService", "/redfish/v1/AccountService",
                    "/redfish/v1/Systems/system", "/redfish/v1/TaskService/Tasks",
                ] { texts.append(await front.get(path).text) }
                return texts
            }
            let before = await state()
            for (number, wrong) in Self.all.enumerated() {
                // From many addresses, so that wrong passwords slow nobody down.
                let answer = await front.send(
                    wrong.method, wrong.path, wrong.body, as: Front.basic, wrong.headers,
                    from: "192.0.2.\(number % 250)")
                #expect(answer.status == wrong.status, "\(wrong): \(answer.text.prefix(300))")
                let ids = answer.messageIDs
                #expect(!ids.isEmpty, "\(wrong): \(answer.text.prefix(300))")
                if let message = wrong.message {
                    #expect(ids.contains { $0.hasSuffix(".\(message)") }, "\(wrong): \(ids)")
                }
                #expect(answer.json?["error"]?["code"]?.text != nil)
                #expect(answer.header("Content-Type")?.hasPrefix("application/json") == true)
                #expect(!answer.text.contains("hunter2"), "\(wrong)")
                #expect(!answer.text.contains(Front.password), "\(wrong)")
            }
            #expect(await state() == before)
        }
    }

    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func `damaged requests never trap and are never taken for good ones`(seed: UInt64) throws {
        try Front.run(seed: seed) { front in
            var random = front.simulation.random.stream("damage")
            let good = "{\(Self.image), \"UserName\": \"me\", \"Password\": \"x\", \"WriteProtected\": true}"
            for _ in 0..<40 {
                var bytes = Array(good.utf8)
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let index = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: index)
                    default: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: index)
                    }
                }
                let fields: HTTPFields = [.authorization: Front.basic, .contentType: "application/json"]
                let answer = await front.service.respond(
                    to: HTTPRequest(
                        method: .post, scheme: "https", authority: "bmc", path: Front.eject(),
                        headerFields: fields), body: bytes, peer: Peer(address: "192.0.2.1"))
                #expect((400..<500).contains(answer.status))
            }
        }
    }
}
