import Testing

@testable import RedfishServer

struct ImageSourcePolicyTests {
    static let local: [String] = [
        "localhost", "LOCALHOST", "localhost.", "a.localhost", "printer.local", "127.0.0.1", "127.1",
        "127.255.255.254",
        "0x7f000001", "0x7F.0.0.1", "017700000001", "2130706433", "0177.0.0.1", "127.0.1", "0", "0.0.0.0",
        "0x0",
        "169.254.0.1", "169.254.169.254", "0xa9fea9fe", "2852039166", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]",
        "[fe80::1]", "[FE80::1%25eth0]", "[febf::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[::ffff:169.254.1.1]",
        "[::127.0.0.1]", "[::2]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:1]", "[::1%lo]", "[nonsense:]",
        "[1::2::3]", "[12345::]",
        "[1:2:3:4:5:6:7:8:9]", "",
    ]

    static let remote: [String] = [
        "images.example", "127.example", "10.0.0.1", "192.168.1.1", "128.0.0.1", "126.255.255.255",
        "169.253.1.1",
        "169.255.1.1", "1.1.1.1", "[2001:db8::1]", "[fec0::1]", "[fe7f::1]", "[fd00::1]", "[::ffff:10.0.0.1]",
        "localhost.example", "local", "0x7f.example", "127.0.0.1.example", "[64:ff9b::10.0.0.1]", "256.0.0.1",
        "1.2.3.4.5",
        "08.0.0.1",
    ]

    @Test(arguments: local)
    func `the BMC's own addresses are for administrators alone, however they are written`(host: String) {
        let policy = ImageSourcePolicy()
        #expect(!policy.allows(host: host, for: .operator))
        #expect(policy.allows(host: host, for: .administrator))
        var strict = policy
        strict.letsAdministratorsUseLocalAddresses = false
        #expect(!strict.allows(host: host, for: .administrator))
    }

    @Test(arguments: remote)
    func `other addresses are for everybody`(host: String) {
        #expect(ImageSourcePolicy().allows(host: host, for: .operator))
    }

    @Test func `a list of hosts leaves out all others, and names below a dot count`() {
        var policy = ImageSourcePolicy()
        policy.allowedHosts = ["images.example", ".trusted.example", "10.0.0.1", "127.0.0.1"]
        for (host, isAllowed) in [
            ("images.example", true), ("IMAGES.example.", true), ("a.trusted.example", true),
            ("trusted.example", false), ("nottrusted.example", false), ("images.example.evil", false),
            ("10.0.0.1", true), ("10.0.0.2", false), ("127.0.0.1", true),
        ] {
            #expect(policy.allows(host: host, for: .administrator) == isAllowed, "\(host)")
        }
        #expect(!policy.allows(host: "127.0.0.1", for: .operator))
        policy.refusedHosts = ["a.trusted.example"]
        #expect(!policy.allows(host: "a.trusted.example", for: .administrator))
        #expect(policy.allows(host: "b.trusted.example", for: .administrator))
    }

    @Test func `an operator is refused before anything is opened`() throws {
        try Front.run { front in
            for host in ["127.0.0.1", "[::1]:8443", "localhost", "0x7f000001"] {
                let body = #"{"Image": "https://\#(host)/a.iso"}"#
                let answer = await front.send("POST", Front.insert(), body, as: Front.basic("oper"))
                #expect(answer.status == 403, "\(host)")
                #expect(answer.messageIDs == ["MediaRig.1.0.SourceNotAllowed"])
            }
            #expect(await front.get(Front.slot()).json?["Oem"]?["MediaRig"]?["LastError"]?.value == .null)
        }
    }
}
