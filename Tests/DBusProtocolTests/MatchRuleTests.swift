import Testing

@testable import DBusProtocol

struct MatchRuleTests {
    @Test(arguments: [
        "type=x", "nonsense", "=a", "sender=''", "sender='a'", "interface='a'", "member='a.b'", "path='a'",
        "path='/a/'", "path='/a',path_namespace='/a'", "type='signal',type='signal'", "arg64='x'", "arg='x'",
        "argx='x'", "arg0='x',arg0path='/x'", "arg1namespace='a.b'", "arg0namespace='a..b'",
        "eavesdrop='yes'",
        "member='Unbalanced", "arg0other='x'", "unknown='x'", "arg99999999999999999999='x'",
    ])
    func `a wrong rule is refused`(text: String) {
        let error = #expect(throws: BusError.self) { try MatchRule(parsing: text) }
        #expect(error?.name == ErrorName.matchRuleInvalid)
    }

    @Test func `a rule over 1024 bytes is over the limit`() throws {
        let long = "arg0='" + String(repeating: "x", count: 1_017) + "'"
        #expect(try MatchRule(parsing: long).argumentCount == 1)
        let error = #expect(throws: BusError.self) { try MatchRule(parsing: long + " ") }
        #expect(error?.name == ErrorName.limitsExceeded)
    }

    @Test(arguments: [
        ("arg0='it'\\''s'", "it's"), ("arg0=it\\'s", "it's"), ("arg0=a'b,c'd", "ab,cd"),
        ("arg0='a\\b'", "a\\b"),
        ("arg0=''", ""), (" arg0='x',", "x"), ("arg0=\\", "\\"),
    ])
    func `quoting is undone as the specification says`(text: String, value: String) throws {
        #expect(try MatchRule(parsing: text).arguments == [0: .equal(value)])
    }

    @Test(arguments: [
        ("arg0path='/aa/bb/'", "/aa/bb/", true), ("arg0path='/aa/bb/'", "/aa/bb/cc", true),
        ("arg0path='/aa/bb/'", "/", true), ("arg0path='/aa/bb/'", "/aa/", true),
        ("arg0path='/aa/bb/'", "/aa", false),
        ("arg0path='/aa/bb/'", "/aa/b", false), ("arg0path='/aa/bb/'", "/aa/bb", false),
        ("arg0path='/aa'", "/aa/bb", false), ("arg0path='/aa'", "/aa", true),
        ("arg0namespace='a.b'", "a.b", true),
        ("arg0namespace='a.b'", "a.b.c", true), ("arg0namespace='a.b'", "a.bc", false),
        ("arg0namespace='a.b'", "a", false), ("arg0='é'", "e\u{301}", false), ("arg0='x'", "x", true),
        ("arg1='x'", "x", false),
    ])
    func `arguments are compared each in its way`(rule: String, argument: String, fits: Bool) throws {
        let signal = Message.signal(path: "/", interface: "a.b", member: "C", body: [.string(argument)])
        #expect(try MatchRule(parsing: rule).matches(signal) == fits)
    }

    @Test(arguments: [("/a/b", true), ("/a/b/c", true), ("/a/bc", false), ("/a", false), ("/", false)])
    func `a path namespace holds the path and all below`(path: String, fits: Bool) throws {
        let signal = Message.signal(path: path, interface: "a.b", member: "C")
        #expect(try MatchRule(parsing: "path_namespace='/a/b'").matches(signal) == fits)
        #expect(try MatchRule(parsing: "path_namespace='/'").matches(signal))
    }

    @Test(arguments: [
        (":1.0", true, false, false), ("org.a", true, true, false), ("org.a-b", true, false, false),
        ("org", false, false, true), ("1org.a", false, false, false), (":1.0-x", true, false, false),
        ("a_b.c_d", true, true, false), ("a.", false, false, false), (".a", false, false, false),
        ("Member1", false, false, true), ("", false, false, false), ("a b", false, false, false),
        (String(repeating: "a", count: 253) + ".b", true, true, false),
        (String(repeating: "a", count: 254) + ".b", false, false, false),
    ])
    func `each grammar of names accepts its own`(name: String, isBus: Bool, isInterface: Bool, isMember: Bool)
    {
        #expect(Names.isBusName(name) == isBus)
        #expect(Names.isInterface(name) == isInterface)
        #expect(Names.isMember(name) == isMember)
    }
}
