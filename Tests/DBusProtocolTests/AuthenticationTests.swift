import TestSupport
import Testing

@testable import DBusProtocol

/// Scripts: `C:` is what the client sends, `S:` what the server answers, `!` hangs up, `=` is the
/// outcome: user, whether descriptors pass, and what follows BEGIN. The first NUL is left out.
struct AuthenticationTests {
    static let guid = String(repeating: "0123456789abcdef", count: 2)
    private static let serverScripts = [
        "C:AUTH EXTERNAL 31303030|S:OK \(guid)|C:BEGIN|=1000 false ",
        "C:AUTH EXTERNAL 31303030|S:OK \(guid)|C:NEGOTIATE_UNIX_FD|S:AGREE_UNIX_FD|C:BEGIN|=1000 true ",
        "C:AUTH EXTERNAL|S:DATA|C:DATA|S:OK \(guid)|C:BEGIN|=1000 false ",
        "C:AUTH EXTERNAL|S:DATA|C:DATA 31303030|S:OK \(guid)|C:BEGIN|=1000 false ",
        "C:AUTH|S:REJECTED EXTERNAL ANONYMOUS|C:AUTH ANONYMOUS 6d65|S:OK \(guid)|C:BEGIN|=nil false ",
        "C:AUTH EXTERNAL 30|S:REJECTED EXTERNAL ANONYMOUS|C:AUTH EXTERNAL 31303030|S:OK \(guid)|C:BEGIN|=1000 false ",
        "C:AUTH DBUS_COOKIE_SHA1 30|S:REJECTED EXTERNAL ANONYMOUS",
        "C:AUTH EXTERNAL 31303030|S:OK \(guid)|C:CANCEL|S:REJECTED EXTERNAL ANONYMOUS",
        "C:AUTH EXTERNAL 31303030|S:OK \(guid)|C:ERROR|S:REJECTED EXTERNAL ANONYMOUS",
        "C:AUTH EXTERNAL|S:DATA|C:CANCEL|S:REJECTED EXTERNAL ANONYMOUS",
        "C:AUTH EXTERNAL willy|S:ERROR \"Invalid hex encoding\"",
        "C:AUTH EXTERNAL|S:DATA|C:DATA zz|S:ERROR \"Invalid hex encoding\"",
        "C:NONSENSE foo|S:ERROR \"Unknown command\"", "C:|S:ERROR \"Unknown command\"",
        "C:NEGOTIATE_UNIX_FD|S:ERROR \"Unknown command\"",
        "C:DATA|S:ERROR \"Not currently in an auth conversation\"",
        "C:BEGIN|!", "C:AUTH EXTERNAL|S:DATA|C:BEGIN|!",
        (0..<6).map { _ in "C:AUTH EXTERNAL 30" }.joined(separator: "|S:REJECTED EXTERNAL ANONYMOUS|") + "|!",
        "C:AUTH EXTERNAL 31303030|S:OK \(guid)|C:BEGIN\r\nHello|=1000 false Hello\r\n",
    ]

    @Test(arguments: serverScripts, 0...2)
    func `the server follows the script`(script: String, way: Int) throws {
        var server = ServerAuthentication(
            guid: Self.guid, mechanisms: [.external, .anonymous], peerUserID: 1000, offersDescriptors: true)
        _ = try server.receive([0])
        var reply: [UInt8] = []
        var outcome: String?
        var hasHungUp = false
        for step in script.split(separator: "|", omittingEmptySubsequences: false) {
            switch step.prefix(2) {
            case "C:":
                for portion in portions(of: Array(step.dropFirst(2).utf8) + [13, 10], seed: 3)[way] {
                    do {
                        let progress = try server.receive(portion)
                        reply += progress.reply
                        if let identity = progress.identity {
                            let user = identity.userID.map(String.init) ?? "nil"
                            outcome = "\(user) \(identity.canPassDescriptors) "
                        }
                        if outcome != nil { outcome! += String(decoding: progress.rest, as: UTF8.self) }
                    } catch {
                        hasHungUp = true
                    }
                    if outcome != nil { break }
                }
            case "S:":
                #expect(String(decoding: reply, as: UTF8.self) == step.dropFirst(2) + "\r\n")
                reply = []
            case let mark where mark.hasPrefix("="):
                let wanted = String(step.dropFirst())
                // Fed in pieces, what follows BEGIN arrives with later pieces.
                #expect(way == 0 ? outcome == wanted : wanted.hasPrefix(outcome ?? "?"))
            default: #expect(hasHungUp)
            }
        }
        #expect(hasHungUp == script.hasSuffix("!"))
    }

    @Test func `a first byte other than NUL, a line too long and a bare newline end it`() {
        for start in [
            [0x41], [0] + [UInt8](repeating: 0x41, count: 16_385), [0, 0x41, 0x0A], [0, 0xC3, 0x0D, 0x0A],
        ]
            as [[UInt8]]
        {
            var server = ServerAuthentication(
                guid: Self.guid, mechanisms: [.external], peerUserID: 0, offersDescriptors: true)
            #expect(throws: WireViolation.self) { try server.receive(start) }
        }
    }

    @Test func `without credentials EXTERNAL is refused`() throws {
        var server = ServerAuthentication(
            guid: Self.guid, mechanisms: [.external], peerUserID: nil, offersDescriptors: true)
        let progress = try server.receive([0] + Array("AUTH EXTERNAL 30\r\n".utf8))
        #expect(String(decoding: progress.reply, as: UTF8.self) == "REJECTED EXTERNAL\r\n")
    }

    @Test(arguments: [
        ["S:OK \(guid)", "C:NEGOTIATE_UNIX_FD", "S:AGREE_UNIX_FD", "C:BEGIN", "=true"],
        ["S:OK \(guid)", "C:NEGOTIATE_UNIX_FD", "S:ERROR", "C:BEGIN", "=false"],
        [
            "S:REJECTED ANONYMOUS", "C:AUTH ANONYMOUS 6d65646961726967", "S:OK 1234deadbeef",
            "C:NEGOTIATE_UNIX_FD",
        ],
        ["S:DATA", "C:DATA", "S:OK \(guid)", "C:NEGOTIATE_UNIX_FD"],
        ["S:ERROR", "C:CANCEL", "S:REJECTED EXTERNAL ANONYMOUS", "C:AUTH ANONYMOUS 6d65646961726967"],
        ["S:WHAT", "C:ERROR \"Unknown command\""], ["S:REJECTED BONGO_MD5", "!"], ["S:OK nothex", "!"],
    ])
    func `the client follows the script`(script: [String]) throws {
        var client = ClientAuthentication(userID: 1000, mechanisms: [.external, .anonymous])
        #expect(client.start() == [0] + Array("AUTH EXTERNAL 31303030\r\n".utf8))
        var sent = ""
        var agreed: Bool?
        var hasFailed = false
        for step in script {
            if step.hasPrefix("S:") {
                do {
                    let progress = try client.receive(Array((step.dropFirst(2) + "\r\n").utf8))
                    sent = String(decoding: progress.reply, as: UTF8.self)
                    if progress.isFinished { agreed = progress.canPassDescriptors }
                } catch {
                    hasFailed = true
                }
            } else if step.hasPrefix("C:") {
                #expect(sent == step.dropFirst(2) + "\r\n")
            } else if step.hasPrefix("=") {
                #expect(agreed == (step == "=true"))
            }
        }
        #expect(hasFailed == (script.last == "!"))
    }
}
