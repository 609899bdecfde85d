import HTTPTypes
import Scenarios
import Testing

@testable import RedfishServer

struct AccessTests {
    static let sessions = "/redfish/v1/SessionService/Sessions"
    static let accounts = "/redfish/v1/AccountService/Accounts"

    /// A new session's token and path.
    static func logIn(_ front: Front, as userName: String = Front.admin) async throws -> (
        token: String, path: String
    ) {
        let answer = await front.send(
            "POST", sessions, #"{"UserName": "\#(userName)", "Password": "\#(Front.password)"}"#, as: nil)
        #expect(answer.status == 201)
        return (try #require(answer.header("X-Auth-Token")), try #require(answer.header("Location")))
    }

    // MARK: Who may do what

    struct Cell: Sendable {
        let method: String
        let pattern: String
        let rule: PrivilegeRule
    }

    static let cells: [Cell] = RouteTable.routes.flatMap { route in
        route.operations.map { Cell(method: $0.method.rawValue, pattern: route.pattern, rule: $0.rule) }
    }

    /// Paths with something at their end, so that it is the privilege that decides.
    static func path(_ pattern: String, session: String) -> String {
        let values = [
            "{manager}": "bmc", "{system}": "system", "{slot}": "Slot_2", "{account}": "nobody",
            "{role}": "ReadOnly",
            "{session}": session, "{task}": "1", "{registry}": "MediaRig",
        ]
        return "/"
            + pattern.split(separator: "/").map { values[String($0)] ?? String($0) }.joined(separator: "/")
    }

    @Test func `every route lets in whom the table names, and nobody else`() throws {
        try Front.run { front in
            let session = try await Self.logIn(front).path.split(separator: "/").last.map(String.init) ?? ""
            for cell in Self.cells {
                let path = Self.path(cell.pattern, session: session)
                let anonymous = await front.send(cell.method, path, as: nil)
                #expect((anonymous.status == 401) == (cell.rule != .open), "\(cell.method) \(path)")
                for (user, role) in [("oper", Role.operator), ("reader", .readOnly)] {
                    // A body that is wrong for every route: whoever is let in is told so, and nothing changes.
                    let answer = await front.send(
                        cell.method, path, #"{"Nonsense": 1}"#, as: Front.basic(user))
                    let isLetIn = cell.rule.allows(role, isOwner: false)
                    #expect(
                        (answer.status != 403) == isLetIn, "\(user): \(cell.method) \(path) \(answer.status)")
                }
            }
        }
    }

    @Test func `methods that a route does not have are answered with those that it has`() throws {
        try Front.run { front in
            for route in RouteTable.routes {
                let path = Self.path(route.pattern, session: "x")
                for method in ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "TRACE"]
                where !route.operations.contains(where: { $0.method.rawValue == method }) {
                    let answer = await front.send(method, path)
                    #expect(answer.status == 405, "\(method) \(path)")
                    #expect(answer.header("Allow") == route.allowed)
                }
                #expect(await front.send("BREW", path).status == 501)
            }
        }
    }

    // MARK: Sessions

    @Test func `a session's token works until the session is deleted`() throws {
        try Front.run { front in
            let (token, path) = try await Self.logIn(front)
            let headers = ["X-Auth-Token": token]
            #expect(await front.send("GET", Self.sessions, as: nil, headers).json?.members == [path])
            let session = await front.send("GET", path, as: nil, headers)
            #expect(session.json?["UserName"]?.text == Front.admin)
            #expect(session.json?["ClientOriginIPAddress"]?.text == "192.0.2.7")
            #expect(!session.text.contains(token))
            #expect(await front.send("DELETE", path, as: nil, headers).status == 204)
            #expect(await front.send("GET", Self.sessions, as: nil, headers).status == 401)
        }
    }

    @Test func `tokens that are nearly right are wrong`() throws {
        try Front.run { front in
            let (token, _) = try await Self.logIn(front)
            let last = token.last == "0" ? "1" : "0"
            for wrong in [
                "", "x", String(token.dropLast()), token + "0", token.dropLast() + last,
                token.uppercased() + "g",
                String(token.prefix(16)), String(token.prefix(16)) + String(token.prefix(64)),
            ] {
                let answer = await front.send("GET", Self.sessions, as: nil, ["X-Auth-Token": wrong + " "])
                #expect(answer.status == 401, "\(wrong)")
            }
        }
    }

    @Test func `a session that nobody uses ends, and whoever is bound to it hears of it`() throws {
        try Front.run(configure: { $0.sessionTimeout = .seconds(60) }) { front in
            let changes = await front.service.followLoginChanges()
            let (token, path) = try await Self.logIn(front)
            for _ in 0..<4 {
                try await front.simulation.clock.sleep(for: .seconds(50))
                #expect(
                    await front.send("GET", Self.sessions, as: nil, ["X-Auth-Token": token]).status == 200)
            }
            try await front.simulation.clock.sleep(for: .seconds(70))
            #expect(await front.send("GET", Self.sessions, as: nil, ["X-Auth-Token": token]).status == 401)
            #expect(await front.get(path).status == 404)
            var iterator = changes.makeAsyncIterator()
            let id = try #require(path.split(separator: "/").last.map(String.init))
            #expect(await iterator.next() == .sessionEnded(id: id))
        }
    }

    @Test func `there is a limit to sessions, and room again when one ends`() throws {
        try Front.run(configure: { $0.maximumSessions = 3 }) { front in
            let body = #"{"UserName": "root", "Password": "\#(Front.password)"}"#
            var paths: [String] = []
            for _ in 0..<3 { paths.append(try await Self.logIn(front).path) }
            let fourth = await front.send("POST", Self.sessions, body, as: nil)
            #expect(fourth.status == 503)
            #expect(fourth.messageIDs == ["Base.1.22.SessionLimitExceeded"])
            #expect(await front.send("DELETE", paths[0]).status == 204)
            #expect(await front.send("POST", Self.sessions, body, as: nil).status == 201)
        }
    }

    @Test func `others' sessions are theirs alone, but for an administrator`() throws {
        try Front.run { front in
            let own = try await Self.logIn(front, as: "reader").path
            let other = try await Self.logIn(front, as: "oper").path
            let reader = Front.basic("reader")
            #expect(await front.get(Self.sessions, as: reader).json?.members == [own])
            #expect(await front.get(other, as: reader).status == 403)
            #expect(await front.send("DELETE", other, as: reader).status == 403)
            #expect(await front.send("DELETE", own, as: reader).status == 204)
            #expect(await front.send("DELETE", other).status == 204)
        }
    }

    // MARK: Browsers

    @Test func `a cookie counts for changes only with the token that other sites do not know`() throws {
        try Front.run { front in
            let answer = await front.send(
                "POST", "/login", #"{"username": "root", "password": "\#(Front.password)"}"#, as: nil)
            #expect(answer.status == 200)
            var cookies: [String: String] = [:]
            for field in answer.head.headerFields[values: .setCookie] {
                #expect(field.contains("Secure") && field.contains("SameSite=Strict"))
                let pair = field.split(separator: ";")[0].split(separator: "=")
                #expect(field.contains("HttpOnly") == (pair[0] == "SESSION"))
                cookies[String(pair[0])] = String(pair[1])
            }
            let cookie = "SESSION=\(cookies["SESSION"] ?? ""); XSRF-TOKEN=\(cookies["XSRF-TOKEN"] ?? "")"
            let token = cookies["XSRF-TOKEN"] ?? ""
            #expect(await front.send("GET", Front.slot(), as: nil, ["Cookie": cookie]).status == 200)
            let attempts: [([String: String], Int)] = [
                (["Cookie": cookie], 403),
                (["Cookie": cookie, "X-XSRF-TOKEN": "wrong"], 403),
                (["Cookie": cookie, "X-XSRF-TOKEN": token, "Origin": "https://evil.example"], 403),
                (["Cookie": cookie, "X-XSRF-TOKEN": token, "Origin": "null"], 403),
                (["Cookie": cookie, "X-XSRF-TOKEN": token, "Origin": "https://bmc.example"], 409),
                (["Cookie": cookie, "X-XSRF-TOKEN": token], 409),
                (["X-XSRF-TOKEN": token], 401),
            ]
            for (headers, status) in attempts {
                #expect(
                    await front.send("POST", Front.eject(), as: nil, headers).status == status, "\(headers)")
            }
            let out = await front.send("POST", "/logout", as: nil, ["Cookie": cookie, "X-XSRF-TOKEN": token])
            #expect(out.status == 204)
            #expect(await front.send("GET", Front.slot(), as: nil, ["Cookie": cookie]).status == 401)
        }
    }

    @Test func `a browser that knows the password uses it for no other site's page`() throws {
        try Front.run { front in
            for (origin, status) in [
                ("https://evil.example", 403), ("null", 403), ("https://bmc.example.evil", 403),
                ("http://bmc.example:8080", 403), ("http://bmc.example", 403), ("bmc.example", 403),
                ("https://bmc.example/x", 403), ("https://bmc.example", 409),
                ("https://BMC.example:443", 409),
                ("", 409),
            ] {
                let answer = await front.send("POST", Front.eject(), as: Front.basic, ["Origin": origin])
                #expect(answer.status == status, "\(origin)")
            }
            let login = #"{"username": "root", "password": "\#(Front.password)"}"#
            for (origin, status) in [("https://evil.example", 403), ("https://bmc.example", 200)] {
                let answer = await front.send("POST", "/login", login, as: nil, ["Origin": origin])
                #expect(answer.status == status)
                #expect((answer.header("Set-Cookie") != nil) == (status == 200))
            }
        }
    }

    @Test func `a WebSocket is let in with a token, a password, or a cookie with its proof`() throws {
        try Front.run { front in
            let answer = await front.send(
                "POST", "/login", #"{"username": "oper", "password": "\#(Front.password)"}"#, as: nil)
            let cookies = answer.head.headerFields[values: .setCookie].map { $0.split(separator: ";")[0] }
            let session = String(try #require(cookies.first { $0.hasPrefix("SESSION=") }))
            let proof = String(try #require(cookies.first { $0.hasPrefix("XSRF-TOKEN=") }).dropFirst(11))
            let (token, _) = try await Self.logIn(front, as: "oper")
            let attempts: [([String: String], Int)] = [
                (["Cookie": session, "Sec-WebSocket-Protocol": proof], 0),
                (["Cookie": session, "Sec-WebSocket-Protocol": "other, \(proof)"], 0),
                (["Cookie": session], 403), (["Cookie": session, "Sec-WebSocket-Protocol": "x"], 403),
                (["Cookie": session, "X-XSRF-TOKEN": proof], 403),
                (
                    [
                        "Cookie": session, "Sec-WebSocket-Protocol": proof,
                        "Origin": "https://evil.example",
                    ], 403
                ),
                (["X-Auth-Token": token], 0), (["X-Auth-Token": "x"], 401), ([:], 401),
                (["Authorization": Front.basic("oper")], 0),
                (["Authorization": Front.basic("oper"), "Origin": "https://evil.example"], 403),
                (["Authorization": Front.basic("reader")], 403),
            ]
            for (headers, status) in attempts {
                var fields = HTTPFields()
                for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
                    fields[HTTPField.Name(name)!] = value
                }
                let request = HTTPRequest(
                    method: .get, scheme: "https", authority: "bmc.example", path: "/nbd/0",
                    headerFields: fields)
                var refused = 0
                do throws(Refusal) {
                    let login = try await front.service.authenticate(
                        request, peer: Peer(address: "192.0.2.1"), rule: RedfishService.proxyRule,
                        isWebSocket: true)
                    #expect(login.userName == "oper")
                } catch { refused = error.status }
                #expect(refused == status, "\(headers)")
            }
        }
    }

    // MARK: Passwords

    @Test func `too many wrong passwords lock the account for a while, and the right one does not help`()
        throws
    {
        try Front.run { front in
            for _ in 0..<5 {
                #expect(await front.get(Self.sessions, as: Front.basic("oper", "wrong")).status == 401)
            }
            #expect(await front.get(Self.sessions, as: Front.basic("oper")).status == 401)
            #expect(await front.get(Self.accounts + "/oper").json?["Locked"]?.flag == true)
            #expect(await front.get(Self.sessions).status == 200)
            try await front.simulation.clock.sleep(for: .seconds(301))
            #expect(await front.get(Self.sessions, as: Front.basic("oper")).status == 200)
            for _ in 0..<5 { await front.get(Self.sessions, as: Front.basic("oper", "wrong")) }
            #expect(await front.send("PATCH", Self.accounts + "/oper", #"{"Locked": false}"#).status == 200)
            #expect(await front.get(Self.sessions, as: Front.basic("oper")).status == 200)
        }
    }

    @Test func `an address that tries many passwords has to wait, others do not`() throws {
        try Front.run { front in
            var statuses: [Int] = []
            for number in 0..<30 {
                statuses.append(
                    await front.send(
                        "GET", Self.sessions, as: Front.basic("user\(number)", "x"), from: "198.51.100.1"
                    ).status)
            }
            #expect(statuses.prefix(20).allSatisfy { $0 == 401 })
            #expect(statuses.suffix(9).allSatisfy { $0 == 429 })
            let slowed = await front.send("GET", Self.sessions, from: "198.51.100.1")
            #expect(slowed.status == 429)
            #expect(slowed.header("Retry-After") != nil)
            #expect(await front.get(Self.sessions).status == 200)
            try await front.simulation.clock.sleep(for: .seconds(60))
            #expect(await front.send("GET", Self.sessions, from: "198.51.100.1").status == 200)
        }
    }

    // MARK: Accounts

    @Test func `accounts are created, changed and removed, and what was bound to them ends`() throws {
        try Front.run { front in
            let changes = await front.service.followLoginChanges()
            let body = #"{"UserName": "eve", "Password": "Qu1te-Long", "RoleId": "Operator"}"#
            let created = await front.send("POST", Self.accounts, body)
            #expect(created.status == 201, "\(created.text)")
            #expect(created.header("Location") == Self.accounts + "/eve")
            #expect(created.json?["Password"]?.value == .null)
            #expect(!created.text.contains("Qu1te-Long"))
            #expect(await front.send("POST", Self.accounts, body).status == 400)
            let eve = Front.basic("eve", "Qu1te-Long")
            #expect(await front.get(Front.slot(), as: eve).status == 200)
            let changed = await front.send("PATCH", Self.accounts + "/eve", #"{"RoleId": "ReadOnly"}"#)
            #expect(changed.json?["RoleId"]?.text == "ReadOnly")
            #expect(await front.send("POST", Front.eject(), as: eve).status == 403)
            #expect(await front.send("DELETE", Self.accounts + "/eve").status == 204)
            #expect(await front.get(Front.slot(), as: eve).status == 401)
            var iterator = changes.makeAsyncIterator()
            #expect(await iterator.next() == .accountChanged(userName: "eve"))
            #expect(await iterator.next() == .accountChanged(userName: "eve"))
        }
    }

    @Test func `somebody who may only change its own password can do that and nothing more`() throws {
        try Front.run { front in
            let own = Self.accounts + "/reader"
            let reader = Front.basic("reader")
            #expect(await front.send("PATCH", own, #"{"RoleId": "Administrator"}"#, as: reader).status == 403)
            #expect(
                await front.send("PATCH", own, #"{"Password": "Another-1", "Enabled": true}"#, as: reader)
                    .status == 403)
            #expect(
                await front.send("PATCH", Self.accounts + "/oper", #"{"Password": "Another-1"}"#, as: reader)
                    .status == 403)
            let (token, _) = try await Self.logIn(front, as: "reader")
            #expect(await front.send("PATCH", own, #"{"Password": "Another-1"}"#, as: reader).status == 200)
            #expect(await front.get(own, as: reader).status == 401)
            #expect(await front.get(own, as: Front.basic("reader", "Another-1")).status == 200)
            #expect(await front.send("GET", own, as: nil, ["X-Auth-Token": token]).status == 401)
        }
    }

    @Test func `the last administrator stays`() throws {
        try Front.run { front in
            let root = Self.accounts + "/root"
            #expect(await front.send("DELETE", root).status == 400)
            #expect(await front.send("PATCH", root, #"{"RoleId": "ReadOnly"}"#).status == 400)
            #expect(await front.send("PATCH", root, #"{"Enabled": false}"#).status == 400)
            #expect(await front.get(root).json?["RoleId"]?.text == "Administrator")
        }
    }

    @Test func `a password that has to be changed opens nothing but its own change`() throws {
        try Front.run(
            configure: {
                $0.initialAccounts.append(
                    .init("new", password: Front.password, role: .administrator, mustChangePassword: true))
            }
        ) { front in
            let user = Front.basic("new")
            let own = Self.accounts + "/new"
            for path in [Front.slot(), "/redfish/v1/Systems", Self.accounts] {
                let answer = await front.get(path, as: user)
                #expect(answer.status == 403)
                #expect(answer.messageIDs == ["Base.1.22.PasswordChangeRequired"])
            }
            #expect(await front.get(own, as: user).status == 200)
            #expect(await front.send("PATCH", own, #"{"RoleId": "Administrator"}"#, as: user).status == 403)
            let session = await front.send(
                "POST", Self.sessions, #"{"UserName": "new", "Password": "\#(Front.password)"}"#, as: nil)
            #expect(session.status == 201)
            #expect(session.text.contains("PasswordChangeRequired"))
            #expect(await front.send("PATCH", own, #"{"Password": "Another-1"}"#, as: user).status == 200)
            #expect(await front.get(Front.slot(), as: Front.basic("new", "Another-1")).status == 200)
        }
    }

    @Test func `an account store that fails leaves the accounts as they were`() throws {
        try Front.run(accounts: BrokenStore()) { front in
            let answer = await front.send(
                "POST", Self.accounts, #"{"UserName": "eve", "Password": "Qu1te-Long", "RoleId": "Operator"}"#
            )
            #expect(answer.status == 500)
            #expect(await front.get(Self.accounts + "/eve").status == 404)
            #expect(await front.send("DELETE", Self.accounts + "/oper").status == 500)
            #expect(await front.get(Self.accounts + "/oper").status == 200)
        }
    }
}

/// Stores the first time only.
private actor BrokenStore: AccountStore {
    private var isBroken = false
    func load() async throws(StoreFailure) -> [Account]? { nil }
    func save(_ accounts: [Account]) async throws(StoreFailure) {
        if isBroken { throw StoreFailure("no space left") }
        isBroken = true
    }
}
